"""What the inputs of a model mean. The same object feeds training, presets and serving."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.interactions import Interactions
from tfrec.data.vocabulary import FIRST_ID, Vocabulary
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True, eq=False)
class FeatureSpec:
    """Vocabularies, counts, lengths, and what is known of the items.

    Attributes:
        items: the item vocabulary, most frequent first: id 2 is the most popular item.
        item_counts: (num_items,) int64, interactions of each item in the data that the spec was fitted on.
        max_length: L, the newest items of a history that a model reads.
        item_table: side columns of the items (title, genres, ...), a row an item in the vocabulary's order, or None.
    """

    items: Vocabulary
    item_counts: np.ndarray
    max_length: int
    item_table: pd.DataFrame | None = None

    @classmethod
    def fit(cls, train: Interactions, max_length: int = 200) -> FeatureSpec:
        """Learn the spec from training data alone.

        Args:
            train: the training part of a split.
            max_length: L.

        Raises:
            InputError: where `max_length` is not a positive integer or there is no interaction.

        Example:
            >>> frame = pd.DataFrame({"u": [1, 1, 2], "i": ["x", "y", "y"]})
            >>> spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
            >>> spec.num_items, spec.items.decode([2, 3]), spec.item_counts.tolist()
            (2, ['y', 'x'], [2, 1])
        """
        if not isinstance(max_length, int) or isinstance(max_length, bool) or max_length < 1:
            raise InputError(f"max_length must be a positive integer, got {max_length!r}.")
        if not len(train):
            raise InputError("A FeatureSpec cannot be fitted on an empty table: give the training part of a split.")
        counts = np.bincount(train.item_codes, minlength=len(train.item_ids))
        used = np.flatnonzero(counts)
        # Most frequent first; ids break ties, so that the order of the rows does not matter.
        used = used[np.argsort(train.item_ids[used], kind="stable")]
        used = used[np.argsort(-counts[used], kind="stable")]
        vocabulary = Vocabulary(train.item_ids[used])
        table = None if train.items is None else train.items.reindex(vocabulary.tokens)
        return cls(vocabulary, counts[used].astype(np.int64), max_length, table)

    @property
    def num_items(self) -> int:
        """Items of the catalogue; ids run from 2 to num_items + 1."""
        return len(self.items)

    @property
    def mask_id(self) -> int:
        """The id that hides an item in masked-item training: the one behind the last item."""
        return FIRST_ID + self.num_items

    def check_fits(self, model: object) -> None:
        """Raise `InputError` where a model says another `num_items` or `max_length` than this spec."""
        for name in ("num_items", "max_length"):
            own, of_model = getattr(self, name), getattr(model, name, None)
            if of_model not in (None, own):
                raise InputError(
                    f"Model and feature spec do not fit: the model has {name}={of_model}, the spec {own}. Use the spec "
                    f"that the model was trained with, or build the model with {name}=spec.{name}."
                )

    @property
    def titles(self) -> list[str] | None:
        """A title for each item in the vocabulary's order, where the side table has a column named title or name."""
        if self.item_table is None:
            return None
        column = next((c for c in self.item_table.columns if str(c).lower() in ("title", "name")), None)
        if column is None:
            return None
        return ["" if pd.isna(title) else str(title) for title in self.item_table[column]]

    def title(self, item_id: int) -> str:
        """The title of an integer id, or its raw id where none is known."""
        titles = self.titles
        raw = self.items.tokens[item_id - FIRST_ID]
        return (titles[item_id - FIRST_ID] or raw) if titles else raw

    def save(self, folder: Path) -> None:
        """Write spec.json, vocabularies/item.txt, vocabularies/item_counts.txt and, where there is one, items.csv."""
        (folder / "vocabularies").mkdir(parents=True, exist_ok=True)
        self.items.save(folder / "vocabularies" / "item.txt")
        np.savetxt(folder / "vocabularies" / "item_counts.txt", self.item_counts, fmt="%d")
        if self.item_table is not None:
            self.item_table.to_csv(folder / "items.csv", index_label="item_id", lineterminator="\n")
        text = {
            "format": 1,
            "max_length": self.max_length,
            "num_items": self.num_items,
            "item_table": self.item_table is not None,
        }
        (folder / "spec.json").write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> FeatureSpec:
        """Read what `save` wrote; raises `InputError` where the parts do not fit each other."""
        try:
            spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
            if spec["format"] != 1:
                raise InputError(f"{folder / 'spec.json'} has format {spec['format']!r}; this tfrec reads format 1.")
            items = Vocabulary.load(folder / "vocabularies" / "item.txt")
            counts = np.loadtxt(folder / "vocabularies" / "item_counts.txt", dtype=np.int64, ndmin=1)
            table = None
            if spec["item_table"]:
                table = pd.read_csv(folder / "items.csv", dtype=str, keep_default_na=False, lineterminator="\n")
                table = table.set_index("item_id")
        except InputError:
            raise
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{folder} holds no feature spec that can be read: {error!r}.") from error
        for what, size in {
            "vocabularies/item.txt": len(items),
            "vocabularies/item_counts.txt": len(counts),
            "items.csv": spec["num_items"] if table is None else len(table),
        }.items():
            if size != spec["num_items"]:
                raise InputError(f"{folder / what} has {size} items, spec.json says {spec['num_items']}.")
        return cls(items, counts, spec["max_length"], table)

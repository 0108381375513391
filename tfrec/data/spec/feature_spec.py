"""`FeatureSpec`: the meaning of a model's inputs, shared by training, presets and serving."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.data.features import Feature
from tfrec.data.features.fitting import (
    encode_by_id,
    encode_table,
    fit_features,
    fit_side_features,
    level_ids,
    levels_of,
)
from tfrec.data.features.history_rule import History
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.spec import spec_files
from tfrec.data.spec.cold_items import ColdItems
from tfrec.data.spec.item_titles import all_titles, title_at
from tfrec.data.spec.vocabulary_hashes import vocabulary_hashes
from tfrec.data.splits import Holdout
from tfrec.data.tables.examples import Examples
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FeatureSpec:
    """The meaning of a model's inputs: vocabularies, item counts, history length, fitted features and side tables.

    Attributes:
        items: the item vocabulary, most frequent first: id 2 is the most popular item.
        item_counts: (num_items,) int64, interactions of each item in the data that the spec was fitted on.
        max_length: L, the number of newest items of a history that a model reads.
        item_table: side columns of the items (title, genres, ...), one row per item in vocabulary order, or None.
        features: fitted features of users, items and context for ranking models; of users and items for retrieval
            models that read them.
        history: the rule for the histories of a ranking model, or None.
        label_levels: the distinct labels that a history may hold, ascending; level 0 has id 2.
        item_features: name -> (num_items + 2 + len(cold), ...): encoded item features by id, followed by those of the
            cold items.
        cold: items of the side table without training rows; for ranking models, which score them by their features.
        users: the user vocabulary, most active first, for retrieval models that read a user id; or None.
        user_features: name -> (num_users + 2, ...): encoded user features by id, for retrieval models that read them.
    """

    items: Vocabulary
    item_counts: np.ndarray
    max_length: int
    item_table: pd.DataFrame | None = None
    features: tuple[Feature, ...] = ()
    history: History | None = None
    label_levels: tuple[float, ...] = ()
    item_features: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    cold: ColdItems = dataclasses.field(default_factory=ColdItems)
    users: Vocabulary | None = None
    user_features: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.max_length, int) or isinstance(self.max_length, bool) or self.max_length < 1:
            raise InputError(f"max_length must be a positive integer, got {self.max_length!r}.")
        counts = np.asarray(self.item_counts)
        if counts.shape != (len(self.items),) or counts.dtype.kind not in "iu":
            raise InputError(
                f"item_counts must be an integer for each of {len(self.items):,} items, got {counts.dtype} of shape "
                f"{counts.shape}."
            )
        if (counts < 0).any() or (len(counts) and not counts.any()):
            at = int(counts.argmin())
            raise InputError(
                f"item_counts must be at least 0, and not all 0: got {counts[at]} for '{self.items.tokens[at]}'."
            )

    @classmethod
    def fit(
        cls,
        train: Interactions | Examples,
        max_length: int = 200,
        features: Sequence[Feature] | None = None,
        history: History | None = None,
        users: bool = False,
    ) -> FeatureSpec:
        """Fit the spec on training data only.

        Args:
            train: the training part of a split: interactions for retrieval, labelled rows for ranking.
            max_length: L; ignored if there is a `history`, which has its own length.
            features: the features that the model reads; `Numeric("item_count")` is the number of training rows of an
                item. For labelled rows, None takes all columns that can be features, and the user id as "user"; see
                `tfrec.data.features.infer_features`. The item id is always a feature, "item". For interactions, the
                features are columns of the side tables of users and items, for models with towers such as `TwoTower`;
                None takes none, and `tfrec.data.side_features(train)` gives all.
            history: for labelled rows with users and items: the rule for the histories.
            users: for interactions: whether to keep a user vocabulary, for models that read user ids.

        Raises:
            InputError: if `max_length` is not a positive integer, the table is empty, or an argument does not fit the
                kind of table.

        Example:
            >>> frame = pd.DataFrame({"u": [1, 1, 2], "i": ["x", "y", "y"]})
            >>> spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
            >>> spec.num_items, spec.items.decode([2, 3]), spec.item_counts.tolist()
            (2, ['y', 'x'], [2, 1])
        """
        check_kind(train, (Interactions, Examples), "The training data")
        if not len(train):
            raise InputError("A FeatureSpec cannot be fitted on an empty table: pass the training part of a split.")
        if users and isinstance(train, Examples):
            raise InputError(
                "users=True is only for interactions. Labelled rows have the user id as the feature 'user': pass "
                'features=[Categorical("user", group="user"), ...], or omit both arguments.'
            )
        if isinstance(train, Examples):
            return cls._fit_examples(train, max_length, features, history)
        if history is not None:
            raise InputError("A history rule needs labelled rows: pass Examples, not Interactions.")
        vocabulary, counts = _vocabulary(train.item_codes, train.item_ids)
        table = None if train.items is None else train.items.reindex(vocabulary.tokens)
        known = _vocabulary(train.user_codes, train.user_ids)[0] if users else None
        named = dict(zip(vocabulary.tokens, counts.tolist(), strict=True))
        fitted = fit_side_features(train, features or (), named, with_users=users)
        of_users = {} if known is None else encode_by_id(fitted, "user", known.tokens, train.users, named)
        of_items = encode_by_id(fitted, "item", vocabulary.tokens, table, named)
        return cls(
            vocabulary,
            counts,
            max_length,
            table,
            fitted,
            item_features=of_items,
            users=known,
            user_features=of_users,
        )

    @classmethod
    def _fit_examples(
        cls, train: Examples, max_length: int, features: Sequence[Feature] | None, history: History | None
    ) -> FeatureSpec:
        codes = np.zeros(0, np.int32) if train.item_codes is None else train.item_codes
        vocabulary, counts = _vocabulary(codes, train.item_ids)
        table = None if train.items is None else train.items.reindex(vocabulary.tokens)
        named = dict(zip(vocabulary.tokens, counts.tolist(), strict=True))
        fitted = fit_features(train, features, named)
        levels = levels_of(train, history, fitted)
        full = encode_by_id(fitted, "item", vocabulary.tokens, table, named)
        length = history.length if history else max_length
        spec = cls(vocabulary, counts, length, table, fitted, history, levels, item_features=full)
        return spec.with_cold_items(train.items if fitted else None)

    def with_cold_items(self, table: pd.DataFrame | None) -> FeatureSpec:
        """The spec of a ranking model with other cold items. (`fit` takes those of the side table of `train`.)

        Args:
            table: side table of items, indexed by raw id like `Examples.items`. Items of the vocabulary keep their
                features from training. Columns that the table lacks are missing values; None removes all cold items.

        Raises:
            InputError: if the spec has no features.

        Example:
            >>> rows = pd.DataFrame({"click": [0, 1], "film": ["x", "y"]})
            >>> films = pd.DataFrame({"film": ["x", "y"], "year": [1950, 1990]})
            >>> spec = FeatureSpec.fit(Examples.from_pandas(rows, label="click", item="film", items=films))
            >>> more = spec.with_cold_items(pd.DataFrame({"year": [1990]}, index=["z"]))
            >>> more.num_items, more.item_rows(["x", "z", "?"]).tolist(), more.item_features["year"][2:].tolist()
            (2, [2, 4, 1], [-1.0, 1.0, 1.0])
        """
        if table is not None and not self.features:
            raise InputError("Cold items need a ranking model: this spec has no features to score them by.")
        cold = ColdItems.among(table, self.items)
        encoded = encode_table(self.features, "item", cold.ids.tokens, cold.table, {})
        known = RESERVED_IDS + self.num_items
        full = {name: np.concatenate([values[:known], encoded[name]]) for name, values in self.item_features.items()}
        return dataclasses.replace(self, cold=cold, item_features=full)

    def __repr__(self) -> str:
        parts = [f"{self.num_items:,} items", f"histories of up to {self.max_length:,}"]
        if self.users is not None:
            parts.insert(0, f"{self.num_users:,} users")
        if self.features:
            names = [feature.column for feature in self.features]
            parts.append(f"features: {', '.join(names[:10])}{', ...' * (len(names) > 10)}")
        return f"FeatureSpec({', '.join(parts)})"

    @property
    def num_items(self) -> int:
        """Number of items; ids run from 2 to num_items + 1."""
        return len(self.items)

    @property
    def num_users(self) -> int | None:
        """Number of users; ids run from 2 to num_users + 1. None without a user vocabulary."""
        return None if self.users is None else len(self.users)

    @property
    def mask_id(self) -> int:
        """The id of the mask in masked-item training: num_items + 2."""
        return RESERVED_IDS + self.num_items

    def model_features(self) -> list[dict]:
        """The descriptions of the inputs, from which a ranking model is built; see `tfrec.models.feature_inputs`.

        Example:
            >>> frame = pd.DataFrame({"label": [0, 1], "ad": ["a", "b"]})
            >>> FeatureSpec.fit(Examples.from_pandas(frame, label="label")).model_features()
            [{'name': 'ad', 'kind': 'categorical', 'group': 'context', 'size': 4}]
        """
        found = [feature.model_feature() for feature in self.features]
        if self.num_items:
            item = {"name": "item", "kind": "categorical", "group": "item", "size": self.num_items + RESERVED_IDS}
            place = next((at for at, one in enumerate(found) if one["group"] != "user"), len(found))
            found.insert(place, item)
        if self.history is not None:
            event = {"kind": "sequence", "group": "history", "length": self.history.length}
            found.append({"name": "history", **event, "of": "item"})
            found += [{"name": f"history_{name}", **event, "of": name} for name in self.history.item_features]
            if self.history.with_label:
                found.append({"name": "history_label", **event, "size": len(self.label_levels) + RESERVED_IDS})
        return found

    def item_rows(self, item_ids: Sequence[str] | np.ndarray) -> np.ndarray:
        """The rows of `item_features` for raw ids, int32: ids of items, rows after the ids for cold items, else 1.

        In a model's item embedding, cold items have id 1.
        """
        item_ids = np.asarray(item_ids, object)
        ids, cold = self.items.encode(item_ids), self.cold.rows_of(item_ids)
        return np.where(cold >= 0, RESERVED_IDS + self.num_items + cold, ids).astype(np.int32)

    def encode_items(self, ids: np.ndarray, table: pd.DataFrame | None) -> dict[str, np.ndarray]:
        """The item features of raw ids: from `table`, or, for columns that it lacks, from this spec.

        So rows without the item table of the training still get their item features.

        Args:
            ids: (N,) raw ids.
            table: one row per item, with raw ids as index; or None.

        Returns:
            feature -> (N, ...) encoded values.
        """
        found = encode_table(self.features, "item", ids, table, self.counts_by_item())
        known = np.maximum(self.item_rows(ids), UNKNOWN_ID)  # all features of an unseen item are missing
        there = [] if table is None else table.columns
        return {name: values if name in there else self.item_features[name][known] for name, values in found.items()}

    def check_holdout(self, holdout: Holdout) -> None:
        """Raise `InputError` if a holdout has no targets, or none in the vocabulary."""
        table = holdout.targets
        if not len(holdout):
            raise InputError("The holdout has no targets: expected at least one user with a held-back item.")
        is_known = self.items.encode(table.item_ids) >= RESERVED_IDS
        if is_known[table.item_codes].any():
            return
        held_back = f"None of the {len(holdout):,} held-back items"
        if (self.items.encode(holdout.history.item_ids) >= RESERVED_IDS)[holdout.history.item_codes].any():
            raise InputError(
                f"{held_back} occurs in the training rows, so no model could recommend one: '"
                f"{table.item_ids[table.item_codes[0]]}' is only held back. Give more data, or split it so that the "
                "held-back items also have training rows."
            )
        raise InputError(
            f"{held_back} is in the vocabulary. Its ids look like '{self.items.tokens[0]}'; the held-back ids look "
            f"like '{table.item_ids[table.item_codes[0]]}'. Use the ids that the model was trained on."
        )

    def counts_by_item(self) -> dict[str, int]:
        """Number of training rows of each raw item id."""
        return dict(zip(self.items.tokens, self.item_counts.tolist(), strict=True))

    def label_ids(self, labels: np.ndarray) -> np.ndarray:
        """The ids of labels in a history, int32; 1 for labels that are not in the training data."""
        return level_ids(labels, self.label_levels)

    @functools.cached_property
    def vocabulary_hashes(self) -> Mapping[str, str]:
        """Hashes of the vocabularies, by name: "item", "user", each feature, "history_label".

        A model stores the hashes of its inputs as `Recommender.bound_vocabulary`, to detect ids of another vocabulary,
        even of the same size.
        """
        return vocabulary_hashes(self.items, self.features, self.label_levels, self.users)

    def check_fits(self, model: object) -> None:
        """Raise `InputError` if a model has other sizes than this spec, or was trained with another vocabulary."""
        self.check_sizes(model)
        bound = getattr(model, "bound_vocabulary", None) or {}
        wrong = sorted(name for name, own in bound.items() if self.vocabulary_hashes.get(name) != own)
        if wrong:
            raise InputError(
                f"Model and feature spec do not fit: {getattr(model, 'name', 'the model')} was trained with another "
                f"vocabulary: the ids of {', '.join(map(repr, wrong))} differ in this spec. Use the spec that it was "
                "trained with. If you changed the vocabulary on purpose, call model.bind_vocabulary(spec) first."
            )

    def check_sizes(self, model: object) -> None:
        """Raise `InputError` if the sizes or `features` of a model differ from this spec."""
        for name in ("num_items", "num_users", "max_length"):
            own, of_model = getattr(self, name), getattr(model, name, None)
            if of_model is not None and own is None:
                raise InputError(
                    f"The model reads user ids ({name}={of_model}), and the feature spec has no user vocabulary: fit "
                    "it with FeatureSpec.fit(train, users=True)."
                )
            if of_model not in (None, own):
                raise InputError(
                    f"Model and feature spec do not fit: the model has {name}={of_model}, the spec {own}. Use the spec "
                    f"that the model was trained with, or build the model with {name}=spec.{name}."
                )
        known = {feature["name"]: feature for feature in self.model_features()}
        features = getattr(model, "features", ())
        for feature in features if isinstance(features, list | tuple) else [features]:
            name = feature.get("name") if isinstance(feature, Mapping) else None
            own = known.get(name) if isinstance(name, str) else None
            if own is None or own != feature:
                raise InputError(
                    f"Model and feature spec do not fit: the model reads {feature}, the spec has "
                    f"{own or 'no such feature'}. Build the model with features=spec.model_features()."
                )

    @property
    def titles(self) -> list[str] | None:
        """The title of each item, in vocabulary order; None if the side table has no column of titles."""
        return all_titles(self.item_table)

    def title(self, item_id: int) -> str:
        """The title of an integer id, or its raw id if it has no title."""
        return title_at(self.item_table, item_id - RESERVED_IDS) or self.items.tokens[item_id - RESERVED_IDS]

    def title_of(self, item: str) -> str:
        """The title of a raw id, also of a cold item, or the raw id if it has no title."""
        (known,), (cold,) = self.items.encode([item]), self.cold.rows_of([item])
        if cold >= 0:
            return title_at(self.cold.table, cold) or item
        return self.title(known) if known >= RESERVED_IDS else item

    def save(self, folder: Path) -> None:
        """Write spec.json, vocabularies/ and, if they exist, items.csv, cold_items.csv and item_features.npz."""
        spec_files.save(vars(self), folder)

    @classmethod
    def load(cls, folder: Path) -> FeatureSpec:
        """Read what `save` wrote; raises `InputError` if the parts do not fit together."""
        return cls(**spec_files.load(folder))


def _vocabulary(codes: np.ndarray, ids: np.ndarray) -> tuple[Vocabulary, np.ndarray]:
    counts = np.bincount(codes, minlength=len(ids))
    used = np.flatnonzero(counts)
    # Most frequent first; ties are broken by id, so the order of the rows does not matter.
    used = used[np.argsort(ids[used], kind="stable")]
    used = used[np.argsort(-counts[used], kind="stable")]
    return Vocabulary(ids[used]), counts[used].astype(np.int64)

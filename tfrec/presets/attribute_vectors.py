"""The vectors of item attributes of a preset, which give a vector to items with known attributes only."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec.array_files import read_arrays
from tfrec.data import Attributes, FeatureSpec, named_attributes
from tfrec.errors import InputError
from tfrec.models import RetrievalModel

PLACE = "item_attributes.npz"


@dataclasses.dataclass(frozen=True)
class AttributeVectors:
    """Attributes by column and value, each with its vector.

    An item without interactions has no trained vector. It gets the part that `tfrec.layers.ItemVectors` adds in
    training: the sum of the vectors of its n attributes / sqrt(n).

    Attributes:
        columns: how to read attribute values from the columns of an item table.
        names: column and value of each attribute.
        vectors: (number of attributes, D) float32.
    """

    columns: Sequence[Attributes]
    names: Sequence[tuple[str, str]]
    vectors: np.ndarray

    @classmethod
    def of_model(cls, model: RetrievalModel, spec: FeatureSpec, columns: Sequence[Attributes]) -> AttributeVectors:
        """The attribute vectors of a model after `model.fold_attributes()`; `spec` and `columns` as in training."""
        return cls(columns, named_attributes(spec, columns)[1], model.embedding.items.folded_attributes[1:])

    def to_bytes(self) -> bytes:
        """The content of the preset's file."""
        about = {
            "columns": [dataclasses.asdict(one) for one in self.columns],
            "names": [list(one) for one in self.names],
        }
        file = io.BytesIO()
        text = np.frombuffer(json.dumps(about, ensure_ascii=False).encode(), np.uint8)
        np.savez_compressed(file, about=text, vectors=np.asarray(self.vectors, np.float32))
        return file.getvalue()

    @classmethod
    def load(cls, folder: Path) -> AttributeVectors | None:
        """Load the attribute vectors of a preset, None if it has none; raises `InputError` if the file is damaged."""
        path = Path(folder) / PLACE
        if not path.is_file():
            return None
        try:
            found = read_arrays(path)
            about, vectors = json.loads(found["about"].tobytes().decode()), found["vectors"]
            columns = [Attributes(**one) for one in about["columns"]]
            names = [(str(column), str(value)) for column, value in about["names"]]
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} cannot be read: {error}. Train the preset again, or copy it again.") from error
        if vectors.ndim != 2 or len(vectors) != len(names) or not np.isfinite(vectors).all():
            raise InputError(f"{path} has {len(names)} attributes and vectors of shape {vectors.shape}. Copy it again.")
        return cls(columns, names, vectors)

    def of(self, table: pd.DataFrame) -> list[np.ndarray | None]:
        """One vector (D,) per row of an item table; None if no attribute of the row is known."""
        places = {name: place for place, name in enumerate(self.names)}
        rows: list[list[int]] = [[] for _ in range(len(table))]
        for one in self.columns:
            if one.column not in table.columns:
                continue
            for row, cell in zip(rows, table[one.column], strict=True):
                known = [places[one.column, value] for value in one.values(cell) if (one.column, value) in places]
                row += known[: one.max_values]
        return [self.vectors[row].sum(0) / np.sqrt(len(row)) if row else None for row in rows]

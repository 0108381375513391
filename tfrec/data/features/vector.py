"""Features that are vectors, such as the embedding of a text or an image."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any, Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vector(Feature):
    """A vector in each cell, all of the same width, used unchanged.

    A cell without a vector, or with a number that is not finite, is missing and encoded as NaN in all components.

    Attributes:
        dim: E; None means the width in the training data.

    Example:
        >>> feature = Vector("title").fit(pd.Series([[1.0, 2.0], None]))
        >>> feature.encode(pd.Series([(3, 4), np.nan])).tolist()
        [[3.0, 4.0], [nan, nan]]
    """

    kind = "vector"
    dtype = np.float32
    missing = np.nan

    dim: int | None = None

    def fit(self, values: pd.Series) -> Self:
        widths = Counter(len(cell) for cell in values if _is_vector(cell))
        dim = self.dim or (widths.most_common(1)[0][0] if widths else None)
        if dim is None:
            raise InputError(f"The column '{self.column}' has no vectors: expected lists or arrays of numbers.")
        if widths.keys() - {dim}:
            found = ", ".join(f"{width} (in {rows:,} rows)" for width, rows in sorted(widths.items()))
            raise InputError(f"The vectors of '{self.column}' have {found} numbers: expected {dim} in each cell.")
        return dataclasses.replace(self, dim=dim)

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N, E) float32."""
        rows = self.absent(len(values))
        for row, cell in enumerate(values):
            if not _is_vector(cell):
                continue
            if len(cell) != self.dim:
                raise InputError(f"A vector of '{self.column}' has {len(cell)} numbers: expected {self.dim}.")
            try:
                numbers = np.asarray(cell, np.float32)
            except (TypeError, ValueError):  # texts, or nested lists of different lengths
                numbers = None
            if numbers is None or numbers.ndim != 1:
                raise InputError(f"A vector of '{self.column}' is {str(cell)[:80]}: expected {self.dim} numbers.")
            if np.isfinite(numbers).all():
                rows[row] = numbers
        return rows

    @property
    def width(self) -> tuple[int, ...]:
        """(E,)."""
        return (self.dim,)

    def sizes(self) -> dict[str, int]:
        return {"dim": self.dim}


def _is_vector(cell: Any) -> bool:
    return isinstance(cell, list | tuple | np.ndarray) and len(cell) > 0

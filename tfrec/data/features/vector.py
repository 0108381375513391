"""Numbers that come from elsewhere: an embedding of a text or a picture."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

import numpy as np
import pandas as pd

from tfrec.data.features.feature import Feature
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vector(Feature):
    """A given vector in each cell, all of one width, read as it is.

    A cell without one, or with a number that is not finite, is missing: NaN in every place.

    Attributes:
        dim: E; None takes the width that the training data has.

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
        """See `Feature`."""
        widths = sorted({len(cell) for cell in values if _is_vector(cell)})
        dim = self.dim or (widths[0] if widths else None)
        if dim is None:
            raise InputError(f"The column '{self.column}' holds no vectors: expected lists or arrays of numbers.")
        if widths and widths != [dim]:
            raise InputError(f"The vectors of '{self.column}' have {widths} numbers: expected {dim} in each.")
        return dataclasses.replace(self, dim=dim)

    def encode(self, values: pd.Series) -> np.ndarray:
        """(N, E) float32."""
        rows = self.absent(len(values))
        for row, cell in enumerate(values):
            if not _is_vector(cell):
                continue
            if len(cell) != self.dim:
                raise InputError(f"A vector of '{self.column}' has {len(cell)} numbers: expected {self.dim}.")
            numbers = np.asarray(cell, np.float32)
            if np.isfinite(numbers).all():
                rows[row] = numbers
        return rows

    @property
    def width(self) -> tuple[int, ...]:
        """(E,)."""
        return (self.dim,)

    def sizes(self) -> dict[str, int]:
        """See `Feature`."""
        return {"dim": self.dim}


def _is_vector(cell: Any) -> bool:
    return isinstance(cell, list | tuple | np.ndarray) and len(cell) > 0

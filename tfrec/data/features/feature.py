"""Base class of all kinds of features."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from tfrec.errors import InputError

GROUPS = ("user", "item", "context")


def name_fault(column: str) -> str | None:
    """Why a column name cannot be the name of a model input, or None."""
    return 'has a "/" in its name, which Keras does not allow for inputs: rename it' if "/" in column else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A column, and after `fit` its parameters from the training data.

    Attributes:
        column: name of the column, and of the model's input.
        group: "user", "item" or "context"; None means the table that has the column.
    """

    kind: ClassVar[str]
    dtype: ClassVar[type]
    missing: ClassVar[Any]

    column: str = dataclasses.field(kw_only=False)
    group: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise InputError(f"The column of a feature must be a non-empty string, got {self.column!r}.")
        if fault := name_fault(self.column):
            raise InputError(f"The column '{self.column}' cannot be a feature: it {fault}.")
        if self.group is not None and self.group not in GROUPS:
            raise InputError(
                f"The feature '{self.column}' has the group {self.group!r}: expected one of {', '.join(GROUPS)}."
            )

    def fit(self, values: pd.Series) -> Self:
        """The feature fitted to training values: vocabulary, mean, width."""
        raise NotImplementedError

    def encode(self, values: pd.Series) -> np.ndarray:
        """The numbers that a model reads, (N, ...); `missing` for missing values."""
        raise NotImplementedError

    @property
    def width(self) -> tuple[int, ...]:
        """The shape of one value."""
        return ()

    def absent(self, rows: int) -> np.ndarray:
        """The encoding of `rows` missing values."""
        return np.full((rows, *self.width), self.missing, self.dtype)

    def model_feature(self) -> dict[str, Any]:
        """The flat dict that `tfrec.models.feature_inputs` describes."""
        return {"name": self.column, "kind": self.kind, "group": self.group, **self.sizes()}

    def sizes(self) -> dict[str, int]:
        """The sizes that a model needs to know."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """All parameters, except the tokens of a vocabulary, which have their own file."""
        skip = ("tokens",)
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in skip}
        return {"kind": self.kind, **own}

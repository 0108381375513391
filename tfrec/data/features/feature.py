"""What every kind of feature answers."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from tfrec.errors import InputError

GROUPS = ("user", "item", "context")


def name_fault(column: str) -> str | None:
    """Why a column's name cannot be that of a model's input, or None."""
    return 'has a "/" in its name, which Keras takes for no input: rename it' if "/" in column else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Feature:
    """A column, and after `fit` what training data taught about it.

    Attributes:
        column: its name, which the model's input gets too.
        group: "user", "item" or "context"; None takes the table in which the column is found.
    """

    kind: ClassVar[str]
    dtype: ClassVar[type]
    missing: ClassVar[Any]

    column: str = dataclasses.field(kw_only=False)
    group: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.column, str) or not self.column:
            raise InputError(f"A feature is named after a column, a string: got {self.column!r}.")
        if fault := name_fault(self.column):
            raise InputError(f"The column '{self.column}' cannot be a feature: it {fault}.")
        if self.group is not None and self.group not in GROUPS:
            raise InputError(f"The feature '{self.column}' is of group {self.group!r}: expected {', '.join(GROUPS)}.")

    def fit(self, values: pd.Series) -> Self:
        """The feature with what the training values say: vocabulary, mean, width."""
        raise NotImplementedError

    def encode(self, values: pd.Series) -> np.ndarray:
        """The numbers that a model reads, (N, ...); `missing` where there is no value."""
        raise NotImplementedError

    @property
    def width(self) -> tuple[int, ...]:
        """The shape of one value."""
        return ()

    def absent(self, rows: int) -> np.ndarray:
        """What `rows` missing values look like."""
        return np.full((rows, *self.width), self.missing, self.dtype)

    def model_feature(self) -> dict[str, Any]:
        """The flat dict that `tfrec.models.feature_inputs` describes."""
        return {"name": self.column, "kind": self.kind, "group": self.group, **self.sizes()}

    def sizes(self) -> dict[str, int]:
        """What a model must know of its size."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """All that `fit` and the constructor know, but the vocabulary's tokens, which have a file of their own."""
        skip = ("tokens",)
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in skip}
        return {"kind": self.kind, **own}

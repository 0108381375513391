"""Labelled rows, the training data of ranking models."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tfrec.data.tables.clean_examples import clean_examples
from tfrec.data.tables.cleaning_report import CleaningReport
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.kinds import check_kind
from tfrec.data.tables.table_hash import content_hash
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Examples:
    """Labelled rows: a label (clicked or not, or a rating) with optional user, item, time and context columns.

    Users, items and times may be missing, as in advertising data that has only context columns. A candidate that was
    shown but not clicked is also a row. The same user, item and time may occur more than once.

    Attributes:
        labels: (N,) float32; 0 or 1 for clicks, else ratings.
        user_codes: (N,) int32, indices into `user_ids`, or None.
        item_codes: (N,) int32, indices into `item_ids`, or None.
        user_ids: distinct raw ids, object array of str; empty without users.
        item_ids: likewise.
        times: (N,) float64 or None.
        context: further columns, (N, ...) DataFrame with a default index.
        users: side table of users, a DataFrame indexed by raw id, or None.
        items: side table of items, likewise.
        report: the cleaning report.
        parts: (N,) int8 or None; the split that the data comes with, as in `Interactions`.
    """

    labels: np.ndarray
    user_codes: np.ndarray | None
    item_codes: np.ndarray | None
    user_ids: np.ndarray
    item_ids: np.ndarray
    times: np.ndarray | None
    context: pd.DataFrame
    users: pd.DataFrame | None
    items: pd.DataFrame | None
    report: CleaningReport
    parts: np.ndarray | None = None

    def __post_init__(self) -> None:
        ids = self.user_codes, self.item_codes, self.user_ids, self.item_ids
        for array in (self.labels, *ids, self.times, self.parts):
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        label: str,
        user: str | None = None,
        item: str | None = None,
        time: str | None = None,
        context: Iterable[str] | None = None,
        users: pd.DataFrame | None = None,
        items: pd.DataFrame | None = None,
        date_format: str | None = None,
    ) -> Examples:
        """Clean a DataFrame; `report` of the result counts the dropped rows by cause.

        Rows are dropped if their label is not a finite number (True is 1 and False is 0, also as texts), or if a named
        user, item or time is unusable. Rows keep their order.

        Args:
            frame: one row per example.
            label: name of the label column.
            user: name of the column of user ids, or None.
            item: name of the column of item ids, or None.
            time: name of the column of times, or None.
            context: names of further columns; None takes all others.
            users: side table of users, with ids in a column named as `user`, else in its first column.
            items: side table of items, likewise.
            date_format: format of the times, as for `strptime`; None detects it.

        Raises:
            InputError: if a named column is missing, a side table is given without its id column, or all rows are
                dropped.

        Example:
            >>> frame = pd.DataFrame({"clicked": [1, 0, None], "who": ["ann", "bob", "ann"], "hour": [9, 10, 11]})
            >>> table = Examples.from_pandas(frame, label="clicked", user="who")
            >>> table, table.context["hour"].tolist(), table.report.dropped
            (Examples(2 rows, 2 users, mean label 0.5), [9, 10], {"no number in 'clicked'": 1})
        """
        return cls(**clean_examples(frame, label, user, item, time, context, users, items, date_format))

    @classmethod
    def from_interactions(cls, table: Interactions, positive: float | None = None) -> Examples:
        """Labelled rows from a table of ratings.

        Args:
            table: interactions with weights.
            positive: the label is 1 if the weight is at least this, else 0; None keeps the weights as ratings.

        Raises:
            InputError: if the table has no weights.
        """
        check_kind(table, (Interactions,), "The rated table")
        if table.weights is None:
            raise InputError(
                f"The table of {len(table):,} interactions has no ratings: name their column (weight=, on the command "
                "line --rating), or the label column of labelled rows (--label)."
            )
        labels = table.weights if positive is None else (table.weights >= positive).astype(np.float32)
        codes = table.user_codes, table.item_codes, table.user_ids, table.item_ids
        columns = table.times, table.context, table.users, table.items
        return cls(labels.copy(), *codes, *columns, table.report, table.parts)

    def split(self, rule: Any) -> ExampleSplit:
        """Split into train, valid and test, by `tfrec.data.Random`, `ByTime` or `Fixed`."""
        if not hasattr(rule, "masks"):
            raise InputError(f"Labelled rows must be split by Random, ByTime or Fixed, got {rule!r}.")
        is_valid, is_test = rule.masks(self.times, len(self), self.parts)
        return ExampleSplit(self.take(~is_valid & ~is_test), self.take(is_valid), self.take(is_test))

    def take(self, rows: np.ndarray) -> Examples:
        """A table with some of the rows, by mask or row numbers; ids keep their codes."""
        picked = {
            name: None if getattr(self, name) is None else getattr(self, name)[rows]
            for name in ("labels", "user_codes", "item_codes", "times", "parts")
        }
        return dataclasses.replace(self, **picked, context=self.context.iloc[_numbers(rows)].reset_index(drop=True))

    def sha256(self) -> str:
        """A hash of the rows in their order, without times and side tables."""
        digest = hashlib.sha256(self.labels.astype("<f4").tobytes())
        for codes, ids in ((self.user_codes, self.user_ids), (self.item_codes, self.item_ids)):
            if codes is not None:
                digest.update("\n".join(ids).encode("utf-8", "surrogatepass") + codes.astype("<i4").tobytes())
        digest.update(self.context.to_csv(index=False).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def content_sha256(self) -> str:
        """A hash of all data that training can use: that of `sha256`, times, and the side tables of users and items.

        A resumed run checks its data with it. Published results carry `sha256`.
        """
        # Include the context, because `sha256` covers only a part of long vectors.
        split = () if self.parts is None else (self.parts,)
        return content_hash(self.sha256(), self.times, self.context, self.users, self.items, *split)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        parts = [f"{len(self):,} rows"]
        for what, codes in (("users", self.user_codes), ("items", self.item_codes)):
            if codes is not None:
                parts.append(f"{len(np.unique(codes)):,} {what}")
        return f"Examples({', '.join(parts)}, mean label {self.labels.mean() if len(self) else np.nan:.4g})"


@dataclasses.dataclass(frozen=True)
class ExampleSplit:
    """Three tables of labelled rows."""

    train: Examples
    valid: Examples
    test: Examples


def _numbers(rows: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows

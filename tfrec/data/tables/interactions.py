"""`Interactions`, the validated, immutable table of interactions."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable
from typing import Protocol, TypeVar

import numpy as np
import pandas as pd

from tfrec.data.tables.cleaning import clean_interactions
from tfrec.data.tables.cleaning_report import CleaningReport
from tfrec.data.tables.frames import as_frame
from tfrec.data.tables.roles import check_roles, context_names
from tfrec.data.tables.side_tables import clean_side_table
from tfrec.data.tables.table_hash import content_hash

S = TypeVar("S", covariant=True)


class SplitRule(Protocol[S]):
    """A rule that splits a table into parts, such as `tfrec.data.LeaveLastOut`."""

    def split(self, table: Interactions) -> S:
        """The parts."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Interactions:
    """A table with one row per interaction (user, item, time), sorted by user, then by time.

    Create one with `from_pandas`, or read a file with `tfrec.data.read`. Raw ids become strings. Rows of equal time
    keep the order of the source; without a time column, that order is the time order.

    Attributes:
        user_codes: (N,) int32, indices into `user_ids`, ascending.
        item_codes: (N,) int32, indices into `item_ids`.
        user_ids: distinct raw user ids, object array of str.
        item_ids: distinct raw item ids, object array of str.
        times: (N,) float64 or None.
        weights: (N,) float32 or None; ratings, labels, play counts.
        context: further columns, (N, ...) DataFrame with a default index.
        items: side table of items, a DataFrame indexed by raw item id, or None.
        users: side table of users, likewise.
        report: the cleaning report.
        parts: (N,) int8 or None; the split that the data comes with: 0 train, 1 valid, 2 test. See `tfrec.data.Fixed`.
    """

    user_codes: np.ndarray
    item_codes: np.ndarray
    user_ids: np.ndarray
    item_ids: np.ndarray
    times: np.ndarray | None
    weights: np.ndarray | None
    context: pd.DataFrame
    items: pd.DataFrame | None
    users: pd.DataFrame | None
    report: CleaningReport
    parts: np.ndarray | None = None

    def __post_init__(self) -> None:
        ids = self.user_codes, self.item_codes, self.user_ids, self.item_ids
        for array in (*ids, self.times, self.weights, self.parts):
            if array is not None:
                array.setflags(write=False)

    @classmethod
    def from_pandas(
        cls,
        frame: pd.DataFrame,
        user: str,
        item: str,
        time: str | None = None,
        weight: str | None = None,
        context: Iterable[str] = (),
        items: pd.DataFrame | None = None,
        users: pd.DataFrame | None = None,
        min_weight: float | None = None,
        min_user_count: int = 1,
        min_item_count: int = 1,
        part: str | None = None,
        date_format: str | None = None,
    ) -> Interactions:
        """Clean a DataFrame; `report` of the result counts the dropped rows by cause.

        Rows are dropped if their user, item or time is unusable, if their weight is below `min_weight`, or if they are
        exact duplicates (same user, item and time). Then users and items with too few rows are dropped, repeatedly
        until nothing changes.

        Args:
            frame: one row per interaction; a pandas DataFrame, or a table of pyarrow, polars or another library with
                the Arrow stream or the dataframe interchange protocol.
            user: name of the column of user ids (integers, strings, anything that prints).
            item: name of the column of item ids.
            time: name of the column of times (numbers, dates, ISO 8601 strings); None if rows are in time order.
            weight: name of a column of ratings, labels or counts.
            context: names of further columns to carry along.
            items: side table of items, with ids in a column named as `item`, else in its first column. The report
                counts the items that it lacks.
            users: side table of users, likewise.
            min_weight: smallest weight to keep; needs `weight`.
            min_user_count: minimum number of rows per user.
            min_item_count: minimum number of rows per item.
            part: name of a column with the values train, valid and test, for data that comes with a split.
            date_format: format of the times, as for `strptime`, such as "%d/%m/%Y %H:%M"; None detects ISO 8601 and
                other unambiguous formats.

        Raises:
            InputError: if a named column is missing or has two roles, times cannot be ordered, a side table shares no
                id with the rows, or all rows are dropped.

        Example:
            >>> frame = pd.DataFrame({"who": ["ann", "ann", None], "what": [3, 4, 5], "when": [20, 10, 30]})
            >>> table = Interactions.from_pandas(frame, user="who", item="what", time="when")
            >>> table.item_ids[table.item_codes].tolist()
            ['4', '3']
            >>> table.report.dropped
            {"no usable user id in 'who'": 1}
        """
        frame = as_frame(frame, "The table of interactions")
        check_roles({"user": user, "item": item, "time": time, "weight": weight, "part": part})
        columns = context_names(context)
        cleaned = clean_interactions(
            frame,
            user,
            item,
            time,
            weight,
            columns,
            min_weight,
            min_user_count,
            min_item_count,
            part,
            date_format,
        )
        item_table, item_notes = clean_side_table(items, item, "items", cleaned["item_ids"])
        user_table, user_notes = clean_side_table(users, user, "users", cleaned["user_ids"])
        report = cleaned.pop("report")
        report = dataclasses.replace(report, notes=(*report.notes, *item_notes, *user_notes))
        return cls(**cleaned, items=item_table, users=user_table, report=report)

    def split(self, rule: SplitRule[S]) -> S:
        """Split into train, valid and test; see `tfrec.data.LeaveLastOut` and `tfrec.data.ByTime`."""
        return rule.split(self)

    def take(self, rows: np.ndarray) -> Interactions:
        """A table with some of the rows, in the same order.

        Args:
            rows: (N,) bool mask. Ids keep their codes, so parts of one table can be compared by code.
        """
        return dataclasses.replace(
            self,
            user_codes=self.user_codes[rows],
            item_codes=self.item_codes[rows],
            times=None if self.times is None else self.times[rows],
            weights=None if self.weights is None else self.weights[rows],
            parts=None if self.parts is None else self.parts[rows],
            context=self.context.loc[rows].reset_index(drop=True),
        )

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a DataFrame with the columns user, item and, if they exist, time, weight and context."""
        columns = {"user": self.user_ids[self.user_codes], "item": self.item_ids[self.item_codes]}
        if self.times is not None:
            columns["time"] = self.times
        if self.weights is not None:
            columns["weight"] = self.weights
        return pd.concat([pd.DataFrame(columns), self.context], axis=1)

    @property
    def user_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """First row and row after the last of each user with rows, in code order."""
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.user_codes)) + 1])
        return starts, np.append(starts[1:], len(self))

    @property
    def num_users(self) -> int:
        """Number of users with rows."""
        return len(np.unique(self.user_codes))

    @property
    def num_items(self) -> int:
        """Number of items with rows."""
        return len(np.unique(self.item_codes))

    def sha256(self) -> str:
        """A hash of users, items and their order: equal data have an equal hash."""
        digest = hashlib.sha256()
        for ids, codes in ((self.user_ids, self.user_codes), (self.item_ids, self.item_codes)):
            used, compact = np.unique(codes, return_inverse=True)
            digest.update("\n".join(ids[used]).encode("utf-8", "surrogatepass"))
            digest.update(compact.astype("<i4").tobytes())
        return digest.hexdigest()

    def content_sha256(self) -> str:
        """A hash of all data that training can use: that of `sha256`, times, weights, context, and the side tables.

        A resumed run checks its data with it. Published results carry `sha256`.

        Example:
            >>> frame = pd.DataFrame({"u": [1, 1], "i": [3, 4], "t": [10, 20]})
            >>> one = Interactions.from_pandas(frame, user="u", item="i", time="t")
            >>> other = Interactions.from_pandas(frame.assign(t=[10, 25]), user="u", item="i", time="t")
            >>> one.sha256() == other.sha256(), one.content_sha256() == other.content_sha256()
            (True, False)
        """
        split = () if self.parts is None else (self.parts,)
        return content_hash(self.sha256(), self.times, self.weights, self.context, self.users, self.items, *split)

    def __len__(self) -> int:
        return len(self.user_codes)

    def __repr__(self) -> str:
        return f"Interactions({len(self):,} rows, {self.num_users:,} users, {self.num_items:,} items)"

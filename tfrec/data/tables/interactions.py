"""The validated, immutable table that everything starts from."""

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
    """A way to cut a table into parts, such as `tfrec.data.LeaveLastOut`."""

    def split(self, table: Interactions) -> S:
        """The parts."""


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Interactions:
    """Who did what when: a row an interaction, sorted by user and within a user by time.

    Make one with `from_pandas`, or read a file with `tfrec.data.read`. Raw ids are strings from here on. Rows of equal
    time keep the order of the source, and where there is no time column that order is the time order.

    Attributes:
        user_codes: (N,) int32, rows of `user_ids`, ascending.
        item_codes: (N,) int32, rows of `item_ids`.
        user_ids: distinct raw user ids, object array of str.
        item_ids: distinct raw item ids, object array of str.
        times: (N,) float64 or None.
        weights: (N,) float32 or None; ratings, labels, play counts.
        context: further columns, (N, ...) DataFrame with a plain index.
        items: what is known of the items, a DataFrame indexed by raw item id, or None.
        users: the same of the users, or None.
        report: what cleaning dropped.
        parts: (N,) int8 or None; the split that the data came with: 0 train, 1 valid, 2 test. See `tfrec.data.Fixed`.
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
        """Clean a DataFrame; `report` on the result counts what was dropped and why.

        Dropped are rows without a usable user, item or time, rows with a weight below `min_weight`, exact duplicates
        (same user, item and time), and then, again and again until nothing changes, users and items with fewer rows
        than asked.

        Args:
            frame: a row an interaction; a DataFrame of pandas, or a table of pyarrow, polars or another library with
                Arrow's stream or the dataframe interchange protocol.
            user: name of the column of user ids (integers, strings, anything that prints).
            item: name of the column of item ids.
            time: name of the column of times (numbers, dates, ISO 8601 strings); None where rows are in order already.
            weight: name of a column of ratings, labels or counts.
            context: names of further columns to carry along.
            items: side table of items with the id in a column named as `item`, else in its first column. The report
                counts the items of the rows that it lacks.
            users: side table of users, likewise.
            min_weight: smallest weight to keep; needs `weight`.
            min_user_count: fewest rows a user must have.
            min_item_count: fewest rows an item must have.
            part: name of a column that holds train, valid or test, for data that come with their own split.
            date_format: how the times are written, by the codes of `strptime`, such as "%d/%m/%Y %H:%M"; None
                recognises ISO 8601 and other forms that leave no doubt.

        Raises:
            InputError: where a named column is missing or has two roles, times cannot be ordered, a side table shares
                no id with the rows, or nothing is left.

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
        """Cut into train, valid and test; see `tfrec.data.LeaveLastOut` and `tfrec.data.ByTime`."""
        return rule.split(self)

    def take(self, rows: np.ndarray) -> Interactions:
        """The table of some rows only, in their order here.

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
        """The rows as a DataFrame with columns user, item, and time, weight and context where they exist."""
        columns = {"user": self.user_ids[self.user_codes], "item": self.item_ids[self.item_codes]}
        if self.times is not None:
            columns["time"] = self.times
        if self.weights is not None:
            columns["weight"] = self.weights
        return pd.concat([pd.DataFrame(columns), self.context], axis=1)

    @property
    def user_bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """First row and row after the last of each user that has rows, in the order of their codes."""
        if not len(self):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        starts = np.concatenate([[0], np.flatnonzero(np.diff(self.user_codes)) + 1])
        return starts, np.append(starts[1:], len(self))

    @property
    def num_users(self) -> int:
        """Users that have rows."""
        return len(np.unique(self.user_codes))

    @property
    def num_items(self) -> int:
        """Items that have rows."""
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
        """A hash of all that training can see: what `sha256` sees, times, weights, context, and the side tables.

        By this an interrupted run knows its data again. Published numbers carry `sha256`.

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

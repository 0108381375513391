"""Use the split that the data comes with."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from tfrec.data.splits import Split, cut
from tfrec.data.tables.interactions import Interactions
from tfrec.data.tables.parts import TEST, TRAIN, VALID
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True)
class Fixed:
    """The split that the data comes with, as in RecBole's `X.train.inter`, `X.valid.inter` and `X.test.inter`.

    Without a valid part, the last train row of each user with at least three train rows becomes validation. For
    labelled rows, or if no user has three train rows, a random tenth of the train rows does. If the rows have no order,
    as in the split of the LightGCN paper, the last row is not like the test: set `valid`, and this share of the train
    rows is drawn at random.

    Args:
        valid: share of the train rows that becomes the validation, between 0 and 1, if the data has no valid part. Each
            user keeps at least one train row.
        seed: seed of the draw.

    Attributes:
        untested: why users are missing from the test, as the predicate of a sentence.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions
        >>> frame = pd.DataFrame({"u": ["a"] * 4, "i": [1, 2, 3, 4], "part": ["train", "train", "valid", "test"]})
        >>> train, valid, test = Interactions.from_pandas(frame, user="u", item="i", part="part").split(Fixed())
        >>> len(train), valid, test
        (2, Holdout(1 targets of 1 users), Holdout(1 targets of 1 users))
    """

    untested: ClassVar[str] = "have no row in the test part of the data, or none outside it"

    valid: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        is_share = isinstance(self.valid, int | float) and not isinstance(self.valid, bool) and 0 < self.valid < 1
        if self.valid is not None and not is_share:
            raise InputError(
                f"valid of Fixed is a share of the train rows between 0 and 1, or None: got {self.valid!r}."
            )
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise InputError(f"seed of Fixed must be an integer of at least 0, got {self.seed!r}.")

    def split(self, table: Interactions) -> Split:
        """Split a table; raises `InputError` if it came without a split."""
        is_valid, is_test = self._own(table.parts)
        if not is_valid.any() and self.valid is not None:
            is_valid[self._drawn_by_user(table.user_codes, np.flatnonzero(~is_test))] = True
        elif not is_valid.any():
            users = table.user_codes[~is_test]
            last = np.append(users[1:] != users[:-1], True) & (np.bincount(users)[users] >= 3)
            is_valid[np.flatnonzero(~is_test)[last]] = True
        if not is_valid.any():
            is_valid, is_test = self.masks(table.times, len(table), table.parts)
        return cut(table, is_valid, is_test)

    def masks(
        self, times: np.ndarray | None, rows: int, parts: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are validation and which are test, (N,) bool each."""
        is_valid, is_test = self._own(parts)
        if not is_valid.any():
            known = np.flatnonzero(~is_test)
            if len(known) < 2:
                raise InputError("The train part of the data's split has a single row: expected at least two.")
            drawn = np.random.default_rng(self.seed).permutation(known)
            is_valid[drawn[: min(len(known) - 1, max(1, int(len(known) * (self.valid or 0.1))))]] = True
        return is_valid, is_test

    def _drawn_by_user(self, users: np.ndarray, train: np.ndarray) -> np.ndarray:
        """A share of the train rows, all but one row of a user at most: places in the table."""
        order = np.random.default_rng(self.seed).permutation(train)
        _, kept = np.unique(users[order], return_index=True)
        free = np.delete(order, kept)
        return free[: max(1, round(self.valid * len(train)))]

    def _own(self, parts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if parts is None:
            raise InputError(
                "The recipe uses the fixed split of the data, but this data has none: give a folder with files such as "
                "X.train.inter, X.valid.inter and X.test.inter, or split by another rule."
            )
        absent = [name for name, part in (("train", TRAIN), ("test", TEST)) if not (parts == part).any()]
        if absent:
            raise InputError(
                f"The {absent[0]} part of the data's split has no rows left after cleaning. Relax a filter."
            )
        return parts == VALID, parts == TEST

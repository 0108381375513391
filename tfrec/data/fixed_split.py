"""The split that data come with."""

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
    """The split that the data came with, as in RecBole's `X.train.inter`, `X.valid.inter` and `X.test.inter`.

    Where there is no valid part, the last train row of each user with three train rows or more is the validation.
    For labelled rows, or where no user has three, a tenth of the train rows is, drawn at random.

    Attributes:
        unasked: what is so of the users that no test asks about.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions
        >>> frame = pd.DataFrame({"u": ["a"] * 4, "i": [1, 2, 3, 4], "part": ["train", "train", "valid", "test"]})
        >>> train, valid, test = Interactions.from_pandas(frame, user="u", item="i", part="part").split(Fixed())
        >>> len(train), valid, test
        (2, Holdout(1 targets of 1 users), Holdout(1 targets of 1 users))
    """

    unasked: ClassVar[str] = "have no row in the test part of the data, or none outside it"

    def split(self, table: Interactions) -> Split:
        """Cut a table; raises `InputError` where it came without a split."""
        is_valid, is_test = self._own(table.parts)
        if not is_valid.any():
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
                raise InputError("The train part of the data's own split has a single row: expected two or more.")
            drawn = np.random.default_rng(0).permutation(known)[: max(1, len(known) // 10)]
            is_valid[drawn] = True
        return is_valid, is_test

    def _own(self, parts: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        if parts is None:
            raise InputError(
                "The recipe's split is the fixed one of its data, and these data have none: give a folder with files "
                "such as X.train.inter, X.valid.inter and X.test.inter, or split by another rule."
            )
        absent = [name for name, part in (("train", TRAIN), ("test", TEST)) if not (parts == part).any()]
        if absent:
            raise InputError(f"No row is left of the {absent[0]} part of the data's own split. Loosen a filter.")
        return parts == VALID, parts == TEST

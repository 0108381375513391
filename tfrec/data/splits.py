"""Split rules: which rows are training, validation and test."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, NamedTuple

import numpy as np

from tfrec.data.tables.interactions import Interactions
from tfrec.errors import InputError


@dataclasses.dataclass(frozen=True)
class Holdout:
    """Held-back rows, with the rows known before them.

    Attributes:
        history: all rows before the cut, of all users.
        targets: the held-back rows of the evaluated users. With `ByTime` a user may have several rows of one item;
            `tfrec.evaluation.evaluate` merges them into one target and counts them.
    """

    history: Interactions
    targets: Interactions

    def __len__(self) -> int:
        return len(self.targets)

    def __repr__(self) -> str:
        return f"Holdout({len(self):,} targets of {self.targets.num_users:,} users)"


class Split(NamedTuple):
    """Train rows and two holdouts. The history of `test` holds the train rows and the targets of `valid`."""

    train: Interactions
    valid: Holdout
    test: Holdout


@dataclasses.dataclass(frozen=True)
class LeaveLastOut:
    """The last interaction of each user is the test, the one before it the validation.

    All interactions of users with fewer than three stay in train, as in the protocol of the SASRec paper.

    Attributes:
        untested: why users are missing from the test, as the predicate of a sentence.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions
        >>> frame = pd.DataFrame({"u": ["a"] * 4 + ["b"], "i": [1, 2, 3, 4, 9]})
        >>> train, valid, test = Interactions.from_pandas(frame, user="u", item="i").split(LeaveLastOut())
        >>> len(train), valid, test
        (3, Holdout(1 targets of 1 users), Holdout(1 targets of 1 users))
    """

    untested: ClassVar[str] = "have fewer than three rows, which all stay in the training part"

    def split(self, table: Interactions) -> Split:
        """Split a table; raises `InputError` if no user has three interactions."""
        starts, ends = table.user_bounds
        lengths = ends - starts
        from_end = np.repeat(ends, lengths) - np.arange(len(table)) - 1
        long_enough = np.repeat(lengths >= 3, lengths)
        is_test, is_valid = long_enough & (from_end == 0), long_enough & (from_end == 1)
        if not is_test.any():
            raise InputError(
                f"No user of {table!r} has three interactions, which LeaveLastOut needs (train, validation, test). "
                "Give more data, or split by time."
            )
        return cut(table, is_valid, is_test)


@dataclasses.dataclass(frozen=True)
class ByTime:
    """Rows from a point in time on are held back: train rows < `valid` <= validation rows < `test` <= test rows.

    Only users with a row before the cut are evaluated. Held-back rows of other users are not targets, but they are part
    of the history of later cuts.

    Args:
        valid: start of the validation: a time in the unit of the table, or a share of the rows between 0 and 1.
        test: start of the test, likewise.

    Attributes:
        untested: why users are missing from the test, as the predicate of a sentence.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions
        >>> frame = pd.DataFrame({"u": ["a"] * 10, "i": range(10), "t": range(100, 110)})
        >>> train, valid, test = Interactions.from_pandas(frame, user="u", item="i", time="t").split(ByTime(0.8, 0.9))
        >>> len(train), len(valid), len(test)
        (8, 1, 1)
    """

    untested: ClassVar[str] = "do not have rows both before and after the start of the test"

    valid: float = 0.8
    test: float = 0.9

    def split(self, table: Interactions) -> Split:
        """Split a table; raises `InputError` if it has no times or a part would be empty."""
        return cut(table, *self.masks(table.times, len(table)))

    def masks(
        self, times: np.ndarray | None, rows: int, parts: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are validation and which are test, (N,) bool each."""
        if times is None:
            raise InputError("A split by time needs times: name the time column, or split by another rule.")
        if not all(isinstance(at, int | float) for at in (self.valid, self.test)):
            raise InputError(
                f"valid and test of ByTime must be shares or times, as numbers: got {self.valid!r} and {self.test!r}."
            )
        if not self.valid < self.test:
            raise InputError(f"Validation must begin before the test: got valid={self.valid}, test={self.test}.")
        ordered = np.sort(times)
        cuts = [ordered[int(at * len(ordered))] if 0 < at < 1 else at for at in (self.valid, self.test)]
        is_test = times >= cuts[1]
        is_valid = (times >= cuts[0]) & ~is_test
        if not (~is_valid & ~is_test).any() or not is_valid.any() or not is_test.any():
            raise InputError(
                f"The cuts {cuts[0]:g} and {cuts[1]:g} leave a part empty: its times run from {ordered[0]:g} to "
                f"{ordered[-1]:g}."
            )
        return is_valid, is_test


@dataclasses.dataclass(frozen=True)
class Random:
    """A random split of labelled rows: the usual protocol of rating prediction, which ignores times.

    Args:
        valid: share of the rows for validation.
        test: share of the rows for the test.
        seed: seed of the draw.

    Example:
        >>> is_valid, is_test = Random(valid=0.1, test=0.2).masks(None, 50)
        >>> int(is_valid.sum()), int(is_test.sum()), bool((is_valid & is_test).any())
        (5, 10, False)
    """

    valid: float = 0.1
    test: float = 0.2
    seed: int = 0

    def masks(
        self, times: np.ndarray | None, rows: int, parts: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which rows are validation and which are test, (N,) bool each."""
        shares = self.valid, self.test
        if not all(isinstance(share, int | float) and 0 < share < 1 for share in shares) or sum(shares) >= 1:
            raise InputError(f"The shares of Random must be above 0 and sum to less than 1, got {shares}.")
        sizes = [round(share * rows) for share in shares]
        if not all(sizes) or sum(sizes) >= rows:
            raise InputError(
                f"{rows:,} rows are too few for shares of {self.valid:g} for validation and {self.test:g} for the test."
            )
        order = np.random.default_rng(self.seed).permutation(rows)
        is_valid, is_test = np.zeros(rows, bool), np.zeros(rows, bool)
        # The test is drawn first, so it does not depend on the share of the validation.
        is_test[order[: sizes[1]]] = True
        is_valid[order[sizes[1] : sum(sizes)]] = True
        return is_valid, is_test


def cut(table: Interactions, is_valid: np.ndarray, is_test: np.ndarray) -> Split:
    """Train, valid and test from masks of the rows, (N,) bool each; only users with a history have targets."""

    def holdout(known: np.ndarray, targets: np.ndarray) -> Holdout:
        has_history = np.zeros(len(table.user_ids), bool)
        has_history[table.user_codes[known]] = True
        return Holdout(table.take(known), table.take(targets & has_history[table.user_codes]))

    train = ~is_valid & ~is_test
    return Split(table.take(train), holdout(train, is_valid), holdout(~is_test, is_test))

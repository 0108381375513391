"""The split that data comes with: which rows are train, valid and test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.errors import InputError

TRAIN, VALID, TEST = 0, 1, 2
# Names of the parts -> their numbers.
PART_NAMES = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("valid", "validation", "validate", "val", "dev", "eval"), VALID),
    **dict.fromkeys(("test", "testing"), TEST),
}


def part_numbers(column: pd.Series) -> np.ndarray:
    """The part that each row belongs to, (N,) int8.

    Raises:
        InputError: if a cell is not the name of a part, or train or test has no rows.

    Example:
        >>> part_numbers(pd.Series(["train", "val", "TEST"])).tolist()
        [0, 1, 2]
    """
    codes, names = pd.factorize(column.astype(str))
    numbers = [PART_NAMES.get(name.strip().lower(), -1) for name in names]
    wrong = [name for name, number in zip(names, numbers, strict=True) if number < 0]
    if wrong:
        raise InputError(
            f"The column '{column.name}' must say which part of a split a row belongs to, but has the value "
            f"'{wrong[0]}': expected train, valid or test."
        )
    absent = [name for name, number in (("train", TRAIN), ("test", TEST)) if number not in numbers]
    if absent:
        raise InputError(f"The split of the data has no rows of the {absent[0]} part: expected train, valid and test.")
    return np.array(numbers, np.int8)[codes]


def notes_on_parts(parts: np.ndarray, users: np.ndarray, times: np.ndarray | None) -> tuple[str, ...]:
    """Notes for the report: the rows of each part, and how many users have training rows later than test rows.

    Args:
        parts: (N,) int8.
        users: (N,) int32, the users of the rows, ascending.
        times: (N,) times of the rows, or None.
    """
    counts = np.bincount(parts, minlength=3)
    kept = (f"the data's own split: {counts[TRAIN]:,} train, {counts[VALID]:,} valid, {counts[TEST]:,} test rows",)
    if times is None:
        return kept
    # Per user: is any train or valid row later than any test row?
    rows = pd.DataFrame({"user": users, "time": times})
    newest_known = rows[parts < TEST].groupby("user")["time"].max()
    oldest_test = rows[parts == TEST].groupby("user")["time"].min()
    mixed = int((newest_known.reindex(oldest_test.index) > oldest_test).sum())
    if not mixed:
        return kept
    return (*kept, f"{mixed:,} users have train or valid rows that are later than one of their test rows")

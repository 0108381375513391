"""Clean a table of interactions: drop unusable rows, and reject unusable tables."""

from typing import Any

import numpy as np
import pandas as pd

from tfrec.data.tables.calendar_times import is_missing
from tfrec.data.tables.cleaning_report import CleaningReport
from tfrec.data.tables.ids import encode_ids, float_ids_note
from tfrec.data.tables.label_numbers import label_numbers
from tfrec.data.tables.parts import notes_on_parts, part_numbers
from tfrec.data.tables.timestamps import parse_times
from tfrec.errors import InputError


def clean_interactions(
    frame: pd.DataFrame,
    user: str,
    item: str,
    time: str | None,
    weight: str | None,
    context: tuple[str, ...],
    min_weight: float | None,
    min_user_count: int,
    min_item_count: int,
    part: str | None = None,
    date_format: str | None = None,
) -> dict[str, Any]:
    """The arrays of an `Interactions`, with the report of dropped rows; see `Interactions.from_pandas`."""
    _check_columns(frame, {"user": user, "item": item, "time": time, "weight": weight, "part": part}, context)
    if min_weight is not None and weight is None:
        raise InputError(
            f"min_weight={min_weight} needs a weight column: name it with weight= (--rating on the command line)."
        )
    if not len(frame):
        raise InputError("The table has no rows: expected at least one interaction.")

    user_codes, user_ids = encode_ids(frame[user])
    item_codes, item_ids = encode_ids(frame[item])
    times, notes = (None, ()) if time is None else parse_times(frame[time], date_format)
    notes = (*float_ids_note(frame[user], f"'{user}'"), *float_ids_note(frame[item], f"'{item}'"), *notes)
    weights = None if weight is None else label_numbers(frame[weight])
    parts = None if part is None else part_numbers(frame[part])

    keep = np.ones(len(frame), bool)
    dropped: dict[str, int] = {}

    def drop(cause: str, bad: np.ndarray) -> None:
        count = int((bad & keep).sum())
        if count:
            dropped[cause] = dropped.get(cause, 0) + count
            keep[bad] = False

    drop(f"no usable user id in '{user}'", user_codes < 0)
    drop(f"no usable item id in '{item}'", item_codes < 0)
    if times is not None:
        drop(f"no readable time in '{time}'", is_missing(times))
    if weights is not None:
        drop(f"no number in '{weight}'", np.isnan(weights))
    if min_weight is not None:
        drop(f"'{weight}' below {min_weight:g}", weights < min_weight)
    if times is not None:
        rows = pd.DataFrame({"user": user_codes, "item": item_codes, "time": times})
        # Only compare rows that are still kept.
        duplicate = np.zeros(len(frame), bool)
        duplicate[keep] = rows[keep].duplicated().to_numpy()
        drop("duplicate of another row", duplicate)
    _drop_rare(keep, user_codes, item_codes, min_user_count, min_item_count, drop)
    if not keep.any():
        causes = "; ".join(f"{cause}: {count:,}" for cause, count in dropped.items())
        raise InputError(f"All {len(frame):,} rows were dropped: {causes}. Relax a filter or correct the table.")

    negative = 0 if weights is None else int((weights[keep] < 0).sum())
    if negative:
        rows = "1 row" if negative == 1 else f"{negative:,} rows"
        notes = (*notes, f"'{weight}' is negative in {rows}, which count as interactions: min_weight= (--min-rating) "
                 "drops them")  # fmt: skip
    kept = np.flatnonzero(keep)
    user_codes, user_ids = _compact(user_codes[kept], user_ids)
    item_codes, item_ids = _compact(item_codes[kept], item_ids)
    keys = (user_codes,) if times is None else (times[kept], user_codes)
    order = np.lexsort(keys)  # stable: ties keep the order of the source
    kept = kept[order]
    if parts is not None:
        notes = (*notes, *notes_on_parts(parts[kept], user_codes[order], None if times is None else times[kept]))
    return {
        "user_codes": user_codes[order],
        "item_codes": item_codes[order],
        "user_ids": user_ids,
        "item_ids": item_ids,
        "times": None if times is None else times[kept],
        "weights": None if weights is None else weights[kept],
        "parts": None if parts is None else parts[kept],
        "context": frame.iloc[kept][list(context)].reset_index(drop=True),
        "report": CleaningReport(len(frame), dropped, len(user_ids), len(item_ids), notes),
    }


def _check_columns(frame: pd.DataFrame, named: dict[str, str | None], context: tuple[str, ...]) -> None:
    wanted = {**named, **{f"context column {column}": column for column in context}}
    missing = {role: name for role, name in wanted.items() if name is not None and name not in frame.columns}
    if missing:
        absent = ", ".join(f"{role}='{name}'" for role, name in missing.items())
        there = ", ".join(map(str, frame.columns)) or "none"
        raise InputError(f"The table has no column for {absent}. Its columns are: {there}. Name the right ones.")
    repeated = frame.columns[frame.columns.duplicated()].tolist()
    if repeated:
        raise InputError(f"The table has columns of the same name: {repeated}. Rename or drop the repeated ones.")


def _drop_rare(keep: np.ndarray, users: np.ndarray, items: np.ndarray, min_user: int, min_item: int, drop: Any) -> None:
    while True:
        before = int(keep.sum())
        for codes, least, who in ((users, min_user, "user"), (items, min_item, "item")):
            if least > 1 and keep.any():
                counts = np.bincount(codes[keep], minlength=int(codes.max()) + 1)
                drop(f"{who} with fewer than {least} rows", counts[np.maximum(codes, 0)] < least)
        if int(keep.sum()) == before:
            return


def _compact(codes: np.ndarray, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    used, compact = np.unique(codes, return_inverse=True)
    return compact.astype(np.int32), ids[used]

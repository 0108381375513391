"""Clean a table of labelled rows: drop unusable rows, and reject unusable tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tfrec.data.tables.calendar_times import is_missing
from tfrec.data.tables.cleaning_report import CleaningReport
from tfrec.data.tables.frames import as_frame
from tfrec.data.tables.ids import encode_ids, float_ids_note
from tfrec.data.tables.label_numbers import label_numbers
from tfrec.data.tables.roles import check_roles, context_names
from tfrec.data.tables.side_tables import clean_side_table
from tfrec.data.tables.timestamps import parse_times
from tfrec.errors import InputError


def clean_examples(
    frame: pd.DataFrame,
    label: str,
    user: str | None,
    item: str | None,
    time: str | None,
    context: Iterable[str] | None,
    users: pd.DataFrame | None,
    items: pd.DataFrame | None,
    date_format: str | None = None,
) -> dict[str, Any]:
    """The fields of an `Examples`, with the report of dropped rows; see `Examples.from_pandas`."""
    frame = as_frame(frame, "The table of labelled rows").rename(columns=str)  # names of model inputs must be strings
    check_names(list(frame.columns), "The table")
    roles = {"label": label, "user": user, "item": item, "time": time}
    check_roles(roles)
    roles = {role: name if name is None else str(name) for role, name in roles.items()}
    label, user, item, time = roles.values()
    named = [name for name in roles.values() if name is not None]
    others = (
        [name for name in frame.columns if name not in named]
        if context is None
        else list(map(str, context_names(context)))
    )
    absent = [name for name in (*named, *others) if name not in frame.columns]
    if absent:
        there = ", ".join(map(str, frame.columns)) or "none"
        raise InputError(f"The table has no column '{absent[0]}'. Its columns are: {there}. Name one of them.")
    if label in others:
        raise InputError(
            f"The label '{label}' is also named as context: the model would read its own target. Remove it."
        )
    for table, name, what in ((users, user, "users"), (items, item, "items")):
        if table is not None and name is None:
            raise InputError(f"A side table of {what} is given, but no column of {what}: name that column too.")
    keep, dropped = np.ones(len(frame), bool), {}

    def drop(cause: str, bad: np.ndarray) -> None:
        if (bad & keep).any():
            dropped[cause] = int((bad & keep).sum())
            keep[bad] = False

    labels = label_numbers(frame[label])
    drop(f"no number in '{label}'", np.isnan(labels))
    id_notes: tuple[str, ...] = ()
    codes: dict[str, Any] = {"user": (None, np.zeros(0, object)), "item": (None, np.zeros(0, object))}
    for role in ("user", "item"):
        if roles[role] is not None:
            codes[role] = encode_ids(frame[roles[role]])
            id_notes += float_ids_note(frame[roles[role]], f"'{roles[role]}'")
            drop(f"no usable {role} id in '{roles[role]}'", codes[role][0] < 0)
    times, notes = (None, ()) if time is None else parse_times(frame[time], date_format)
    if times is not None:
        drop(f"no readable time in '{time}'", is_missing(times))
    if not keep.any():
        causes = "; ".join(f"{cause}: {count:,}" for cause, count in dropped.items()) or "it has none"
        raise InputError(f"All {len(frame):,} rows were dropped: {causes}. Correct the table.")
    (user_codes, user_ids), (item_codes, item_ids) = codes["user"], codes["item"]
    user_table, user_notes = clean_side_table(users, user or "", "users", user_ids)
    item_table, item_notes = clean_side_table(items, item or "", "items", item_ids)
    notes = (*id_notes, *notes, *user_notes, *item_notes)
    return {
        "labels": labels[keep],
        "user_codes": None if user_codes is None else user_codes[keep],
        "item_codes": None if item_codes is None else item_codes[keep],
        "user_ids": user_ids,
        "item_ids": item_ids,
        "times": None if times is None else times[keep],
        "context": frame.loc[keep, others].reset_index(drop=True),
        "users": user_table,
        "items": item_table,
        "report": CleaningReport(len(frame), dropped, len(user_ids), len(item_ids), notes),
    }


def check_names(names: list[str], what: str) -> None:
    """Raise `InputError` if two columns have the same name: one of them may be the label."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"{what} has several columns named {', '.join(repeated)}: rename or drop the repeated ones.")

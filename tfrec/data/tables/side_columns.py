"""Move columns of labelled rows that describe the item or the user to a side table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfrec.data.tables.examples import Examples
from tfrec.data.tables.table_hash import cell_text
from tfrec.errors import InputError


def to_side_table(examples: Examples, group: str, columns: Sequence[str], known: np.ndarray | None = None) -> Examples:
    """Move context columns to the side table of items or users, with one value for each item or user.

    If the rows of an item disagree, the newest value is used (without times, that of the last row); empty cells are
    ignored. `report.notes` counts the disagreements. Values that change with time, such as a price, belong to the
    context.

    Only known rows are used: held-back rows get the value that was known at the end of training, as on a server. An
    item without known rows has no value; features of new items need a side table.

    Args:
        examples: labelled rows.
        group: "item" or "user".
        columns: columns of the context.
        known: (N,) bool, the training rows of a split; None takes all.

    Raises:
        InputError: if the rows have no column of items, or of users.

    Example:
        >>> frame = pd.DataFrame({"y": [0, 1, 1], "film": ["a", "b", "a"], "genre": ["war", None, "drama"]})
        >>> table = to_side_table(Examples.from_pandas(frame, label="y", item="film"), "item", ["genre"])
        >>> table.items["genre"].to_dict(), table.context.columns.tolist()
        ({'a': 'drama'}, [])
        >>> table.report.notes
        ("'genre' differs between the rows of 1 of 2 items, where the last value counts",)
    """
    what = f"{group}s"
    codes, ids = getattr(examples, f"{group}_codes"), getattr(examples, f"{group}_ids")
    if codes is None:
        raise InputError(
            f"'{columns[0]}' has the group '{group}', but the rows have no column of {what}: name it "
            f"({group}=, on the command line --{group})."
        )
    order = np.arange(len(examples)) if examples.times is None else np.argsort(examples.times, kind="stable")
    order = order if known is None else order[known[order]]
    there = np.unique(codes[order])
    found, notes = {}, []
    for column in columns:
        values = examples.context[column]
        rows = order[~_is_empty(values)[order]]
        newest = np.full(len(ids), -1, np.int64)
        newest[codes[rows]] = rows  # the last of equal codes is kept
        has_value = newest >= 0
        found[column] = pd.Series(values.to_numpy()[newest[has_value]], index=ids[has_value])
        kinds = _kinds(values)
        differing = len(np.unique(codes[rows[kinds[rows] != kinds[newest[codes[rows]]]]]))
        if differing:
            which = "last" if examples.times is None else "newest"
            among = "rows" if known is None else "training rows"
            notes.append(
                f"'{column}' differs between the {among} of {differing:,} of {len(there):,} {what}, where the {which} "
                "value counts"
            )
    own = getattr(examples, what)
    table = pd.DataFrame(found) if own is None else own.reindex(own.index.union(ids[there], sort=False)).assign(**found)
    report = dataclasses.replace(examples.report, notes=(*examples.report.notes, *notes))
    context = examples.context.drop(columns=list(columns))
    return dataclasses.replace(examples, context=context, report=report, **{what: table})


def _is_empty(values: pd.Series) -> np.ndarray:
    return (values.isna() | values.map(lambda cell: isinstance(cell, str) and not cell)).to_numpy(bool)


def _kinds(values: pd.Series) -> np.ndarray:
    """A number for each distinct value, (N,)."""
    try:
        return pd.factorize(values)[0]
    except TypeError:  # lists and arrays
        return pd.factorize(values.map(cell_text))[0]

"""Find the columns of users, items, times and weights in a table."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfrec.data.readers.known_names import candidates, is_data, is_number, plain_name
from tfrec.errors import InputError

_ROLES = ("user", "item", "time", "weight")
# Unambiguous names; other names that are found get a note.
_PLAIN = {
    *("userid", "user", "itemid", "item", "movieid", "timestamp", "time", "rating"),
    *("label", "click", "clicked"),
}
_OPTIONS = {"weight": "rating"}  # roles with another name on the command line
_POSITIONS = (
    " If the first line is not a header, name columns by their position: header=False, user='1', item='2' (--no-header "
    "--user 1 --item 2)."
)
_WIDE = 30  # rows of numbers with more columns than this are rows of a matrix
_SHOWN = 30  # columns in an error, and characters of each


@dataclasses.dataclass(frozen=True)
class Columns:
    """The column names that the user gave; None for names that are still to be found.

    Attributes:
        user: column of user ids.
        item: column of item ids.
        time: column of times.
        weight: column of ratings, labels or counts.
        context: further columns to keep.
        part: column with the values train, valid and test, added by the reader of a fixed split.
        title: column of item titles, in this table or in the item table.
        in_order: whether rows are in time order; then no time column is looked for.
        notes: choices among several columns, and columns found by a less common name, one sentence each.
    """

    user: str | None = None
    item: str | None = None
    time: str | None = None
    weight: str | None = None
    context: tuple[str, ...] = ()
    part: str | None = dataclasses.field(default=None, repr=False)
    title: str | None = dataclasses.field(default=None, repr=False)
    in_order: bool = dataclasses.field(default=False, repr=False)
    notes: tuple[str, ...] = dataclasses.field(default=(), repr=False, compare=False)

    def find(self, names: list[str], path: Path, has_header: bool = True) -> Columns:
        """A copy in which missing names are filled in from the list of well-known names.

        Args:
            names: the columns of the table.
            path: its path, for errors.
            has_header: whether the names come from the first line of a text file, which may be a row.

        Raises:
            InputError: if a given name is missing in the table, or user or item cannot be found.

        Example:
            >>> Columns(time="at").find(["userId", "movieId", "at"], Path("a.csv"))
            Columns(user='userId', item='movieId', time='at', weight=None, context=())
        """
        listed = ", ".join(f"'{name[:_SHOWN]}'" for name in names[:_SHOWN])
        listed += f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        given = {role: getattr(self, role) for role in _ROLES}
        wanted = [(role, name) for role, name in given.items() if name is not None]
        wanted += [("context", name) for name in self.context]
        absent = [f"{role}='{name}'" for role, name in wanted if name not in names]
        if absent:
            raise InputError(f"{path} has no column for {', '.join(absent)}. Its columns are: {listed}.")
        if given["user"] and given["user"] == given["item"]:
            raise InputError(
                f"The column '{given['user']}' of {path} is named as both user and item: name two different columns."
            )
        if has_header and not wanted and is_matrix(names):
            raise matrix_error(path, len(names))
        if has_header and is_data(names, [name for _, name in wanted]):
            raise InputError(
                f"The first line of {path} looks like a row and not like a header: it has {listed}. If there is no "
                "header, name columns by position: header=False, user='1', item='2' (on the command line "
                "--no-header --user 1 --item 2), and likewise time and ratings; or name all columns in order: "
                "columns=['user', 'item', ...] (--columns user,item,...)."
            )
        free = [name for name in names if name not in given.values()]
        known = {role: [] if name else candidates(role, free) for role, name in given.items()}
        if self.in_order:
            known["time"] = []
        found = {role: name or next(iter(known[role]), None) for role, name in given.items()}
        unknown = [role for role in ("user", "item") if found[role] is None]
        if unknown:
            raise InputError(
                f"{path} has the columns {listed}: none has a well-known name for {' or '.join(unknown)} ids. "
                "Name the columns with user=, item= and time= (on the command line --user, --item, --time)."
                + (_POSITIONS if has_header else "")
            )
        found["title"] = self.title if self.title in names else None
        result = dataclasses.replace(self, **found, notes=(*self.notes, *notes_on_names(known)))
        repeated = [name for name in result.needed if names.count(name) > 1]
        if repeated:
            raise InputError(
                f"{path} has several columns named {', '.join(repeated)}. Rename or drop the repeated ones."
            )
        return result

    @property
    def needed(self) -> list[str]:
        """The known column names, without repeats."""
        names = [self.user, self.item, self.time, self.weight, *self.context, self.part, self.title]
        return [name for name in dict.fromkeys(names) if name is not None]


def is_matrix(row: list[str]) -> bool:
    """Whether a row has many fields that are all numbers, such as the ratings of a user for every item.

    Example:
        >>> is_matrix(["62", "99", "-3.5"] * 20), is_matrix(["1", "5", "4"])
        (True, False)
    """
    fields = [field.strip() for field in row]
    in_order = fields == [str(place) for place in range(len(fields))]  # column numbers, as pandas writes them
    return len(fields) > _WIDE and not in_order and all(is_number(field) for field in fields if field)


def matrix_error(path: Path, width: int) -> InputError:
    """The error for a table with one column per item."""
    return InputError(
        f"{path} has {width} columns of numbers and no header, so it looks like a matrix with one row per user and one "
        "column per item: expected one row per interaction. Convert it to the columns user, item and rating "
        "(pandas.DataFrame.melt), without empty ratings."
    )


def notes_on_names(known: dict[str, list[str]]) -> list[str]:
    """Notes for the report on columns that were found by an ambiguous name.

    Args:
        known: role -> the candidate columns, the chosen one first.
    """
    found = {role: names[0] for role, names in known.items() if names}
    notes = []
    if any(plain_name(name) not in _PLAIN for name in found.values()):
        read = ", ".join(f"'{name}' as {role}" for role, name in found.items())
        notes.append(f"columns found by their names: {read}")
    for role, names in known.items():
        if len(names) > 1:
            others = ", ".join(f"'{name}'" for name in names[1:5])
            option = _OPTIONS.get(role, role)
            notes.append(
                f"'{names[0]}' is read as {role}; other candidates: {others}. Choose one with {role}= (--{option})"
            )
    return notes

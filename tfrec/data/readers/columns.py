"""Which column of a table is the user, the item, the time, the weight."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tfrec.errors import InputError

# In the order of preference; compared without case and underscores.
WELL_KNOWN = {
    "user": ("userid", "user"),
    "item": ("itemid", "item", "movieid"),
    "time": ("timestamp", "time"),
    "weight": ("rating",),
}
_SHOWN = 30  # columns in an error, and characters of each


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of columns as the user gave them; None is still to be found.

    Attributes:
        user: column of user ids.
        item: column of item ids.
        time: column of times.
        weight: column of ratings, labels or counts.
        context: further columns to carry along.
    """

    user: str | None = None
    item: str | None = None
    time: str | None = None
    weight: str | None = None
    context: tuple[str, ...] = ()

    def find(self, names: list[str], path: Path) -> Columns:
        """The same with every missing name filled in from well-known ones.

        Args:
            names: the columns that the table has.
            path: where it came from, for errors.

        Raises:
            InputError: where a given name is not there, or user or item cannot be found.

        Example:
            >>> Columns(time="at").find(["userId", "movieId", "at"], Path("a.csv"))
            Columns(user='userId', item='movieId', time='at', weight=None, context=())
        """
        listed = ", ".join(f"'{name[:_SHOWN]}'" for name in names[:_SHOWN])
        listed += f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        given = {role: getattr(self, role) for role in WELL_KNOWN}
        wanted = [(role, name) for role, name in given.items() if name is not None]
        wanted += [("context", name) for name in self.context]
        absent = [f"{role}='{name}'" for role, name in wanted if name not in names]
        if absent:
            raise InputError(f"{path} has no column for {', '.join(absent)}. Its columns are: {listed}.")
        taken = set(given.values())
        found = {role: name or known_column(role, [n for n in names if n not in taken]) for role, name in given.items()}
        unknown = [role for role in ("user", "item") if found[role] is None]
        if unknown:
            raise InputError(
                f"{path} has the columns {listed}: none of them is known to hold the {' or the '.join(unknown)} ids. "
                "Name the columns with user=, item= and time= (on the command line --user, --item, --time). "
                "If the first line is not a header, put one before it."
            )
        if found["user"] == found["item"]:
            raise InputError(f"'{found['user']}' is named for the users and for the items of {path}: name two columns.")
        result = dataclasses.replace(self, **found)
        repeated = [name for name in result.needed if names.count(name) > 1]
        if repeated:
            raise InputError(f"{path} has several columns named {', '.join(repeated)}. Rename or drop one of each.")
        return result

    @property
    def needed(self) -> list[str]:
        """The names that are known, each once."""
        names = [self.user, self.item, self.time, self.weight, *self.context]
        return [name for name in dict.fromkeys(names) if name is not None]


def known_column(role: str, names: list[str]) -> str | None:
    """The column whose name is well known for a user, an item, a time or a weight, if there is one."""
    plain = {name.lower().replace("_", ""): name for name in reversed(names)}
    return next((plain[known] for known in WELL_KNOWN[role] if known in plain), None)

"""What happened at each position of a history, as one vector."""

from collections.abc import Sequence
from typing import Any


def mark_events(things: Sequence[Any], marks: Sequence[Any]) -> Any:
    """The vectors of events: what they were about, and how each of them went.

    `event = thing + mark + thing * mark`, where `thing` is the sum of `things` and `mark` that of `marks`.

    The product lets a mark turn a thing round, feature by feature: without it, an item rated 1 and the same item rated
    5 would tell an attention that is linear in its values the same of all other items.

    Args:
        things: (B, L, D) each, such as the vectors of `history` and `history_genres`.
        marks: (B, L, D) each, such as the vectors of `history_label`; may be empty.
    """
    thing = sum(things[1:], things[0])
    if not marks:
        return thing
    mark = sum(marks[1:], marks[0])
    return thing + mark + thing * mark

"""Hashes of the data of a run, to compare reports, resumed runs and further seeds."""

from __future__ import annotations

from collections.abc import Mapping

from tfrec.data.tables.examples import Examples
from tfrec.data.tables.interactions import Interactions

_NAMES = ("data_sha256", "content_sha256")


def data_hashes(table: Interactions | Examples) -> dict[str, str]:
    """The hash that is published with results, and the hash that also covers times and side tables."""
    return {"data_sha256": table.sha256(), "content_sha256": table.content_sha256()}


def same_data(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two records are of the same data, by the hashes that both have; old records have only the first.

    Example:
        >>> same_data({"data_sha256": "a", "content_sha256": "b"}, {"data_sha256": "a"})
        True
        >>> same_data({"data_sha256": "a", "content_sha256": "b"}, {"data_sha256": "a", "content_sha256": "c"})
        False
    """
    return all(one[name] == other[name] for name in _NAMES if name in one and name in other)

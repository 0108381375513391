"""The options of one export, as its steps hand them on."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class ExportOptions(NamedTuple):
    """Options of an export; see `export`."""

    k: int
    mask_seen: bool
    verify: str
    index: str
    recall: float
    withdrawn: list[str]
    report: Mapping[str, Any]

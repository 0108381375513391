"""How many of the items that one preset retrieves another one can tell apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.serving.files import export_manifest

_FEW = 0.5  # below this share most candidates look alike to the ranking model


def count(retrieval: FeatureSpec, ranking: FeatureSpec, withdrawn: Sequence[str] = ()) -> dict[str, Any]:
    """Of the retrieval preset's items: how many the ranking preset was trained on, and knows by their content alone.

    Returns:
        {"items": those that are not withdrawn, "trained": ..., "by_content": ..., "share": of both among the items}.
    """
    items = np.setdiff1d(retrieval.items.tokens, np.asarray(withdrawn, object))
    trained, by_content = (sum(item in known for item in items) for known in (ranking.items, ranking.cold.ids))
    share = round((trained + by_content) / max(len(items), 1), 4)
    return {"items": len(items), "trained": trained, "by_content": by_content, "share": share}


def fault(common: dict[str, Any]) -> str | None:
    """What is wrong where they have few items in common, or None."""
    if common["share"] >= _FEW:
        return None
    return (
        f"The ranking model knows {_counted(common)}. The rest it cannot tell apart but by the order in which they are "
        "found. Expected two presets of one catalogue, with ids spelt alike: train one of them anew, or give the "
        "ranking preset a side table of items."
    )


def describe_common(version: Path) -> str:
    """What the manifest of an export of two stages says of it, as a sentence."""
    common = json.loads((version / export_manifest.PLACE).read_text(encoding="utf-8"))["common_items"]
    return f"The ranking model knows {_counted(common)}"


def _counted(common: dict[str, Any]) -> str:
    known = common["trained"] + common["by_content"]
    return (
        f"{known:,} of the {common['items']:,} items that are retrieved ({common['share']:.0%}): {common['trained']:,} "
        f"from training, {common['by_content']:,} by their content"
    )

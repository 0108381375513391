"""Count the items of a retrieval preset that a ranking preset knows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.serving.files import export_manifest

_FEW = 0.5  # below this share the ranking model cannot distinguish most candidates


def count(retrieval: FeatureSpec, ranking: FeatureSpec, withdrawn: Sequence[str] = ()) -> dict[str, Any]:
    """Count the retrieval preset's items that the ranking preset has training rows or at least features of.

    Returns:
        {"items": items that are not withdrawn, "trained": items with training rows, "by_content": items with features
        only, "share": share of both among the items}.
    """
    items = np.setdiff1d(retrieval.items.tokens, np.asarray(withdrawn, object))
    trained, by_content = (sum(item in known for item in items) for known in (ranking.items, ranking.cold.ids))
    share = round((trained + by_content) / max(len(items), 1), 4)
    return {"items": len(items), "trained": trained, "by_content": by_content, "share": share}


def fault(common: dict[str, Any]) -> str | None:
    """A warning if the presets have few items in common, or None."""
    if common["share"] >= _FEW:
        return None
    return (
        f"The ranking model knows {_counted(common)}. It gives all others the same score. Expected two presets of one "
        "catalogue with the same ids: train one of them again, or give the ranking preset a side table of items."
    )


def describe_common(version: Path) -> str:
    """The overlap of a two-stage export, from its manifest, as a sentence."""
    common = json.loads((version / export_manifest.PLACE).read_text(encoding="utf-8"))["common_items"]
    return f"The ranking model knows {_counted(common)}"


def _counted(common: dict[str, Any]) -> str:
    known = common["trained"] + common["by_content"]
    return (
        f"{known:,} of the {common['items']:,} items of the retrieval model ({common['share']:.0%}): "
        f"{common['trained']:,} from training rows, {common['by_content']:,} from features only"
    )

"""`tfrec list`: what stands on the zoo's shelf."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command has no options."""


def run(options: argparse.Namespace) -> None:
    """Print a row a preset."""
    from tfrec import presets

    rows = [("preset", "model", "items", "test recall@10", "test ndcg@10", "MB")]
    for name, folder in presets.zoo().items():
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        measured = metrics.get("test", {}).get(config["config"]["name"], {}).get("metrics", {})
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
        recall, ndcg = (f"{measured[key]:.4f}" if key in measured else "-" for key in ("recall@10", "ndcg@10"))
        rows.append((name, config["class_name"], f"{config['config']['num_items']:,}", recall, ndcg, f"{size:.1f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())

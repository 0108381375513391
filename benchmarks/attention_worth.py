"""The effect of the attention of a ranking preset: its metrics with and without uniform attention weights.

    python benchmarks/attention_worth.py [PRESET ...] [--data FOLDER of ml-100k]

prints one Markdown row per preset, as in results/attention_worth.md. With queries of 0, all keys have the same score,
so the attention computes a mean. If a preset loses nothing by this, its attention weights have no meaning.
"""

import argparse
from pathlib import Path

import numpy as np

from tfrec import data, metrics, presets, training

ROOT = Path(__file__).parents[1]
PRESETS = ("autoint_ml100k", "fusion_ml100k", "matcher_ml100k")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "ml-100k")
    options = parser.parse_args()
    print("| preset | unchanged | with uniform attention weights |\n|---|---|---|")
    for name in options.presets:
        preset = presets.load(name)
        rows = test_rows(name, preset, options.data)
        before = measured(preset.model, rows)
        made_uniform(preset.model)
        print(f"| `{name}` | {before} | {measured(preset.model, rows)} |", flush=True)


def test_rows(name: str, preset: presets.Preset, folder: Path) -> list:
    """Batches of the test part of the preset's own recipe."""
    recipe = training.load_recipe(presets.find(name) / "recipe.toml")
    examples = recipe.build_examples(data.read(folder))
    split = examples.split(recipe.build_split())
    known = recipe.known_rows(examples, split.train)
    return list(data.labelled(split.test, preset.spec, known=known, batch_size=4096, inputs=preset.model.input_names))


def measured(model, rows: list) -> str:
    scores = np.concatenate([np.asarray(model.score(inputs)) for inputs, _ in rows])
    labels = np.concatenate([np.asarray(labels)[:, 0] for _, labels in rows])
    if model.task == "rating":
        return f"RMSE {np.sqrt(np.mean((scores - labels) ** 2)):.4f}"
    return f"AUC {metrics.auc(scores, labels):.4f}, log-loss {metrics.log_loss(scores, labels):.4f}"


def made_uniform(model) -> None:
    maps = [layer.query_map for layer in model._flatten_layers() if hasattr(layer, "query_map")]
    if not maps:
        raise SystemExit(f"{type(model).__name__} has no attention of queries and keys.")
    for each in maps:
        each.set_weights([0 * weights for weights in each.get_weights()])


if __name__ == "__main__":
    main()

"""The effect of float16 weights: metrics of each bundled preset on its test part, with float32 and float16 weights.

    python benchmarks/stored_weights.py [--presets NAME ...] [--data FOLDER] [--convert]

writes benchmarks/results/stored_weights.json and .md after every preset. Nothing is chosen on the test part: this only
checks whether the published metrics still hold. Rows of presets that already have float16 weights are kept.

`--convert` then converts each measured preset whose metrics with float16 weights equal those of metrics.json to the
four digits that the zoo shows. The measured metrics are added to its metrics.json, next to those of the training run.
"""

import argparse
import json
from pathlib import Path

from tfrec import atomic, environment, presets, runner
from tfrec.data import read
from tfrec.presets.seed_results import entry
from tfrec.presets.zoo_results import METRICS

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
# The end of a preset's name -> the folder of its data.
DATA = {"beauty": "amazon-beauty", "mlsmall": "ml-latest-small", "ml100k": "ml-100k", "ml1m": "ml-1m"}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="*", metavar="NAME", help="bundled presets (all)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--convert", action="store_true", help="convert presets whose metrics stay the same")
    options = parser.parse_args(arguments)
    file = options.out / "stored_weights.json"
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name in options.presets or presets.zoo():
        preset = presets.load(name)
        if name not in found and dtype_of(preset) == "float32":
            found[name] = {**measured(preset, options.data), "machine": environment.machine()}
            print(name, found[name], flush=True)
            write(file, found)
        if options.convert and name in found and dtype_of(preset) == "float32" and is_same(found[name]):
            after = {"test": found[name]["float16"], "machine": found[name]["machine"]}
            preset = presets.load(presets.convert(preset.folder, "float16", after))
        if name in found and dtype_of(preset) == "float16":
            found[name]["bytes"]["float16"] = (preset.folder / "model.weights.h5").stat().st_size
            write(file, found)


def write(file, found):
    atomic.write_text(file, json.dumps(found, indent=2) + "\n")
    atomic.write_text(file.with_suffix(".md"), page(found))


def dtype_of(preset):
    recipe = preset.metrics["training"]["recipe"]
    return preset.metrics.get("stored_weights", {}).get("dtype") or recipe.get("weights", "float32")


def measured(preset, folder):
    """The metrics of the zoo's tables: recorded ones, and those measured here with the weights of both dtypes."""
    table = read(folder / next(of for end, of in DATA.items() if end in preset.folder.name.split("_")))
    recipe = preset.metrics["training"]["recipe"]
    names = METRICS[recipe.get("task", "retrieval")]
    row = {"recorded": {name: entry(preset.metrics)["test"][name] for name in names}}
    for dtype in ("float32", "float16"):
        presets.round_weights(preset.model, dtype)
        metrics = runner.evaluate(preset, table, baselines=()).report.metrics
        row[dtype] = {name: metrics[name] for name in names}
    return {**row, "bytes": {"float32": (preset.folder / "model.weights.h5").stat().st_size}}


def is_same(row):
    return all(f"{row['float16'][name]:.4f}" == f"{value:.4f}" for name, value in row["recorded"].items())


def page(found):
    lines = [
        "`python benchmarks/stored_weights.py`: test part of each preset with float32 and with float16 weights.",
        '"recorded" was measured by the run that trained the preset; the other two on one machine, in turn.',
        "",
        "| preset | metric | recorded | float32 | float16 | difference | MB float32 | MB float16 |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in found.items():
        for place, (metric, value) in enumerate(row["recorded"].items()):
            full, half = row["float32"][metric], row["float16"][metric]
            sizes = [megabytes(row["bytes"].get(dtype)) if not place else "" for dtype in ("float32", "float16")]
            numbers = f"{value:.5f} | {full:.5f} | {half:.5f} | {half - full:+.6f}"
            lines.append(f"| {f'`{name}`' if not place else ''} | {metric} | {numbers} | {' | '.join(sizes)} |")
    largest = max(
        abs(row["float16"][metric] - row["float32"][metric]) for row in found.values() for metric in row["recorded"]
    )
    machines = "; ".join(sorted({row["machine"] for row in found.values()}))
    lines += ["", "Presets without a size in the last column keep float32: one of their stated digits would change."]
    lines += ["", f"Largest difference: {largest:.6f}. Machine: {machines}."]
    return "\n".join(lines) + "\n"


def megabytes(size):
    return f"{size / 1e6:.2f}" if size else "-"


if __name__ == "__main__":
    main()

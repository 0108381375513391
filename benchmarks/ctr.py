"""Click models compared with the models of the same names in other libraries: metrics, and training rows per second.

    python benchmarks/ctr.py --deepctr PYTHON --fuxictr PYTHON [--zoo FOLDER] [--what accuracy speed] [--data FOLDER]

writes benchmarks/results/ctr.json and ctr.md; results that are not measured again are kept. Each PYTHON is the
interpreter of an environment with that library; the scripts that run there are benchmarks/peers/ctr_*.py.

All libraries train on the same rows, encoded once by tfrec's FeatureSpec (peers/ctr_data.py) and split at random into
80% training, 10% validation and 10% test. They have the same widths, layers, epochs, batches, Adam and learning rate,
without regularisation. Initial weights and other defaults are those of each library.

Accuracy: for each seed, the epoch with the best validation AUC is tested; the results are mean and standard deviation
over the seeds. Speed: the libraries take turns, `ROUNDS` times, each in its own process, with epochs of few steps. The
first epoch, which traces and warms up, is left out; the result is the median of the other epochs of all rounds. Measure
speed while nothing else runs.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent / "peers")]

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
SIZES = {
    "embedding": 16,
    "hidden": [256, 128],
    "attention": [64, 16],
    "layers": 3,
    "heads": 2,
    "learning_rate": 1e-3,
}
DATA = {"ml-100k": {"batch_size": 1024, "epochs": 6}, "criteo-sample": {"batch_size": 256, "epochs": 5}}
HISTORY_EPOCHS = {"DIN": 3, "DIEN": 3, "BST": 3}  # a step of theirs takes ten times as long
MODELS = {
    "ml-100k": ("DeepFM", "DCNv2", "AFM", "AutoInt", "DIN", "DIEN", "BST"),
    "criteo-sample": ("DeepFM", "DCNv2", "AFM", "AutoInt"),
}
PEERS = {
    "deepctr": ("DeepFM", "DCNv2", "AFM", "AutoInt", "DIN", "DIEN"),
    "fuxictr": ("DeepFM", "DCNv2", "AFM", "AutoInt", "DIN", "BST"),
}
SEEDS, ROUNDS, TIMED_EPOCHS = (0, 1, 2), 2, 3
TIMED_STEPS, TIMED_HISTORY_STEPS = 30, 10
THREADS = {"accuracy": 1, "speed": 2}
MARGIN = 0.002
METRICS = ("auc", "grouped_auc", "log_loss", "calibration_error")
ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "17179869184",
    "MALLOC_TOP_PAD_": "268435456",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--only", nargs="*", choices=list(DATA), default=list(DATA), help="data sets")
    parser.add_argument("--models", nargs="*", choices=MODELS["ml-100k"], default=MODELS["ml-100k"])
    parser.add_argument("--what", nargs="*", choices=list(THREADS), default=list(THREADS))
    parser.add_argument("--sides", nargs="*", choices=["tfrec", *PEERS], default=["tfrec", *PEERS])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rows", type=int, help="the first rows alone, for a try: results are printed, not written")
    for peer in PEERS:
        parser.add_argument(f"--{peer}", help=f"python of an environment with {peer}")
    parser.add_argument("--zoo", help="the folder model_zoo of FuxiCTR's repository, which its wheel lacks")
    options = parser.parse_args()
    pythons = {"tfrec": sys.executable} | {peer: getattr(options, peer) for peer in PEERS if getattr(options, peer)}
    pythons = {side: python for side, python in pythons.items() if side in options.sides}

    import ctr_data

    out = RESULTS / "ctr.json"
    results = json.loads(out.read_text()) if out.exists() and not options.rows else {}
    work = tempfile.TemporaryDirectory(prefix="tfrec_ctr_")  # a run's own: another would read its jobs
    for name in options.only:
        split, spec = ctr_data.load(name, options.data, options.rows)
        arrays = Path(work.name) / f"{name}.npz"
        ctr_data.write(split, spec, arrays)
        for model in (model for model in MODELS[name] if model in options.models):
            sides = [side for side in pythons if side == "tfrec" or model in PEERS[side]]
            job = {"data": name, "folder": str(options.data), "rows": options.rows, "arrays": str(arrays)}
            job["zoo"] = options.zoo
            job |= {"model": model, "sizes": SIZES, **DATA[name]}
            job["epochs"] = HISTORY_EPOCHS.get(model, job["epochs"])
            cell = results.setdefault(name, {}).setdefault(model, {})
            if "accuracy" in options.what:
                for side in sides:
                    row = accuracy(pythons[side], side, job, split)
                    cell.setdefault(side, {}).update(row)
                    print(name, model, side, json.dumps(row), flush=True)
            if "speed" in options.what:
                rows = speed({side: pythons[side] for side in sides}, job, len(split.train), options.rounds)
                for side, row in rows.items():
                    cell.setdefault(side, {}).update(row)
                    print(name, model, side, json.dumps(row), flush=True)
            if not options.rows:
                write(results, out)


def accuracy(python: str, side: str, job: dict, split) -> dict:
    """The metrics of the test part: {metric: [mean, deviation]}, and the values of each seed."""
    done = run(python, side, {**job, "seeds": SEEDS, "threads": THREADS["accuracy"], "parts": ["valid", "test"]})
    from tfrec import metrics

    found: dict[str, list] = {name: [] for name in METRICS}
    best = []
    with np.load(done["scores"]) as scores:
        for seed in SEEDS:
            of_valid, of_test = scores[f"{seed}/valid"], scores[f"{seed}/test"]
            best.append(int(np.argmax([metrics.auc(values, split.valid.labels) for values in of_valid])))
            values, labels = of_test[best[-1]], split.test.labels
            for name in ("auc", "log_loss", "calibration_error"):
                found[name].append(getattr(metrics, name)(values, labels))
            if split.test.user_codes is not None:
                found["grouped_auc"].append(metrics.grouped_auc(values, labels, split.test.user_codes))
    row = {
        name: [round(float(np.mean(values)), 5), round(float(np.std(values)), 5)]
        for name, values in found.items()
        if values
    }
    each = [round(value, 5) for value in found["auc"]]
    return {**row, "auc_of_seeds": each, "best_epochs": [epoch + 1 for epoch in best], "version": done["version"]}


def speed(pythons: dict[str, str], job: dict, rows: int, rounds: int) -> dict[str, dict]:
    """Library -> rows per second, the median and the value of each epoch."""
    # Full batches alone: a graph of another shape is no part of a row's cost.
    steps = TIMED_HISTORY_STEPS if job["model"] in HISTORY_EPOCHS else TIMED_STEPS
    rows = min(rows // job["batch_size"], steps) * job["batch_size"] or rows
    job = {**job, "seeds": [0], "threads": THREADS["speed"], "parts": [], "epochs": 1 + TIMED_EPOCHS, "take": rows}
    each: dict[str, list] = {side: [] for side in pythons}
    versions = {}
    for _ in range(rounds):
        for side, python in pythons.items():
            done = run(python, side, job)
            each[side] += [rows / seconds for seconds in done["seconds"][0][1:]]
            versions[side] = done["version"]
    return {
        side: {
            "rows_per_second": round(statistics.median(rates)),
            "each_epoch": [round(rate) for rate in rates],
            "version": versions[side],
        }
        for side, rates in each.items()
    }


def run(python: str, side: str, job: dict) -> dict:
    """One measurement: {"seconds": of each epoch of each seed, "scores": an npz, "version": of the library}."""
    work = Path(job["arrays"]).parent
    job = {**job, "scores": str(work / f"{side}.npz")}
    path = work / f"{side}.json"
    path.write_text(json.dumps(job))
    script = Path(__file__).parent / "peers" / f"ctr_{'ours' if side == 'tfrec' else side}.py"
    threads = str(job["threads"])
    done = subprocess.run(
        [python, str(script), str(path)],
        env={**os.environ, **ALLOCATOR, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "scores": job["scores"]}


def goals(results: dict) -> list[dict]:
    """Each goal with whether it is reached; None if a library was not measured."""
    found = []
    for name, models in ((name, results[name]) for name in DATA if name in results):
        for model, sides in models.items():
            for peer in (side for side in sides if side != "tfrec"):
                ours, theirs = sides.get("tfrec", {}), sides[peer]
                goal = {"data": name, "model": model, "peer": peer, "auc": None, "speed": None}
                if "auc" in ours and "auc" in theirs:
                    goal["auc_difference"] = round(ours["auc"][0] - theirs["auc"][0], 5)
                    goal["auc"] = goal["auc_difference"] >= -MARGIN
                if "rows_per_second" in ours and "rows_per_second" in theirs:
                    goal["times_as_fast"] = round(ours["rows_per_second"] / theirs["rows_per_second"], 2)
                    goal["speed"] = goal["times_as_fast"] >= 1
                found.append(goal)
    return found


def write(results: dict, out: Path) -> None:
    """Write the JSON file and the tables."""
    from tfrec import environment

    results |= {"machine": environment.machine(), "versions": environment.versions()}
    results |= {"sizes": SIZES, "data": DATA, "history_epochs": HISTORY_EPOCHS, "seeds": SEEDS, "goals": goals(results)}
    out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(results), encoding="utf-8")


def table(results: dict) -> str:
    """Markdown: the metrics of all libraries, and which goals are reached."""
    lines = [f"`python benchmarks/ctr.py`, {results['machine']}.", ""]
    for name, models in ((name, results[name]) for name in DATA if name in results):
        heads = ["AUC", "grouped AUC", "log-loss", "calibration error", "rows/s", "AUC goal", "speed goal"]
        lines += [f"| {name} | side | {' | '.join(heads)} |"]
        lines += ["|---|---|---:|---:|---:|---:|---:|---|---|"]
        for model, sides in models.items():
            for side, row in sides.items():
                cells = [" ± ".join(f"{value:.4f}" for value in row[key]) if key in row else "" for key in METRICS]
                rate = f"{row['rows_per_second']:,}" if "rows_per_second" in row else ""
                goal = [
                    goal
                    for goal in results["goals"]
                    if (goal["data"], goal["model"], goal["peer"]) == (name, model, side)
                ]
                cells += [rate, *((_said(goal[0], "auc"), _said(goal[0], "speed")) if goal else ("", ""))]
                lines.append(f"| {model} | {side} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _said(goal: dict, which: str) -> str:
    if goal[which] is None:
        return ""
    number = f"{goal['auc_difference']:+.4f}" if which == "auc" else f"{goal['times_as_fast']:.2f} x"
    return f"{number}, {'reached' if goal[which] else 'NOT reached'}"


if __name__ == "__main__":
    main()

"""ComiRec with attention pooling and with expectation maximisation: MovieLens-100K, leave-one-out.

    python benchmarks/comirec_pooling.py [--seeds 0 1] [--data FOLDER of ml-100k]

writes benchmarks/results/comirec_pooling.json and .md after every run, and does not repeat runs that the file holds.

All settings share one recipe and its number of epochs. The validation items choose the epoch, the test items are ranked
once.
"""

import argparse
import dataclasses
import json
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tfrec import atomic, environment, evaluation
from tfrec.data import read
from tfrec.training import Recipe, train

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
RECIPE = Recipe(
    max_length=50,
    batch_size=32,
    epochs=20,
    patience=20,
    split={"rule": "leave-last-out"},
    model={"class": "ComiRec", "hidden_dim": 32, "num_interests": 4, "dropout": 0.2},
    optimizer={"class": "Adam", "learning_rate": 3e-3},
)
SETTINGS = {
    "attention": {},
    "em, temperature 1": {"pooling": "em"},
    "em, temperature 0.3": {"pooling": "em", "em_temperature": 0.3},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "ml-100k")
    options = parser.parse_args()
    file = RESULTS / "comirec_pooling.json"
    found = json.loads(file.read_text()) if file.exists() else {"runs": {}}
    table = read(options.data)
    for seed in options.seeds:
        for name, change in SETTINGS.items():
            key = f"{name}, seed {seed}"
            if key in found["runs"]:
                continue
            began = time.process_time()
            done = train(table, dataclasses.replace(RECIPE, model={**RECIPE.model, **change}, seed=seed), verbose=0)
            parts = {"valid": done.split.valid, "test": done.split.test}
            found["runs"][key] = {
                **{part: evaluation.evaluate(done.model, done.spec, of).metrics for part, of in parts.items()},
                "best_epoch": done.best_epoch,
                "cpu_seconds": round(time.process_time() - began),
            }
            print(key, found["runs"][key], flush=True)
            found |= {
                "data_sha256": table.sha256(),
                "machine": environment.machine(),
                "versions": environment.versions(),
            }
            atomic.write_text(file, json.dumps(found, indent=1) + "\n")
            atomic.write_text(RESULTS / "comirec_pooling.md", page(found["runs"]))


def page(runs):
    lines = [
        "`python benchmarks/comirec_pooling.py`: ComiRec, width 32, four interests, on MovieLens-100K, leave-one-out.",
        "Mean over the seeds, ± their standard deviation.",
        "",
        "| pooling | seeds | test NDCG@10 | test Recall@10 | test coverage@10 | validation NDCG@10 | CPU seconds |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in SETTINGS:
        own = [one for key, one in runs.items() if key.rpartition(", seed ")[0] == name]
        if own:
            cells = [spread([one[part][metric] for one in own]) for part, metric in COLUMNS]
            seconds = statistics.mean(one["cpu_seconds"] for one in own)
            lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} | {seconds:.0f} |")
    return "\n".join(lines) + "\n"


COLUMNS = (("test", "ndcg@10"), ("test", "recall@10"), ("test", "coverage@10"), ("valid", "ndcg@10"))


def spread(values):
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


if __name__ == "__main__":
    main()

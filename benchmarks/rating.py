"""Ratings of MovieLens-100K: RMSE and MAE of every head and direction of AttentionMatcher, and of other models.

    python benchmarks/rating.py [--groups heads directions others] [--seeds 0 1 2 3 4] [--data FOLDER]

writes benchmarks/results/rating.json and rating.md after every run. Runs that are already in the file are not repeated;
--again repeats them.

Rows are split at random: 75% training, 5% validation, 20% test. The seed determines both the split and the training.
The validation rows choose the epoch; the test rows are evaluated once. Every setting changes the recipe
models/hybrid/attention_matcher/matcher_ml100k/recipe.toml as the table `SETTINGS` describes.
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
from tfrec.training import RankingRecipe, train_ranking

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
RECIPE = ROOT / "models" / "hybrid" / "attention_matcher" / "matcher_ml100k" / "recipe.toml"

IDS = {"user": {"kind": "categorical"}}  # the item is always one
MATRIX_FACTORISATION = {
    "features": IDS,
    "history": {},
    "model": {"class": "DeepFM", "hidden_dims": [], "embedding_dim": 32, "embedding_l2": 1e-4},
}
# group -> name -> what differs from the recipe: entries of [model], or whole tables.
SETTINGS = {
    "heads": {
        f"head {head}": {"model": {"head": head, **more}}
        for head, more in {
            "linear": {},
            "dense": {},
            "skip": {},
            "residual": {"hidden_dims": [64, 64]},
            "sigmoid": {},
        }.items()
    },
    "directions": {
        "direction item-to-user": {"model": {"head": "skip"}},
        "direction user-to-item": {"model": {"direction": "user-to-item"}},
        "direction both": {"model": {"direction": "both"}},
        "joint encoder": {"model": {"encoder": "joint"}},
    },
    "others": {"matrix factorisation with biases": MATRIX_FACTORISATION},
}
SAME = {"direction item-to-user": "head skip"}  # two names of one setting


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", nargs="*", choices=list(SETTINGS), default=list(SETTINGS))
    parser.add_argument("--only", nargs="*", help="names of settings")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--again", action="store_true", help="repeat what has been measured")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "ml-100k")
    options = parser.parse_args()
    file = RESULTS / "rating.json"
    found = json.loads(file.read_text()) if file.exists() else {"runs": {}}
    table = read(options.data)
    for seed in options.seeds:
        for name, change in {k: v for group in options.groups for k, v in SETTINGS[group].items()}.items():
            key = f"{SAME.get(name, name)}, seed {seed}"
            if (options.only and name not in options.only) or (key in found["runs"] and not options.again):
                continue
            found["runs"][key] = measured(table, recipe_of(change, seed))
            print(key, found["runs"][key], flush=True)
            found |= {"machine": environment.machine(), "versions": environment.versions()}
            atomic.write_text(file, json.dumps(found, indent=2) + "\n")
            atomic.write_text(RESULTS / "rating.md", page(found["runs"]))


def recipe_of(change, seed):
    """The recipe of the preset with the changes of a setting."""
    recipe = RankingRecipe.load(RECIPE)
    model = change.get("model", {})
    model = model if "class" in model else {**recipe.model, **model}
    split = {**recipe.split, "seed": seed}
    return dataclasses.replace(recipe, **{**change, "model": model, "split": split, "seed": seed})


def measured(table, recipe):
    began = time.perf_counter()
    done = train_ranking(table, recipe, verbose=0)
    valid, test = (
        evaluation.evaluate_labelled(done.model, done.spec, rows, done.known).metrics
        for rows in (done.split.valid, done.split.test)
    )
    return {"valid": valid, "test": test, "best_epoch": done.best_epoch, "seconds": round(time.perf_counter() - began)}


def page(runs):
    lines = [
        "`python benchmarks/rating.py`: MovieLens-100K, rows at random, 75% training, 5% validation, 20% test.",
        "Mean over the seeds, ± their standard deviation; every seed has its own split.",
        "",
        "| setting | seeds | test RMSE | test MAE | validation RMSE |",
        "|---|---:|---:|---:|---:|",
    ]
    for group in SETTINGS.values():
        for name in group:
            own = [one for key, one in runs.items() if key.rpartition(", seed ")[0] == SAME.get(name, name)]
            if own:
                cells = [spread([one[part][metric] for one in own]) for part, metric in COLUMNS]
                lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


COLUMNS = (("test", "rmse"), ("test", "mae"), ("valid", "rmse"))


def spread(values):
    mean = f"{statistics.mean(values):.4f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.4f}"


if __name__ == "__main__":
    main()

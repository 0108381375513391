"""A joint loss on the attention: what its weight does to the ranking, and to the distance from the target.

    python benchmarks/attention_loss.py [--what sequential ranking] [--data FOLDER of ml-100k]

writes benchmarks/results/attention_loss.json and .md, and pictures to docs/figures, after every part.

- sequential: a SASRec of width 16 learns the attention of the preset `sasrec_ml100k`, of width 64. Leave-one-out on
  MovieLens-100K; the validation items choose the epoch.
- ranking: an AttentionMatcher predicts ratings of 4 and more, and its attention learns the label of the events: to look
  at what the user liked. Rows at random, 75% training, 5% validation, 20% test.

One seed. `attention_kl` is measured on the validation part, after training, for all weights alike.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tfrec import atomic, environment, evaluation, inference, presets
from tfrec.data import labelled, read, sequences
from tfrec.losses import FullSoftmax
from tfrec.training import RankingRecipe, Recipe, train, train_ranking

ROOT = Path(__file__).parents[1]
RESULTS, FIGURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "figures"
TEACHER = "sasrec_ml100k"
WEIGHTS = {"sequential": [0.0, 0.1, 1.0, 10.0], "ranking": [0.0, 0.03, 0.3, 3.0]}
DRAWN = {"sequential": 1.0, "ranking": 0.3}  # the weights in the pictures
EVENTS = 10  # in the pictures

SEQUENTIAL = Recipe(
    max_length=50,
    batch_size=16,
    epochs=20,
    patience=20,
    split={"rule": "leave-last-out"},
    model={"class": "SASRec", "hidden_dim": 16, "num_blocks": 2, "num_heads": 1, "dropout": 0.1},
    optimizer={"class": "Adam", "learning_rate": 5e-3},
)
RANKING = RankingRecipe(
    positive=4.0,
    batch_size=512,
    epochs=5,
    patience=5,
    split={"rule": "random", "valid": 0.05, "test": 0.2, "seed": 0},
    features={"user": {"kind": "categorical"}},
    history={"length": 20, "take": "all", "with_label": True},
    model={
        "class": "AttentionMatcher",
        "embedding_dim": 16,
        "user_layers": 0,
        "item_layers": 0,
        "num_heads": 1,
        "embedding_l2": 1e-5,
    },
    optimizer={"class": "Adam", "learning_rate": 3e-3},
)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", nargs="*", choices=list(WEIGHTS), default=list(WEIGHTS))
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "ml-100k")
    options = parser.parse_args()
    file = RESULTS / "attention_loss.json"
    found = json.loads(file.read_text()) if file.exists() else {}
    table = read(options.data)
    for what in options.what:
        rows, picture = {"sequential": sequential, "ranking": ranking}[what](table)
        (FIGURES / f"attention_loss_{what}.png").write_bytes(picture)
        found[what] = {
            "rows": rows,
            "seed": 0,
            "data_sha256": table.sha256(),
            "machine": environment.machine(),
            "versions": environment.versions(),
        }
        atomic.write_text(file, json.dumps(found, indent=1) + "\n")
        atomic.write_text(RESULTS / "attention_loss.md", page(found))


def sequential(table):
    teacher = presets.load(TEACHER)
    rows, drawn = [], []
    for weight in WEIGHTS["sequential"]:
        began = time.process_time()
        done = train(table, joint(SEQUENTIAL, weight, teacher=TEACHER), verbose=0)
        seconds = time.process_time() - began
        if not drawn:
            rows.append(ranked(teacher.model, teacher.spec, done.split) | {"weight": "teacher"})
            users, starts = done.split.test.history, done.split.test.history.user_bounds[0]
            shown = users.item_ids[users.item_codes[starts[0] :][:EVENTS]].tolist()
            drawn.append(last_layer(teacher.model, teacher.spec, shown, "the teacher"))
        if weight in (0.0, DRAWN["sequential"]):
            drawn.append(last_layer(done.model, done.spec, shown, f"the student, λ = {weight:g}"))
        row = ranked(done.model, done.spec, done.split)
        done.model.supervise_attention(1.0, teacher=teacher.model)
        done.model.compile(loss=FullSoftmax(), jit_compile=False)
        valid = sequences(done.split.valid, done.spec, 64)
        kl = done.model.evaluate(valid, verbose=0, return_dict=True)["attention_kl"]
        rows.append(row | {"weight": weight, "kl": kl, "best_epoch": done.best_epoch, "cpu_seconds": round(seconds)})
        print(rows[-1], flush=True)
    return rows, inference.heat_map(drawn, "Attention of the last layer, SASRec on MovieLens-100K")


def ranked(model, spec, split):
    parts = {"valid": split.valid, "test": split.test}
    return {part: evaluation.evaluate(model, spec, holdout).metrics for part, holdout in parts.items()}


def last_layer(model, spec, shown, name):
    """The weights of the last layer for a history, the mean over its heads: rows attend to columns."""
    ids = spec.items.encode(np.array(shown, object))
    *_, weights = model.attention_weights({"history": ids[None]}).values()
    titles = tuple(spec.title(int(one)) for one in ids)
    return inference.Attention(name, ("history", "history"), (titles, titles), np.asarray(weights)[0].mean(axis=0))


def ranking(table):
    rows, columns = [], {}
    for weight in WEIGHTS["ranking"]:
        began = time.process_time()
        done = train_ranking(table, joint(RANKING, weight, column="label"), verbose=0)
        seconds = time.process_time() - began
        parts = {"valid": done.split.valid, "test": done.split.test}
        row = {
            part: evaluation.evaluate_labelled(done.model, done.spec, of, done.known).metrics
            for part, of in parts.items()
        }
        done.model.supervise_attention(1.0, attentions=["cross"])
        done.model.compile(loss="binary_crossentropy", jit_compile=False)
        valid = labelled(done.split.valid, done.spec, done.known, inputs=done.model.input_names, attention="label")
        kl = done.model.evaluate(valid, verbose=0, return_dict=True)["attention_kl"]
        rows.append(row | {"weight": weight, "kl": kl, "best_epoch": done.best_epoch, "cpu_seconds": round(seconds)})
        print(rows[-1], flush=True)
        if weight in (0.0, DRAWN["ranking"]):
            inputs, _ = next(iter(valid))
            history, given = (inputs[name].numpy()[0] for name in ("history", "given_attention"))
            learned = done.model.attention_weights({name: value[:1] for name, value in inputs.items()})["cross"]
            columns["the column"] = given / given.sum()
            columns[f"λ = {weight:g}"] = np.asarray(learned)[0, 0, 0]
    newest = slice(-EVENTS, None)
    titles = tuple(done.spec.title(int(one)) for one in history[newest])
    weights = np.stack([column[newest] for column in columns.values()])
    drawn = inference.Attention("cross", ("head", "history"), (tuple(columns), titles), weights)
    return rows, inference.heat_map([drawn], "Attention over the newest events of one row")


def joint(recipe, weight, **target):
    return dataclasses.replace(recipe, attention_loss={"weight": weight, **target}) if weight else recipe


def page(found):
    lines = [
        "`python benchmarks/attention_loss.py`: MovieLens-100K, one seed; the KL is that of the validation part.",
        "",
    ]
    if "sequential" in found:
        lines += [
            "| SASRec, width 16 | test NDCG@10 | test Recall@10 | validation NDCG@10 | KL |",
            "|---|---:|---:|---:|---:|",
        ]
        for row in found["sequential"]["rows"]:
            name = "the teacher, width 64" if row["weight"] == "teacher" else f"λ = {row['weight']:g}"
            test, valid = row["test"], row["valid"]
            cells = test["ndcg@10"], test["recall@10"], valid["ndcg@10"], row.get("kl", 0.0)
            lines.append(f"| {name} | " + " | ".join(f"{one:.4f}" for one in cells) + " |")
        lines.append("")
    if "ranking" in found:
        lines += [
            "| AttentionMatcher, clicks | test AUC | test log-loss | validation AUC | KL |",
            "|---|---:|---:|---:|---:|",
        ]
        for row in found["ranking"]["rows"]:
            cells = row["test"]["auc"], row["test"]["log_loss"], row["valid"]["auc"], row["kl"]
            lines.append(f"| λ = {row['weight']:g} | " + " | ".join(f"{one:.4f}" for one in cells) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

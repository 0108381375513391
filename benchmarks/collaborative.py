"""Collaborative models and baselines in published protocols, each with settings chosen on validation data.

    python benchmarks/collaborative.py [--protocols ml-1m ncf ncf-3706 gowalla] [--models ease ials ...] [--data FOLDER]

- `ml-1m`: MovieLens-1M; the last item of each user is the test item, and all items are ranked. As for the presets of
  the zoo, training uses the items before the validation item.
- `ncf`: the same data with the protocol of "Neural Collaborative Filtering" (1708.05031): the last item is ranked among
  99 items that the user does not have. The published list of negatives belongs to another copy of the data; here they
  are drawn with seed 0.
- `ncf-3706`: the same, but 290 films with fewer than 5 ratings are also candidates. They are in the paper's data but
  not in this copy. If such a film is drawn, it ranks last. Compare these results with those of the paper.
- `gowalla`: the split of the LightGCN paper (2002.02126); all items are ranked, with training items masked. The rows
  have no order, so a tenth of the training rows is drawn for validation.

The settings of each model are chosen in stages on the validation part. A stage tries all combinations of its values and
keeps the best. Then the model is fitted with the chosen settings, and the test part is evaluated once per seed. In all
protocols but `ml-1m`, this last fit uses training and validation rows together, as in the papers.

Results go to benchmarks/results/collaborative.json and .md. Rows of models that are not run are kept, and trials on the
same data are not repeated unless --again is given. To add a model, add an entry to MODELS.

If other jobs use the processors, set OPENBLAS_NUM_THREADS=1: the many small products of iALS then take a tenth of the
time.
"""

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tfrec import atomic, data, environment, evaluation, losses, models
from tfrec.models.constructor import arguments_of

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How models are compared on a dataset.

    Attributes:
        title: title on the page of results.
        folder: folder of the dataset in the folder of all datasets.
        split: the split rule.
        k: length of the ranked list.
        chosen_by: the validation metric that chooses the settings.
        refit: whether the tested model is trained on the validation rows too.
        negatives: the items among which the targets are ranked; None ranks all items.
    """

    title: str
    folder: str
    split: Any
    k: int
    chosen_by: str
    refit: bool
    negatives: evaluation.SampledNegatives | None = None

    @property
    def metrics(self) -> tuple[str, str]:
        return f"recall@{self.k}", f"ndcg@{self.k}"


PROTOCOLS = {
    "ml-1m": Protocol(
        "MovieLens-1M, leave-one-out, all items ranked", "ml-1m", data.LeaveLastOut(), 10, "ndcg@10", False
    ),
    "ncf": Protocol(
        "MovieLens-1M, protocol of the NCF paper: 99 negatives of 3,416 items",
        "ml-1m",
        data.LeaveLastOut(),
        10,
        "ndcg@10",
        True,
        evaluation.SampledNegatives(99, seed=0),
    ),
    "ncf-3706": Protocol(
        "MovieLens-1M, protocol of the NCF paper: 99 negatives of 3,706 items",
        "ml-1m",
        data.LeaveLastOut(),
        10,
        "ndcg@10",
        True,
        evaluation.SampledNegatives(99, seed=0, absent_items=290),
    ),
    "gowalla": Protocol(
        "Gowalla, split of the LightGCN paper, all items ranked", "gowalla", data.Fixed(valid=0.1), 20, "ndcg@20", True
    ),
}


@dataclasses.dataclass(frozen=True)
class Model:
    """A row of the tables.

    Attributes:
        build: (split, spec, seed, **settings) -> a fitted scorer. It may train only on `split.train`, and use
            `split.valid` to decide when to stop.
        stages: protocol -> stages of settings; each is name -> values. Absent protocols are not run.
        seeds: seeds of the tested models; a single one if the model is deterministic.
        on_request: protocols that take so long that they are run only if the model is named.
    """

    build: Callable[..., Any]
    stages: dict[str, list[dict[str, list]]]
    seeds: tuple[int, ...] = (0,)
    on_request: tuple[str, ...] = ()

    def fit(self, split: data.Split, spec: data.FeatureSpec, seed: int, protocol: Protocol, settings: dict) -> Any:
        """The fitted scorer."""
        return self.build(split, spec, seed, **settings)


@dataclasses.dataclass(frozen=True)
class Trained(Model):
    """A row of a model that `model.fit` trains.

    `build` is its class, with settings as arguments. "loss", "learning_rate" and "batch_size" are settings too, and so
    is "take" of `tfrec.data.pairs`; "epochs" is the number of epochs where the validation part was trained on as well.

    Attributes:
        fixed: settings that are not searched.
        max_epochs: after which training ends, if the validation metric still rises.
        patience: evaluations of the validation part without a better one, after which training ends.
        every: epochs between two evaluations.
    """

    fixed: dict[str, Any] = dataclasses.field(default_factory=dict)
    max_epochs: int = 100
    patience: int = 3
    every: int = 1

    def fit(self, split: data.Split, spec: data.FeatureSpec, seed: int, protocol: Protocol, settings: dict) -> Any:
        import keras

        settings = {**self.fixed, **settings}
        loss, learning_rate, batch_size = (settings.pop(name) for name in ("loss", "learning_rate", "batch_size"))
        epochs, take = settings.pop("epochs", None), settings.pop("take", "all")
        keras.utils.set_random_seed(seed)
        reads_features = hasattr(self.build, "take_features")
        if reads_features:
            settings["features"] = spec.model_features()
        sizes = {"num_items": spec.num_items, "num_users": spec.num_users}
        sizes = {name: size for name, size in sizes.items() if name in arguments_of(self.build)}
        model = self.build(**sizes, seed=seed, **settings)
        if reads_features:
            model.take_features(spec)
        known = data.known_pairs(split.train, spec)
        model.begin_training(known)
        model.compile(keras.optimizers.Adam(learning_rate), loss=LOSSES[loss](spec), jit_compile=False)
        read = spec  # with histories no longer than the model reads, which cost time
        if "max_length" in settings:
            read = data.FeatureSpec.fit(split.train, settings["max_length"], users=True)
        batches = data.pairs(split.train, read, batch_size, inputs=model.input_names, take=take, seed=seed)

        def validate() -> float:
            report = evaluation.evaluate(
                model, spec, split.valid, ks=(protocol.k,), seed=0, negatives=protocol.negatives
            )
            return report.metrics[protocol.chosen_by]

        best, weights, worse, epoch = 0.0, model.get_weights(), 0, 0
        best_epoch = epochs
        while epochs is None and epoch < self.max_epochs and worse < self.patience:
            history = model.fit(batches, initial_epoch=epoch, epochs=epoch + self.every, shuffle=False, verbose=0)
            epoch += self.every
            value = validate()
            print(f"  epoch {epoch}: loss {history.history['loss'][-1]:.4f}, valid {value:.4f}", flush=True)
            worse = 0 if value > best else worse + 1
            if value > best:
                best, best_epoch, weights = value, epoch, model.get_weights()
        if epochs is None:
            model.set_weights(weights)
        else:
            model.fit(batches, epochs=epochs, shuffle=False, verbose=2)
        model.finish_training(known)
        model.best_epoch = best_epoch
        return model


def _baseline(kind: Callable[..., Any]) -> Callable[..., Any]:
    return lambda split, spec, seed, **settings: kind(split.train, spec, **settings)


LOSSES: dict[str, Callable[[data.FeatureSpec], losses.ItemLoss]] = {
    "softmax": lambda spec: losses.FullSoftmax(),
    "bpr": lambda spec: losses.BPR(),
    "in-batch": lambda spec: losses.InBatchSoftmax(spec.item_counts),
    "4 negatives": lambda spec: losses.BinaryCrossEntropy(4),
    "1024 negatives": lambda spec: losses.SampledSoftmax(
        1024, losses.negatives.Popularity(spec.item_counts, 0.5), draw_per="batch"
    ),
}

_ON_MOVIELENS = ("ml-1m", "ncf", "ncf-3706")
_LAMBDAS = {"regularization": [50.0, 100.0, 200.0, 400.0, 800.0]}
_NEIGHBOURS = [{"k": [50, 100, 200, 400], "shrinkage": [10.0]}, {"shrinkage": [0.0, 100.0]}]
MODELS = {
    "popularity": Model(lambda split, spec, seed: evaluation.Popularity(spec), {name: [] for name in PROTOCOLS}),
    "item-to-item": Model(
        _baseline(evaluation.ItemToItem),
        {name: [{"decay": [0.4, 0.6, 0.8]}] for name in _ON_MOVIELENS} | {"gowalla": [{"decay": [1.0]}]},
    ),
    "user-knn": Model(_baseline(evaluation.UserKNN), {name: _NEIGHBOURS for name in PROTOCOLS}),
    "graph-filter": Model(
        _baseline(evaluation.GraphFilter),
        {name: [{"sharpening": [0.0, 0.5, 0.8]}, {"low_pass": [0.0, 0.1, 0.6]}] for name in ("ml-1m", "ncf")}
        | {"gowalla": [{"low_pass": [0.2], "sharpening": [0.0, 0.8, 1.1]}, {"low_pass": [0.1, 0.4]}, {"rank": [512]}]},
    ),
    "ease": Model(
        _baseline(evaluation.EASE),
        {name: [_LAMBDAS] for name in _ON_MOVIELENS} | {"gowalla": [{"regularization": [100.0, 400.0]}]},
        on_request=("gowalla",),  # it inverts a matrix of 6.7 GB for each setting
    ),
    "ials": Model(
        lambda split, spec, seed, **settings: evaluation.IALS(split.train, spec, seed=seed, **settings),
        {
            "ml-1m": [
                {"regularization": [0.002, 0.005, 0.01], "unobserved_weight": [0.1, 0.3]},
                {"dim": [32, 128]},
            ],
            "ncf": [{"regularization": [0.003, 0.007, 0.015], "unobserved_weight": [0.1, 0.3, 1.0]}],
            "ncf-3706": [{"regularization": [0.003, 0.005], "unobserved_weight": [0.2, 0.3]}],
            "gowalla": [
                {"epochs": [8], "regularization": [0.002, 0.005, 0.015], "unobserved_weight": [0.01]},
                {"unobserved_weight": [0.003, 0.03]},
                {"dim": [256]},
            ],
        },
        seeds=(0, 1, 2),
    ),
    "mf": Trained(
        models.MatrixFactorization,
        {"ml-1m": [{"l2": [0.0, 0.1], "dropout": [0.0, 0.3]}]},
        fixed={"loss": "softmax", "learning_rate": 2e-3, "batch_size": 2048, "hidden_dim": 64},
    ),
    "neumf": Trained(
        models.NeuMF,
        {name: [{"learning_rate": [1e-3, 3e-3]}, {"dropout": [0.2]}] for name in ("ml-1m", "ncf")},
        fixed={
            **{"loss": "4 negatives", "batch_size": 2048, "gmf_dim": 16},  # about 12 seconds an epoch on one core
            **{"mlp_dim": 64, "hidden_dims": [64, 32, 16]},
        },
    ),
    "nais": Trained(
        models.NAIS,
        {"ml-1m": [{"max_length": [10, 50], "learning_rate": [2e-3, 5e-3]}, {"beta": [0.7]}]},
        # 65 seconds an epoch on one core with 50 items, and as much for an evaluation
        fixed={"loss": "4 negatives", "batch_size": 2048, "take": "earlier"},
        max_epochs=30,
        every=2,
    ),
    "delf": Trained(
        models.DELF,
        {"ml-1m": [{"max_length": [10, 50], "learning_rate": [1e-3, 3e-3]}, {"dropout": [0.2]}]},
        # 100 seconds an epoch on one core with 50 items, and 32 for an evaluation
        fixed={"loss": "4 negatives", "batch_size": 2048, "take": "earlier", "hidden_dim": 32, "audience_size": 20},
        max_epochs=30,
        every=2,
    ),
    "lightgcn": Trained(
        models.LightGCN,
        {
            "ml-1m": [{"temperature": [0.1, 0.15]}],
            "gowalla": [{"temperature": [0.1]}],
        },
        fixed={"loss": "1024 negatives", "learning_rate": 5e-3, "batch_size": 8192, "hidden_dim": 64, "num_layers": 3},
    ),
    "two-tower": Trained(
        models.TwoTower,
        {"ml-1m": [{"loss": ["softmax", "in-batch"], "temperature": [0.1, 0.2]}, {"dropout": [0.3]}]},
        fixed={"learning_rate": 2e-3, "batch_size": 2048, "hidden_dim": 64, "max_length": 100},
    ),
}
GOALS = {name: {"ials": {"recall@10": 0.72, "ndcg@10": 0.44}} for name in ("ncf", "ncf-3706")} | {
    "gowalla": {"graph-filter": {"recall@20": 0.187, "ndcg@20": 0.158}}
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--models", nargs="+", choices=MODELS, help="default: all but those on request")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--again", action="store_true", help="repeat trials whose results are there")
    options = parser.parse_args(arguments)
    path = options.out / "collaborative.json"
    for name in options.protocols:
        protocol = PROTOCOLS[name]
        table = data.read(options.data / protocol.folder)
        for model in options.models or (model for model in MODELS if name not in MODELS[model].on_request):
            if name not in MODELS[model].stages:
                continue
            known = {} if options.again else _read(path).get(name, {}).get(model, {})

            def keep(row, name=name, model=model):
                results = _read(path)  # read again: other processes may have written it
                results.setdefault(name, {})[model] = row
                options.out.mkdir(parents=True, exist_ok=True)
                atomic.write_text(path, json.dumps(results, indent=2) + "\n")
                atomic.write_text(options.out / "collaborative.md", page(results))

            keep(measured(MODELS[model], name, table, known, keep, f"{name} {model}"))


def measured(model: Model, name: str, table: data.Interactions, known: dict, keep: Callable, label: str) -> dict:
    """A row of the results: the trials on the validation part, the chosen settings, and the metrics on the test part.

    After each trial, `keep` is called with the row so far.
    """
    protocol, stages = PROTOCOLS[name], model.stages[name]
    split = table.split(protocol.split)
    data_sha256 = table.sha256()
    if known.get("data_sha256") != data_sha256:
        known = {}
    trials = known.get("trials", [])
    seen = {json.dumps(trial["settings"], sort_keys=True): trial for trial in trials}
    tried: list[dict] = []

    def trial(settings: dict) -> dict:
        key = json.dumps(settings, sort_keys=True)
        if key not in seen:
            seen[key] = {"settings": settings, **_fit(model, split, settings, 0, split.valid, protocol)}
            print(label, "valid", json.dumps(seen[key]), flush=True)
            keep({"test": [], **known, "trials": list(seen.values()), "data_sha256": data_sha256})
        tried.append(seen[key])
        return seen[key]

    chosen: dict[str, Any] = {"settings": {}}
    for stage in stages:
        for values in itertools.product(*stage.values()):
            trial({**chosen["settings"], **dict(zip(stage, values, strict=True))})
        chosen = max(tried, key=lambda each: each[protocol.chosen_by])
    best = chosen["settings"]
    if known.get("test") and known["settings"] == best:
        return {**known, "trials": tried}
    if protocol.refit:
        split = split._replace(train=split.test.history)
    length = {"epochs": chosen["epochs"]} if protocol.refit and "epochs" in chosen else {}
    runs = [
        {"seed": seed, **_fit(model, split, {**best, **length}, seed, split.test, protocol)} for seed in model.seeds
    ]
    print(label, "test", json.dumps(runs), flush=True)
    return {
        "settings": best,
        "test": runs,
        "trials": tried,
        "negatives": protocol.negatives.to_json() if protocol.negatives else None,
        "data_sha256": data_sha256,
        "machine": environment.machine(),
        "versions": environment.versions(),
    }


def _fit(model: Model, split: data.Split, settings: dict, seed: int, holdout: data.Holdout, protocol: Protocol) -> dict:
    length = {**getattr(model, "fixed", {}), **settings}.get("max_length", 200)
    features = data.side_features(split.train) if hasattr(model.build, "take_features") else None
    spec = data.FeatureSpec.fit(split.train, length, features, users=True)
    began = time.perf_counter()
    scorer = model.fit(split, spec, seed, protocol, settings)
    seconds = time.perf_counter() - began
    report = evaluation.evaluate(scorer, spec, holdout, ks=(protocol.k,), seed=seed, negatives=protocol.negatives)
    metrics = {name: round(report.metrics[name], 5) for name in protocol.metrics}
    epochs = {"epochs": scorer.best_epoch} if hasattr(scorer, "best_epoch") else {}
    return {**metrics, **epochs, "fit_seconds": round(seconds, 1), "evaluation_seconds": report.seconds}


def _read(path: Path) -> dict:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def page(results: dict) -> str:
    """The results in Markdown, one table per protocol, the best model first."""
    lines = [
        "`python benchmarks/collaborative.py`: settings are chosen on the validation part; the test part is evaluated",
        "once per seed. With one target per user, recall is the hit rate. Times were measured while other jobs ran.",
    ]
    for name, protocol in PROTOCOLS.items():
        if name not in results:
            continue
        recall, ndcg = protocol.metrics
        lines += ["", f"## {protocol.title}", "", f"| model | {recall} | {ndcg} | settings | seeds | seconds to fit |"]
        lines += ["|---|---:|---:|---|---:|---:|"]
        rows = {model: row for model, row in results[name].items() if row["test"]}
        for model in sorted(rows, key=lambda model: -_mean(rows[model], ndcg)):
            row = rows[model]
            settings = ", ".join(f"{key} {_shown(value)}" for key, value in row["settings"].items()) or "-"
            cells = [_cell(row, recall), _cell(row, ndcg), settings, str(len(row["test"]))]
            cells.append(f"{_mean(row, 'fit_seconds'):,.1f}")
            lines.append(f"| {' | '.join([model, *cells])} |")
        for model, goals in GOALS.get(name, {}).items():
            for metric, goal in goals.items() if model in rows else ():
                value = _mean(rows[model], metric)
                reached = "reached" if value >= goal else "not reached"
                lines += ["", f"Goal for {model}: {metric} of at least {goal:g}, measured {value:.4f}: {reached}."]
        machines = sorted({row["machine"] for row in rows.values()})
        lines += ["", f"Machine: {'; '.join(machines)}."]
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _mean(row: dict, name: str) -> float:
    return statistics.fmean(run[name] for run in row["test"])


def _cell(row: dict, name: str) -> str:
    values = [run[name] for run in row["test"]]
    return f"{_mean(row, name):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


if __name__ == "__main__":
    main()

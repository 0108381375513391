"""The rows of benchmarks/ctr.py: labelled tables for tfrec, and the same rows as encoded arrays for other libraries.

`ml-100k`: a rating of at least 4 is a click; user id, age, gender, occupation, item id, genres, and the ids of the
newest 50 films that the user clicked in training rows before the row's time. `criteo-sample`: 13 numbers and 26
categories. The numbers become categories of their logarithms, so that all libraries have the same 39 fields, because
DeepCTR-Torch does not use numbers in its factorization machines and attentions.
"""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd

from tfrec import data

NAMES = ("ml-100k", "criteo-sample")
LENGTH = 50


def load(name: str, folder: Path, rows: int | None = None) -> tuple[data.ExampleSplit, data.FeatureSpec]:
    """The split of a dataset and the spec fitted on its training part; `rows` takes only the first rows, as a trial."""
    table, features, history = (_ml_100k if name == "ml-100k" else _criteo)(folder / name)
    if rows:
        table = table.take(np.arange(min(rows, len(table))))
    split = table.split(data.Random(valid=0.1, test=0.1, seed=0))
    return split, data.FeatureSpec.fit(split.train, features=features, history=history)


def write(split: data.ExampleSplit, spec: data.FeatureSpec, path: Path) -> None:
    """All parts encoded: an npz with `<part>/<input>` and `<part>/label`, and a JSON that describes the inputs."""
    arrays = {}
    for part in ("train", "valid", "test"):
        batches = data.labelled(getattr(split, part), spec, known=split.train, batch_size=len(getattr(split, part)))
        inputs, labels = next(iter(batches))
        for key, values in inputs.items():
            arrays[f"{part}/{key}"] = _full(values.numpy()) if key == "history" else values.numpy()
        arrays[f"{part}/label"] = labels.numpy()[:, 0]
    np.savez(path, **arrays)
    path.with_suffix(".json").write_text(json.dumps(spec.model_features()))


def _full(history: np.ndarray) -> np.ndarray:
    return np.pad(history, ((0, 0), (LENGTH - history.shape[1], 0)))


def _ml_100k(folder: Path):
    table = data.Examples.from_interactions(data.read(folder), positive=4)
    features = [
        data.Categorical("user", group="user"),
        data.Numeric("age", group="user"),
        data.Categorical("gender", group="user"),
        data.Categorical("occupation", group="user"),
        data.MultiValued("genres", group="item", separator="|"),
    ]
    return table, features, data.History(length=LENGTH, take="earlier", min_label=1)


def _criteo(folder: Path):
    table = data.read_examples(folder)
    context = table.context.copy()
    for column in (f"I{number}" for number in range(1, 14)):
        context[column] = _bucket(context[column])
    features = [data.Categorical(column, min_count=2) for column in context]
    return dataclasses.replace(table, context=context), features, None


def _bucket(values: pd.Series) -> pd.Series:
    """Integers up to 2 and missing values are unchanged; larger ones become the integer part of their squared log."""
    logs = np.floor(np.log(values.clip(lower=1)) ** 2) + 2
    return values.where(values <= 2, logs).map(lambda value: None if pd.isna(value) else f"{value:g}")

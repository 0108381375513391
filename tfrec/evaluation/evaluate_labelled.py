"""Evaluation of ranking models on held-out labelled rows."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from tfrec import atomic, environment, metrics
from tfrec.data import Examples, FeatureSpec, labelled
from tfrec.data.features.fitting import columns_of
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.models import RankingModel


class Predictor(Protocol):
    """Anything that predicts a number for each row, such as a baseline."""

    name: str

    def predict(self, data: Examples) -> np.ndarray:
        """(N,)."""


@dataclasses.dataclass(frozen=True)
class LabelReport:
    """Metrics and the information needed to reproduce them. `str()` prints a table.

    Attributes:
        model: name of the evaluated model or baseline.
        task: "click" or "rating".
        metrics: auc, grouped_auc (per user), log_loss and calibration_error of clicks; rmse and mae of ratings. auc is
            absent if all labels are equal, grouped_auc if the labels of each user are equal.
        num_rows: number of evaluated rows.
        unseen: rows whose "user" or "item" is not in the vocabulary.
        absent: model inputs without a column in the data; they count as missing values.
        data_sha256: hash of the rows.
        seed: seed of the training run, or None.
        seconds: time the evaluation took.
        versions: versions of the libraries.
        machine: description of the machine.
    """

    model: str
    task: str
    metrics: dict[str, float]
    num_rows: int
    unseen: dict[str, int]
    absent: list[str]
    data_sha256: str
    seed: int | None
    seconds: float
    versions: dict[str, str]
    machine: str

    def to_json(self) -> dict[str, Any]:
        """The attributes as a JSON-compatible dict."""
        return dataclasses.asdict(self)

    def save(self, path: str | Path) -> None:
        """Write the report as JSON, atomically."""
        atomic.write_text(Path(path), json.dumps(self.to_json(), indent=2) + "\n")

    @property
    def notes(self) -> list[str]:
        """Notes on how to read the metrics, one sentence each."""
        found = [
            f"{count:,} of {self.num_rows:,} rows have {what}s that are not in the training data."
            for what, count in self.unseen.items()
            if count
        ]
        if self.absent:
            found.append(f"The data lacks {', '.join(self.absent)}: the values are treated as missing in all rows.")
        return found

    def __str__(self) -> str:
        return "\n".join([label_comparison([self]), *self.notes])


def predictions(
    model: RankingModel | Predictor, spec: FeatureSpec, data: Examples, known: Examples | None, batch_size: int = 4096
) -> np.ndarray:
    """Predictions of a model for each row: probabilities or ratings, (N,) float64.

    Raises:
        InputError: if model and spec do not match, or a prediction is NaN.
    """
    if not isinstance(model, RankingModel):
        return model.predict(data)
    spec.check_fits(model)
    batches = labelled(data, spec, known, batch_size, inputs=model.input_names)
    score = keras.ops.convert_to_numpy
    found = np.concatenate([score(model.score(inputs)) for inputs, _ in batches]).astype(np.float64)
    if np.isnan(found).any():
        raise InputError(
            f"{model.name} returns NaN scores: its training has diverged. Train again, for example with a lower "
            "learning rate."
        )
    return found


def evaluate_labelled(
    model: RankingModel | Predictor,
    spec: FeatureSpec,
    data: Examples,
    known: Examples | None = None,
    task: str | None = None,
    seed: int | None = None,
) -> LabelReport:
    """Predict every row and compare with the labels.

    Args:
        model: a ranking model, or a baseline.
        spec: the spec that the model was trained with.
        data: `valid` or `test` of a split.
        known: rows from which histories are built, usually the training part.
        task: task of a baseline; a model has its own.
        seed: seed of the training run, for the report.

    Raises:
        InputError: if there are no rows, a click label is neither 0 nor 1, or model and spec do not fit together.

    Example:
        >>> import pandas as pd
        >>> from tfrec.evaluation import MeanLabel
        >>> table = Examples.from_pandas(pd.DataFrame({"y": [1.0, 2.0, 3.0], "x": [1, 2, 3]}), label="y")
        >>> report = evaluate_labelled(MeanLabel(table), FeatureSpec.fit(table), table, task="rating")
        >>> {name: round(value, 4) for name, value in report.metrics.items()}
        {'rmse': 0.8165, 'mae': 0.6667}
    """
    check_kind(data, (Examples,), "The labelled rows")
    if not len(data):
        raise InputError("There are no rows to evaluate: expected at least one.")
    task = task or getattr(model, "task", "click")
    _check_labels(data.labels, task)
    began = time.perf_counter()
    found = predictions(model, spec, data, known)
    measured = _of_clicks(found, data) if task == "click" else _of_ratings(found, data)
    return LabelReport(
        model=model.name,
        task=task,
        metrics=measured,
        num_rows=len(data),
        unseen=_unseen(data, spec),
        absent=_absent(data, spec),
        data_sha256=data.sha256(),
        seed=seed,
        seconds=round(time.perf_counter() - began, 2),
        versions=environment.versions(),
        machine=environment.machine(),
    )


def label_comparison(reports: list[LabelReport]) -> str:
    """Format several reports on the same data as one table, one row per model."""
    names = list(reports[0].metrics)
    width = max(len("model"), *(len(report.model) for report in reports))
    lines = [f"{reports[0].num_rows:,} rows", f"{'model':<{width}}  " + "  ".join(f"{name:>17}" for name in names)]
    for report in reports:
        cells = "  ".join(f"{report.metrics[name]:>17.4f}" for name in names)
        lines.append(f"{report.model:<{width}}  {cells}")
    return "\n".join(lines)


def _check_labels(labels: np.ndarray, task: str) -> None:
    if task == "click" and not np.isin(labels, (0, 1)).all():
        raise InputError(
            f"Click labels must be 0 or 1, but these range from {labels.min():g} to {labels.max():g}. Convert them, "
            "for example with Examples.from_interactions(table, positive=4), or evaluate ratings with "
            'task="rating", which for a model is an argument of its constructor.'
        )


def _of_clicks(found: np.ndarray, data: Examples) -> dict[str, float]:
    measured = {"auc": metrics.auc(found, data.labels)}
    if data.user_codes is not None:
        measured["grouped_auc"] = metrics.grouped_auc(found, data.labels, data.user_codes)
    # AUC is undefined if all labels are equal, and JSON cannot hold NaN.
    measured = {name: value for name, value in measured.items() if not np.isnan(value)}
    measured["log_loss"] = metrics.log_loss(found, data.labels)
    measured["calibration_error"] = metrics.calibration_error(found, data.labels)
    return measured


def _of_ratings(found: np.ndarray, data: Examples) -> dict[str, float]:
    return {"rmse": metrics.rmse(found, data.labels), "mae": metrics.mae(found, data.labels)}


def _absent(data: Examples, spec: FeatureSpec) -> list[str]:
    """Only user and context columns; item features come from the spec."""
    return [
        one.column
        for one in spec.features
        if one.group in ("user", "context") and one.column not in columns_of(data, one.group)
    ]


def _unseen(data: Examples, spec: FeatureSpec) -> dict[str, int]:
    counts = {}
    users = next((one for one in spec.features if one.column == "user"), None)
    if users is not None and data.user_codes is not None and getattr(users.tokens, "vocabulary", None) is not None:
        counts["user"] = int((users.tokens.vocabulary.encode(data.user_ids)[data.user_codes] == 1).sum())
    if spec.num_items and data.item_codes is not None:
        counts["item"] = int((spec.items.encode(data.item_ids)[data.item_codes] == 1).sum())
    return counts

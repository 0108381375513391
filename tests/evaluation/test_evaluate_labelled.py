"""Fixed scores against labels: the report has the values of the metrics, and is JSON for any rows."""

import json

import numpy as np
import pandas as pd
import pytest

from tfrec import metrics
from tfrec.data import Examples, FeatureSpec
from tfrec.errors import InputError
from tfrec.evaluation import MeanLabel, evaluate_labelled, label_comparison

pytestmark = pytest.mark.tensorflow


class Fixed:
    """Predicts given values."""

    name = "fixed"

    def __init__(self, scores):
        self.scores = np.asarray(scores, np.float32)

    def predict(self, data):
        return self.scores[: len(data)]


def table(labels, users):
    frame = pd.DataFrame({"y": labels, "u": users, "i": [f"i{n % 3}" for n in range(len(labels))]})
    return Examples.from_pandas(frame, label="y", user="u", item="i")


def strict(report):
    """The report, read by a JSON parser without NaN."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(json.dumps(report.to_json()), parse_constant=refuse)


def test_the_report_holds_the_metrics():
    labels, scores = [0, 1, 1, 0, 1, 0], [0.2, 0.9, 0.1, 0.4, 0.6, 0.5]
    data = table(labels, ["a", "a", "a", "b", "b", "b"])
    report = evaluate_labelled(Fixed(scores), FeatureSpec.fit(data), data, task="click")
    found, wanted = np.asarray(scores, np.float32), np.asarray(labels)
    assert report.metrics == {
        "auc": metrics.auc(found, wanted),
        "grouped_auc": metrics.grouped_auc(found, wanted, data.user_codes),
        "log_loss": metrics.log_loss(found, wanted),
        "calibration_error": metrics.calibration_error(found, wanted),
    }
    assert strict(report)["metrics"] == report.metrics


@pytest.mark.parametrize(
    ("labels", "absent"), [([1, 1, 0, 0], {"grouped_auc"}), ([1, 1, 1, 1], {"auc", "grouped_auc"})]
)
def test_undefined_auc_is_absent(labels, absent):
    data = table(labels, ["a", "a", "b", "b"])
    reports = [
        evaluate_labelled(model, FeatureSpec.fit(data), data, task="click")
        for model in (MeanLabel(data), Fixed([0.5, 0.4, 0.3, 0.2]))
    ]
    assert {"auc", "grouped_auc", "log_loss", "calibration_error"} - reports[1].metrics.keys() == absent
    strict(reports[1])
    assert "fixed" in label_comparison(reports)


def test_unseen_users_and_items_are_counted():
    train, new = table([0, 1, 1], ["a", "a", "b"]), table([0, 1, 1, 0], ["a", "c", "c", "d"])
    report = evaluate_labelled(Fixed([0.1] * 4), FeatureSpec.fit(train), new, task="click")
    assert report.unseen == {"user": 3, "item": 0} and "3 of 4 rows have users" in report.notes[0]


def test_missing_columns_of_the_data_are_noted():
    train = Examples.from_pandas(
        pd.DataFrame({"y": [0, 1, 1, 0], "u": list("abab"), "device": list("xyyx"), "age": [1, 2, 3, 4]}), "y", "u"
    )
    rows = Examples.from_pandas(pd.DataFrame({"y": [0, 1], "age": [1, 2]}), "y")
    report = evaluate_labelled(Fixed([0.1] * 2), FeatureSpec.fit(train), rows, task="click")
    assert report.absent == ["user", "device"] and "The data lacks user, device" in report.notes[-1]
    assert evaluate_labelled(Fixed([0.1] * 4), FeatureSpec.fit(train), train, task="click").absent == []


def test_an_empty_table_raises_an_error():
    data = table([0, 1], ["a", "b"])
    with pytest.raises(InputError, match="no rows to evaluate"):
        evaluate_labelled(Fixed([]), FeatureSpec.fit(data), data.take(np.zeros(0, int)), task="click")


@pytest.mark.parametrize("labels", [[-1, 1, 1], [0, 1, 0.5]])
def test_click_labels_must_be_0_or_1(labels):
    rows = table(labels, ["u", "u", "v"])
    with pytest.raises(InputError, match="Click labels must be 0 or 1"):
        evaluate_labelled(Fixed([0.1, 0.2, 0.3]), FeatureSpec.fit(rows), rows, task="click")
    evaluate_labelled(Fixed([0.1, 0.2, 0.3]), FeatureSpec.fit(rows), rows, task="rating")

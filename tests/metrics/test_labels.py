"""Metrics of labels equal simple, slow ones."""

import numpy as np
import pytest

from tfrec import metrics

RNG = np.random.default_rng(0)
SCORES = RNG.integers(0, 20, 300) / 20  # ties
LABELS = (RNG.random(300) < SCORES).astype("float32")
GROUPS = RNG.integers(0, 40, 300)


def slow_auc(scores, labels):
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels > 0] for b in scores[labels == 0]]
    return np.mean(pairs) if pairs else np.nan


def test_auc_is_the_share_of_correctly_ordered_pairs():
    assert metrics.auc(SCORES, LABELS) == pytest.approx(slow_auc(SCORES, LABELS))
    assert metrics.auc(-SCORES, LABELS) == pytest.approx(1 - slow_auc(SCORES, LABELS))
    assert np.isnan(metrics.auc(SCORES, np.zeros(300)))


def test_grouped_auc_is_the_mean_over_groups_with_an_auc():
    found, rows = [], []
    for group in np.unique(GROUPS):
        here = group == GROUPS
        value = slow_auc(SCORES[here], LABELS[here])
        if not np.isnan(value):
            found.append(value)
            rows.append(here.sum())
    assert metrics.grouped_auc(SCORES, LABELS, GROUPS) == pytest.approx(np.average(found, weights=rows))
    assert np.isnan(metrics.grouped_auc(SCORES, np.ones(300), GROUPS))
    for names in (GROUPS.astype(str), np.array([f"u{group}" for group in GROUPS], object), GROUPS.tolist()):
        assert metrics.grouped_auc(SCORES, LABELS, names) == pytest.approx(np.average(found, weights=rows))


def test_log_loss_is_finite_for_probabilities_of_0_and_1():
    expected = -np.mean(np.log(np.where(LABELS > 0, SCORES.clip(1e-7), (1 - SCORES).clip(1e-7))))
    assert metrics.log_loss(SCORES, LABELS) == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(metrics.log_loss(1 - LABELS, LABELS))


def test_calibration_error_is_0_if_calibrated_and_equals_a_constant_bias():
    truth = RNG.random(100_000)
    clicks = RNG.random(100_000) < truth
    assert metrics.calibration_error(truth, clicks) < 0.01
    assert metrics.calibration_error(np.full(100_000, 0.7), clicks) == pytest.approx(0.7 - clicks.mean(), abs=0.02)
    _, _, rows = metrics.calibration(truth[:95], clicks[:95])
    assert rows.sum() == 95 and rows.max() - rows.min() <= 1


def test_rows_of_equal_probability_share_a_bin_in_any_order():
    labels = np.repeat([0, 1], 50)
    assert metrics.calibration_error(np.full(100, 0.5), labels) == 0
    scores = np.where(np.arange(100) % 3 == 0, 0.1, RNG.random(100).round(1))
    means, _, rows = metrics.calibration(scores, labels)
    assert rows.sum() == 100 and all(np.diff(means) > 0)
    found = [metrics.calibration_error(scores[order], labels[order]) for order in (RNG.permutation(100), slice(None))]
    assert found[0] == pytest.approx(found[1])
    by_hand = [(scores == value).sum() * abs(value - labels[scores == value].mean()) for value in np.unique(scores)]
    assert metrics.calibration_error(scores, labels, bins=100) == pytest.approx(sum(by_hand) / 100)


def test_rmse_and_mae_equal_the_formulas():
    found, labels = RNG.normal(3, 1, 50), RNG.integers(1, 6, 50)
    assert metrics.rmse(found, labels) == pytest.approx(np.sqrt(((found - labels) ** 2).mean()))
    assert metrics.mae(found, labels) == pytest.approx(np.abs(found - labels).mean())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["auc", "grouped_auc", "log_loss", "calibration_error", "rmse", "mae"])
def test_empty_inputs_and_nan_raise_an_error(name):
    groups = {"grouped_auc": (GROUPS,)}.get(name, ())
    metric = getattr(metrics, name)
    assert np.isfinite(metric(SCORES, LABELS, *groups))
    broken = np.where(np.arange(300) == 7, np.nan, 1.0)
    for scores, labels in ((SCORES * broken, LABELS), (SCORES, LABELS * broken), (SCORES * np.nan, LABELS)):
        assert np.isnan(metric(scores, labels, *groups))
    assert np.isnan(metric(SCORES[:0], LABELS[:0], *(of[:0] for of in groups)))
    assert [len(part) for part in metrics.calibration(SCORES[:0], LABELS[:0])] == [0, 0, 0]

"""Metrics of scores against labels: AUC, log loss and calibration for clicks, RMSE and MAE for ratings.

All take NumPy arrays of N scores and N labels, compute in float64 and return a float. They return NaN if there are no
rows or if any score or label is NaN, because a number would look valid.
"""

import numpy as np
from scipy.stats import rankdata


def auc(scores: np.ndarray, labels: np.ndarray) -> float:
    """Share of (click, non-click) pairs that the scores rank correctly; a tie counts as half.

    NaN if the labels are all clicks or all non-clicks.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]))
        0.875
    """
    positive = np.asarray(labels) > 0
    clicks, others = int(positive.sum()), int((~positive).sum())
    if not clicks or not others or _tells_nothing(scores, labels):
        return float("nan")
    ranks = rankdata(np.asarray(scores, np.float64))  # ties share their mean rank
    return float((ranks[positive].sum() - clicks * (clicks + 1) / 2) / (clicks * others))


def grouped_auc(scores: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """AUC within each group, for example each user, averaged with the group sizes as weights.

    `groups` holds one number or string per row. Groups with only clicks or no clicks have no AUC and are left out; the
    result is NaN if no group remains.

    Reference:
        Zhou et al., "Deep Interest Network for Click-Through Rate Prediction", KDD 2018, arXiv 1706.06978, which
        weighs users by impressions.

    Example:
        >>> grouped_auc(np.array([0.9, 0.1, 0.3, 0.2]), np.array([1, 0, 0, 1]), np.array([7, 7, 8, 8]))
        0.5
    """
    if _tells_nothing(scores, labels):
        return float("nan")
    scores, labels = np.asarray(scores), np.asarray(labels)
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)
    found = [(auc(scores[rows], labels[rows]), len(rows)) for rows in parts]
    known = [(value, rows) for value, rows in found if not np.isnan(value)]
    if not known:
        return float("nan")
    values, rows = zip(*known, strict=True)
    return float(np.average(values, weights=rows))


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross-entropy in nats. Probabilities are clipped to [1e-7, 1 - 1e-7].

    Example:
        >>> round(log_loss(np.array([0.5, 0.5]), np.array([0, 1])), 4)
        0.6931
    """
    if _tells_nothing(probabilities, labels):
        return float("nan")
    p = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return float(-np.mean(np.where(np.asarray(labels) > 0, np.log(p), np.log1p(-p))))


def calibration(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Calibration curve with equally filled bins: mean probability, share of clicks and number of rows per bin.

    Rows with equal probabilities share a bin, so there may be fewer bins and unequal sizes. Bins are never empty; there
    are none if any probability or label is NaN.

    Example:
        >>> means, shares, rows = calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]), bins=2)
        >>> means.round(2).tolist(), shares.tolist(), rows.tolist()
        ([0.15, 0.85], [0.0, 1.0], [2, 2])
    """
    if _tells_nothing(probabilities, labels):
        return np.zeros(0), np.zeros(0), np.zeros(0, int)
    p = np.asarray(probabilities, np.float64)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.split(order, _cuts(p[order], bins)) if len(part)]
    clicks = np.asarray(labels) > 0
    return (
        np.array([p[part].mean() for part in parts]),
        np.array([clicks[part].mean() for part in parts]),
        np.array([len(part) for part in parts]),
    )


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: the average gap between mean probability and share of clicks over the bins.

    Reference:
        Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", AAAI 2015.
        There, bins have equal widths; here they hold equal numbers of rows, so none is empty or noisy.

    Example:
        >>> round(calibration_error(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1]), bins=2), 2)
        0.15
    """
    means, shares, rows = calibration(probabilities, labels, bins)
    return float(np.average(np.abs(means - shares), weights=rows)) if len(rows) else float("nan")


def rmse(scores: np.ndarray, labels: np.ndarray) -> float:
    """Root mean squared error.

    Example:
        >>> rmse(np.array([3.0, 5.0]), np.array([4.0, 4.0]))
        1.0
    """
    return float(np.sqrt(np.mean(_apart(scores, labels) ** 2)))


def mae(scores: np.ndarray, labels: np.ndarray) -> float:
    """Mean absolute error.

    Example:
        >>> mae(np.array([3.0, 6.0]), np.array([4.0, 4.0]))
        1.5
    """
    return float(np.mean(np.abs(_apart(scores, labels))))


def _tells_nothing(scores: np.ndarray, labels: np.ndarray) -> bool:
    """Whether there are no rows, or any score or label is NaN."""
    both = (np.asarray(scores, np.float64), np.asarray(labels, np.float64))
    return any(not len(values) or bool(np.isnan(values).any()) for values in both)


def _apart(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Scores minus labels; a single NaN if the metrics are undefined, because a mean of no rows would warn."""
    if _tells_nothing(scores, labels):
        return np.full(1, np.nan)
    return np.asarray(scores, np.float64) - labels


def _cuts(ascending: np.ndarray, bins: int) -> np.ndarray:
    """Ends of equally filled bins; a cut within a run of equal values moves to the nearer end of the run."""
    sizes = [len(part) for part in np.array_split(ascending, bins)]
    cuts = np.cumsum(sizes)[:-1]
    values = ascending[np.minimum(cuts, len(ascending) - 1)]
    before, behind = (np.searchsorted(ascending, values, side=side) for side in ("left", "right"))
    return np.unique(np.where(cuts - before <= behind - cuts, before, behind))

"""The common part of all evaluations by ranking: from the scores of users to a report."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import keras
import numpy as np

from tfrec import environment
from tfrec.data import FeatureSpec, Holdout
from tfrec.data.batches.histories import histories, pad_left
from tfrec.errors import InputError
from tfrec.evaluation.report import Report
from tfrec.evaluation.sampled_negatives import SampledNegatives, keep_items
from tfrec.evaluation.settings import check_whole
from tfrec.metrics import mrr_at_k, ndcg_at_k, recall_at_k
from tfrec.ops import top_items
from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS

# Scores of one batch: 256 MB.
_CELLS = 2**26


def rank_targets(
    name: str,
    spec: FeatureSpec,
    holdout: Holdout,
    score: Callable[[np.ndarray], np.ndarray],
    ks: tuple[int, ...],
    batch_size: int,
    *,
    cells: int | None = None,
    mask_seen: bool = True,
    negatives: SampledNegatives | None = None,
    is_unknown: np.ndarray | None = None,
    verbose: bool = False,
    **report: Any,
) -> Report:
    """Rank all items for every user with targets, and compute the metrics from the ranks of the targets.

    Args:
        name: of the model, for the report and for errors.
        spec: the vocabulary of the scores.
        holdout: targets, and the items that are masked.
        score: codes of users (B,) -> scores (B, V + 2), -inf for ids that cannot be recommended.
        ks: list lengths K, sorted.
        batch_size: users at a time; fewer if their scores would not fit into memory.
        cells: numbers that the scorer computes for one user; by default the number of scores.
        mask_seen: leave items of the history out of the ranking.
        negatives: rank the targets among these items instead of all.
        is_unknown: by user code, whether the model does not know the user; for the report.
        verbose: whether to draw a progress bar if the output is a terminal.
        report: further attributes of the report.

    Raises:
        InputError: if there are no targets, no target is known, or a score is NaN.
    """
    began = time.perf_counter()
    spec.check_holdout(holdout)
    ids, starts, ends = histories(holdout.history, spec)
    targets = _Targets(holdout, spec)
    users = np.flatnonzero(np.diff(targets.bounds))
    users = users[np.argsort(ends[users] - starts[users], kind="stable")]  # group equal lengths: little padding
    most_targets = int(np.diff(targets.bounds)[users].max())
    # Each target is searched in the whole history.
    cells = max(cells or spec.num_items + RESERVED_IDS, most_targets * int((ends - starts).max()))
    batch_size = max(1, min(batch_size, _CELLS // cells))
    most = min(ks[-1], spec.num_items)
    drawn = None if negatives is None else negatives.draw(holdout, spec)

    sums = {name: 0.0 for k in ks for name in (f"recall@{k}", f"ndcg@{k}", f"mrr@{k}")}
    recommended = {k: np.zeros(spec.num_items + RESERVED_IDS, bool) for k in ks}
    counts = dict.fromkeys(("num_targets", "unknown_targets", "seen_targets"), 0)
    bar = keras.utils.Progbar(len(users), unit_name="user") if verbose and sys.stdout.isatty() else None
    for batch in np.array_split(users, -(-len(users) // batch_size)):
        rows, is_target = targets.rows(batch)
        seen = pad_left(ids, starts[batch], ends[batch], max(1, int((ends[batch] - starts[batch]).max())))
        counts["num_targets"] += int(is_target.sum())
        counts["unknown_targets"] += int((is_target & (rows == PADDING_ID)).sum())
        counts["seen_targets"] += int(((rows >= 2) & (rows[:, :, None] == seen[:, None, :]).any(axis=2)).sum())
        # A copy: some items are masked in it.
        scores = np.array(keras.ops.convert_to_numpy(score(batch)), order="C")
        if np.isnan(scores).any():
            raise InputError(
                f"{name} returns NaN scores: its training has diverged. Train again, for example with a lower "
                "learning rate."
            )
        if mask_seen:
            np.put_along_axis(scores, seen, -np.inf, axis=1)
        if drawn is not None:
            scores = keep_items(scores, np.concatenate([drawn[batch], rows], axis=1))
        ranks = _ranks(scores, rows, is_target)
        best = keras.ops.convert_to_numpy(top_items(keras.ops.convert_to_tensor(scores), most)[0])
        for k in ks:
            for metric, of in (("recall", recall_at_k), ("ndcg", ndcg_at_k), ("mrr", mrr_at_k)):
                sums[f"{metric}@{k}"] += float(keras.ops.sum(of(ranks, is_target, k)))
            recommended[k][best[:, :k]] = True
        if bar is not None:
            bar.add(len(batch))

    metrics = {name: total / len(users) for name, total in sums.items()}
    if negatives is None:
        metrics |= {f"coverage@{k}": float(recommended[k][RESERVED_IDS:].mean()) for k in ks}
    return Report(
        model=name,
        metrics=metrics,
        num_users=len(users),
        num_items=spec.num_items,
        **counts,
        mask_seen=mask_seen,
        data_sha256={"history": holdout.history.sha256(), "targets": holdout.targets.sha256()},
        seconds=round(time.perf_counter() - began, 2),
        versions=environment.versions(),
        machine=environment.machine(),
        repeated_targets=len(holdout) - len(targets.ids),
        negatives=None if negatives is None else negatives.to_json(),
        unknown_users=0 if is_unknown is None else int(is_unknown[users].sum()),
        **report,
    )


def some_users(holdout: Holdout, max_users: int | None) -> Holdout:
    """A holdout with the targets of `max_users` users, drawn at random; the same holdout if it has no more.

    Raises:
        InputError: if `max_users` is not a positive integer or None.
    """
    if max_users is None:
        return holdout
    (max_users,) = check_whole(max_users=max_users)
    users = np.unique(holdout.targets.user_codes)
    if max_users >= len(users):
        return holdout
    drawn = np.random.default_rng(0).choice(users, max_users, replace=False)
    return Holdout(holdout.history, holdout.targets.take(np.isin(holdout.targets.user_codes, drawn)))


def liked_targets(holdout: Holdout, relevant: float | None) -> Holdout:
    """A holdout with the targets that have a weight of at least `relevant`; the same holdout for None.

    Raises:
        InputError: if the targets have no weights, or none is high enough.
    """
    if relevant is None:
        return holdout
    weights = holdout.targets.weights
    if weights is None:
        raise InputError("relevant needs rows with ratings: name their column (weight=, on the command line --rating).")
    liked = weights >= check_relevant(relevant)
    if not liked.any():
        raise no_relevant(relevant, weights)
    return Holdout(holdout.history, holdout.targets.take(liked))


def check_relevant(relevant: object) -> float:
    """The lowest label of relevant items; raises `InputError` if it is not a finite number."""
    if isinstance(relevant, bool) or not isinstance(relevant, Real) or not math.isfinite(relevant):
        raise InputError(f"relevant must be a finite number, the lowest label of a relevant item; got {relevant!r}.")
    return float(relevant)


def no_relevant(relevant: float, labels: np.ndarray) -> InputError:
    """The error for held-back rows of which none is relevant."""
    highest = f"the highest is {labels.max():g}" if len(labels) else "there are no rows"
    return InputError(
        f"No held-back row has a label of at least {relevant:g}, so no item is relevant: {highest}. Lower relevant "
        "(--relevant)."
    )


def list_lengths(ks: object) -> tuple[int, ...]:
    """The lengths of ranked lists, sorted; raises `InputError` if one is not a positive integer."""
    lengths = tuple(ks) if isinstance(ks, Iterable) and not isinstance(ks, str | Mapping) else ()
    if not lengths or not all(isinstance(k, Integral) and not isinstance(k, bool) and k >= 1 for k in lengths):
        raise InputError(f"ks must be positive integers (list lengths) such as 10, got {ks!r}.")
    return tuple(sorted({int(k) for k in lengths}))


def _ranks(scores: np.ndarray, rows: np.ndarray, is_target: np.ndarray) -> np.ndarray:
    """`metrics.target_ranks` of the real targets alone, (B, T) int32: users have from one to hundreds of them."""
    ranks = np.full(rows.shape, 2**30, np.int32)
    for user, place in zip(*np.nonzero(is_target), strict=True):
        own = scores[user, rows[user, place]]
        if own > -np.inf:
            ranks[user, place] = np.count_nonzero(scores[user] >= own) - 1
    return ranks


class _Targets:
    """The distinct targets of every user.

    Attributes:
        ids: (T,) int32, 0 for items that are not in the vocabulary, which are always misses.
        bounds: (num_users + 1,) start of each user's targets in `ids`.
    """

    def __init__(self, holdout: Holdout, spec: FeatureSpec) -> None:
        table = holdout.targets
        pairs = table.user_codes.astype(np.int64) * len(table.item_ids) + table.item_codes
        _, first = np.unique(pairs, return_index=True)
        rows = np.sort(first)  # raw ids are compared, so two unknown items are two targets
        ids = spec.items.encode(table.item_ids)[table.item_codes[rows]]
        self.ids = np.where(ids < RESERVED_IDS, PADDING_ID, ids).astype(np.int32)
        self.bounds = np.searchsorted(table.user_codes[rows], np.arange(len(table.user_ids) + 1))

    def rows(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids (B, T), and a mask of the real targets."""
        starts, ends = self.bounds[users], self.bounds[users + 1]
        width = int((ends - starts).max())
        is_target = np.arange(-width, 0) >= (starts - ends)[:, None]
        return pad_left(self.ids, starts, ends, width), is_target

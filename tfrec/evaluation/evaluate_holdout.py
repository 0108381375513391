"""Full-catalogue evaluation: rank all items for every user and find the ranks of the held-out items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, Protocol

import keras
import numpy as np

from tfrec import environment
from tfrec.data import FeatureSpec, Holdout
from tfrec.data.batches.histories import histories, history_inputs, pad_left
from tfrec.data.batches.pairs import encode_users
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.evaluation.report import Report
from tfrec.evaluation.sampled_negatives import SampledNegatives, keep_items
from tfrec.metrics import mrr_at_k, ndcg_at_k, recall_at_k
from tfrec.ops import top_items
from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS

# Scores of one batch: 256 MB.
_CELLS = 2**26
_ALWAYS = ("user", "history")


class Scorer(Protocol):
    """Anything that scores every id for a batch of histories: a retrieval model or a baseline.

    Objects with `input_names` get these inputs, all others get the history. If "user" is one of the inputs, they also
    get the history, to fold in users who are not in the training data. The history holds the newest `spec.max_length`
    items, or all items if the object has `reads_whole_history = True`.
    """

    name: str

    def score(self, inputs: dict[str, Any]) -> Any:
        """(B, L) int32 history, padded on the left -> (B, V + 2) scores, -inf for ids 0 and 1."""


def evaluate(
    model: Scorer,
    spec: FeatureSpec,
    holdout: Holdout,
    ks: tuple[int, ...] = (10,),
    batch_size: int = 256,
    mask_seen: bool = True,
    seed: int | None = None,
    negatives: SampledNegatives | None = None,
) -> Report:
    """Rank all items for every user of a holdout.

    The model reads the newest `spec.max_length` known items, or all if it has `reads_whole_history`; every item of the
    whole history is masked. If several items of a user are held back, Recall is the share found, and NDCG is relative
    to the best possible list. An item that is held back several times for the same user is one target, so all metrics
    lie between 0 and 1. Ties count against the model. Targets that cannot be recommended, because they are not in the
    vocabulary or are masked, count as misses. The report counts merged repeats and both kinds of misses.

    Args:
        model: a retrieval model, or anything with `score`.
        spec: the spec that the model was trained with.
        holdout: `valid` or `test` of a split.
        ks: list lengths K.
        batch_size: users at a time; fewer if their scores would not fit into memory.
        mask_seen: leave items of the history out of the ranking.
        seed: seed of the training run, for the report.
        negatives: rank the targets among these items instead of all. Use it only to compare with published numbers
            measured this way: they are much higher, and may order models differently.

    Returns:
        a `Report` with recall@K, ndcg@K, mrr@K and, where all items are ranked, coverage@K, the share of the catalogue
        in the top K of at least one user.

    Raises:
        InputError: if there are no users, no target is known, model and spec do not match, the model needs
            timestamps but the holdout has none, a user has too few unseen items to draw negatives from, or a score is
            NaN.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions, LeaveLastOut
        >>> from tfrec.evaluation import Popularity
        >>> frame = pd.DataFrame({"u": [1, 1, 1, 2, 2, 2], "i": ["a", "b", "c", "c", "b", "a"]})
        >>> train, _, test = Interactions.from_pandas(frame, user="u", item="i").split(LeaveLastOut())
        >>> spec = FeatureSpec.fit(train)
        >>> evaluate(Popularity(spec), spec, test, ks=(1,)).metrics["recall@1"]
        1.0
    """
    began = time.perf_counter()
    ks = _lengths(ks)
    check_kind(holdout, (Holdout,), "The held-back rows")
    spec.check_holdout(holdout)
    spec.check_fits(model)
    ids, starts, ends = histories(holdout.history, spec)
    names = getattr(model, "input_names", ("history",))
    user_ids = encode_users(holdout.history, spec) if "user" in names else None
    inputs = history_inputs(holdout.history, spec, ["history", *(one for one in names if one not in _ALWAYS)])
    targets = _Targets(holdout, spec)
    users = np.flatnonzero(np.diff(targets.bounds))
    users = users[np.argsort(ends[users] - starts[users], kind="stable")]  # group equal lengths: little padding
    most_targets = int(np.diff(targets.bounds).max())
    # A model with several interests computes one score per interest and item, and each target is searched in the
    # whole history.
    interests = getattr(model, "num_interests", None) or 1
    cells = max((spec.num_items + RESERVED_IDS) * interests, most_targets * int((ends - starts).max()))
    batch_size = max(1, min(batch_size, _CELLS // cells))
    ks = tuple(sorted(set(ks)))
    most = min(ks[-1], spec.num_items)
    longest = None if getattr(model, "reads_whole_history", False) else spec.max_length
    drawn = None if negatives is None else negatives.draw(holdout, spec)

    sums = {name: 0.0 for k in ks for name in (f"recall@{k}", f"ndcg@{k}", f"mrr@{k}")}
    recommended = {k: np.zeros(spec.num_items + RESERVED_IDS, bool) for k in ks}
    seen_targets = 0
    for batch in np.array_split(users, -(-len(users) // batch_size)):
        lengths = ends[batch] - starts[batch]
        width = max(2, int(lengths.max()))  # Keras warns of a softmax over one position
        width = width if longest is None else min(width, longest)
        given = {name: pad_left(column, starts[batch], ends[batch], width) for name, column in inputs.items()}
        scores = model.score(given if user_ids is None else {**given, "user": user_ids[batch]})
        rows, is_target = targets.rows(batch)
        seen = pad_left(ids, starts[batch], ends[batch], max(1, int(lengths.max())))
        seen_targets += int(((rows >= 2) & (rows[:, :, None] == seen[:, None, :]).any(axis=2)).sum())
        scores = np.array(keras.ops.convert_to_numpy(scores), order="C")  # a copy: some items are masked in it
        if np.isnan(scores).any():
            raise InputError(
                f"{model.name} returns NaN scores: its training has diverged. Train again, for example with a lower "
                "learning rate."
            )
        if mask_seen:
            np.put_along_axis(scores, seen, -np.inf, axis=1)
        if drawn is not None:
            scores = keep_items(scores, np.concatenate([drawn[batch], rows], axis=1))
        ranks = _ranks(scores, rows, is_target)
        best = keras.ops.convert_to_numpy(top_items(keras.ops.convert_to_tensor(scores), most)[0])
        for k in ks:
            for name, metric in (("recall", recall_at_k), ("ndcg", ndcg_at_k), ("mrr", mrr_at_k)):
                sums[f"{name}@{k}"] += float(keras.ops.sum(metric(ranks, is_target, k)))
            recommended[k][best[:, :k]] = True

    metrics = {name: total / len(users) for name, total in sums.items()}
    if negatives is None:
        metrics |= {f"coverage@{k}": float(recommended[k][RESERVED_IDS:].mean()) for k in ks}
    return Report(
        model=model.name,
        metrics=metrics,
        num_users=len(users),
        num_items=spec.num_items,
        num_targets=len(targets.ids),
        unknown_targets=int((targets.ids == PADDING_ID).sum()),
        seen_targets=seen_targets,
        mask_seen=mask_seen,
        data_sha256={"history": holdout.history.sha256(), "targets": holdout.targets.sha256()},
        seed=seed,
        seconds=round(time.perf_counter() - began, 2),
        versions=environment.versions(),
        machine=environment.machine(),
        repeated_targets=len(holdout) - len(targets.ids),
        negatives=None if negatives is None else negatives.to_json(),
    )


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


def _lengths(ks: object) -> tuple[int, ...]:
    lengths = tuple(ks) if isinstance(ks, Iterable) and not isinstance(ks, str | Mapping) else ()
    if not lengths or not all(isinstance(k, Integral) and not isinstance(k, bool) and k >= 1 for k in lengths):
        raise InputError(f"ks must be positive integers (list lengths) such as 10, got {ks!r}.")
    return tuple(int(k) for k in lengths)

"""Full-catalogue evaluation: rank all items for every user and find the ranks of the held-out items."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from tfrec.data import FeatureSpec, Holdout
from tfrec.data.batches.histories import histories, history_inputs, pad_left
from tfrec.data.batches.pairs import encode_users
from tfrec.data.tables.kinds import check_kind
from tfrec.evaluation.report import Report
from tfrec.evaluation.sampled_negatives import SampledNegatives
from tfrec.evaluation.target_ranks import list_lengths, rank_targets
from tfrec.reserved_ids import RESERVED_IDS

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
    verbose: bool = False,
) -> Report:
    """Rank all items for every user of a holdout.

    The model reads the newest `spec.max_length` known items, or all if it has `reads_whole_history`; every item of the
    whole history is masked. If several items of a user are held back, Recall is the share found, and NDCG is relative
    to the best possible list. An item that is held back several times for the same user is one target, so all metrics
    lie between 0 and 1. Ties count against the model. Targets that cannot be recommended, because they are not in the
    vocabulary or are masked, count as misses. The report counts merged repeats, both kinds of misses, and users whom
    the model does not know.

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
        verbose: draw a progress bar if the output is a terminal.

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
    ks = list_lengths(ks)
    check_kind(holdout, (Holdout,), "The held-back rows")
    spec.check_holdout(holdout)
    spec.check_fits(model)
    _, starts, ends = histories(holdout.history, spec)
    names = getattr(model, "input_names", ("history",))
    user_ids = encode_users(holdout.history, spec) if "user" in names else None
    inputs = history_inputs(holdout.history, spec, ["history", *(one for one in names if one not in _ALWAYS)])
    longest = None if getattr(model, "reads_whole_history", False) else spec.max_length

    def score(batch: np.ndarray) -> Any:
        width = max(2, int((ends[batch] - starts[batch]).max()))  # Keras warns of a softmax over one position
        width = width if longest is None else min(width, longest)
        given = {name: pad_left(column, starts[batch], ends[batch], width) for name, column in inputs.items()}
        return model.score(given if user_ids is None else {**given, "user": user_ids[batch]})

    return rank_targets(
        model.name,
        spec,
        holdout,
        score,
        ks,
        batch_size,
        # A model with several interests computes one score per interest and item.
        cells=(spec.num_items + RESERVED_IDS) * (getattr(model, "num_interests", None) or 1),
        mask_seen=mask_seen,
        negatives=negatives,
        is_unknown=ends == starts if user_ids is None else user_ids < RESERVED_IDS,
        verbose=verbose,
        seed=seed,
    )

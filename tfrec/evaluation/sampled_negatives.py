"""The protocol of sampled negatives: a target is ranked among a few items that the user does not have."""

from __future__ import annotations

import dataclasses

import numpy as np

from tfrec.data import FeatureSpec, Holdout
from tfrec.data.batches.histories import histories
from tfrec.errors import InputError
from tfrec.evaluation.settings import check_whole
from tfrec.reserved_ids import RESERVED_IDS


@dataclasses.dataclass(frozen=True)
class SampledNegatives:
    """Draws items for each user, uniformly and without repeats, from the items that the user does not have.

    With `LeaveLastOut` and 99 items this is the protocol of "Neural Collaborative Filtering". A user's draw depends
    on the seed, the vocabulary and the user's place in the table, but not on the model or the batch. So all models are
    compared with the same items.

    Args:
        count: items per user.
        seed: seed of the draw.
        absent_items: number of further items that the vocabulary lacks but published results include, such as dropped
            rare items. They may be drawn too. No model can score them, so they rank below every target. Items with very
            few training rows nearly always rank there as well.

    Reference:
        He et al., "Neural Collaborative Filtering", WWW 2017, https://arxiv.org/abs/1708.05031. Krichene and Rendle,
        "On Sampled Metrics for Item Recommendation", KDD 2020, show why such numbers can mislead.

    Example:
        >>> import pandas as pd
        >>> from tfrec.data import Interactions, LeaveLastOut
        >>> frame = pd.DataFrame({"u": list("xxxyyy"), "i": list("abcdef")})
        >>> table = Interactions.from_pandas(frame, user="u", item="i")
        >>> spec, test = FeatureSpec.fit(table), table.split(LeaveLastOut()).test
        >>> drawn = SampledNegatives(count=3).draw(test, spec)
        >>> sorted(spec.items.decode(drawn[0])), sorted(spec.items.decode(drawn[1]))
        (['d', 'e', 'f'], ['a', 'b', 'c'])
    """

    count: int = 99
    seed: int = 0
    absent_items: int = 0

    def __post_init__(self) -> None:
        (count,), (seed,) = check_whole(count=self.count), check_whole(least=0, seed=self.seed)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "seed", seed)
        (absent,) = check_whole(least=0, absent_items=self.absent_items)
        object.__setattr__(self, "absent_items", absent)

    def draw(self, holdout: Holdout, spec: FeatureSpec) -> np.ndarray:
        """The drawn ids for every user of the holdout's table, (U, count) int32.

        Absent items, and all draws of users without targets, have id 0.

        Args:
            holdout: the history and targets of each user, which are never drawn.
            spec: the vocabulary.

        Raises:
            InputError: if a user has fewer unseen items than `count`.
        """
        had = [histories(table, spec) for table in (holdout.history, holdout.targets)]
        test_users = np.unique(holdout.targets.user_codes)
        drawn = np.zeros((len(holdout.targets.user_ids), self.count), np.int32)
        random = np.random.default_rng(self.seed)
        for user in test_users:
            free = np.ones(spec.num_items, bool)
            for ids, starts, ends in had:
                free[ids[starts[user] : ends[user]] - RESERVED_IDS] = False
            unseen = np.flatnonzero(free)
            if len(unseen) + self.absent_items < self.count:
                raise InputError(
                    f"User {holdout.targets.user_ids[user]!r} has only {len(unseen):,} unseen items, fewer than the "
                    f"{self.count:,} negatives to draw: lower the count, or rank all items."
                )
            found = random.choice(len(unseen) + self.absent_items, self.count, replace=False)
            present = found < len(unseen)
            drawn[user, present] = unseen[found[present]] + RESERVED_IDS
        return drawn

    def to_json(self) -> dict[str, int]:
        """The arguments as a JSON-compatible dict."""
        return dataclasses.asdict(self)


def keep_items(scores: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Scores in which all but the given ids are -inf.

    Args:
        scores: (B, V) floats.
        ids: (B, N) integers.

    Example:
        >>> keep_items(np.array([[1.0, 2.0, 3.0]]), np.array([[2, 0]])).tolist()
        [[1.0, -inf, 3.0]]
    """
    kept = np.full_like(scores, -np.inf)
    np.put_along_axis(kept, ids, np.take_along_axis(scores, ids, axis=1), axis=1)
    return kept

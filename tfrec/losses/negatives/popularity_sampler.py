"""Sampling in proportion to a power of the item counts."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.ops import RESERVED_IDS


@keras.saving.register_keras_serializable(package="tfrec")
class Popularity(NegativeSampler):
    """Samples items in proportion to a power of their counts: P(j) = count_j^power / sum.

    Uses Walker's alias method, with constant time per draw: an item is chosen uniformly, then kept or replaced by
    its alias. This is exact for rare items too, which a float32 cumulative sum over a million items would lose.

    Args:
        counts: (V,) positive numbers, in the order of the ids: `spec.item_counts`. The config stores them as a list, so
            a saved model that was compiled with them is larger by V numbers.
        power: 1 follows the data, 0 is uniform; word2vec uses 0.75.

    Raises:
        ValueError: if `counts` are not positive finite numbers, one per item; an item that is never drawn cannot be
            corrected for. Also if `power` is not finite.

    Reference:
        Walker, "An Efficient Method for Generating Discrete Random Variables with General Distributions", ACM TOMS
        1977.

    Example:
        >>> import keras
        >>> sampler = Popularity([6, 3, 1])
        >>> ids, log_probability = sampler.draw((1000,), 3, targets=None, seed=keras.random.SeedGenerator(0))
        >>> share = np.bincount(np.asarray(ids))[2:] / 1000
        >>> np.abs(share - [0.6, 0.3, 0.1]).max() < 0.05
        np.True_
    """

    needs_counts = True

    def __init__(self, counts: Any, power: float = 1.0) -> None:
        self.counts = check_counts(counts)
        if isinstance(power, bool) or not isinstance(power, int | float) or not np.isfinite(power):
            raise ValueError(f"power must be a finite number, got {power!r}.")
        self.power = power
        log_weights = power * np.log(self.counts)
        weights = np.exp(log_weights - log_weights.max())
        if not weights.min() > 0:
            raise ValueError(f"power {power!r} is so large that some items are never drawn: use a smaller one.")
        self._log_probability = np.log(weights / weights.sum()).astype("float32")
        self._kept, self._alias = _alias_tables(weights / weights.sum())

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Ids, and the log of their share of the counts."""
        check_fits(self.counts, num_items)
        first = keras.random.randint(shape, 0, num_items, seed=seed)
        is_kept = keras.random.uniform(shape, dtype="float32", seed=seed) < ops.take(self._kept, first, axis=0)
        ranks = ops.where(is_kept, first, ops.take(self._alias, first, axis=0))
        return ranks + RESERVED_IDS, ops.take(self._log_probability, ranks, axis=0)

    def get_config(self) -> dict[str, Any]:
        return {"counts": self.counts.tolist(), "power": self.power}


def check_counts(counts: Any) -> np.ndarray:
    """Check the counts and return them as a float64 vector; raises `ValueError`."""
    try:
        array = np.asarray(counts, dtype="float64")
    except (TypeError, ValueError):
        array = np.array([])
    if array.ndim != 1 or not array.size or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(
            "counts must be a list of positive numbers, one per item in the order of the ids, such as "
            f"FeatureSpec.item_counts, got {counts!r}. If some items have no count yet, pass counts + 1."
        )
    return array


def check_fits(counts: np.ndarray, num_items: int) -> None:
    """Raise `ValueError` if there is not one count per item."""
    if len(counts) != num_items:
        raise ValueError(f"counts must hold one number for each of the {num_items} items, got {len(counts)}.")


def _alias_tables(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Walker's alias tables: for each of V equal cells, the share of its own item and the item that gets the rest."""
    kept = (probability * len(probability)).tolist()
    alias = list(range(len(kept)))
    poor = [item for item, share in enumerate(kept) if share < 1]
    rich = [item for item, share in enumerate(kept) if share >= 1]
    while poor and rich:
        item, giver = poor.pop(), rich[-1]
        alias[item] = giver
        kept[giver] -= 1 - kept[item]
        if kept[giver] < 1:
            poor.append(rich.pop())
    for item in poor + rich:  # 1, up to rounding
        kept[item] = 1.0
    return np.array(kept, "float32"), np.array(alias, "int32")

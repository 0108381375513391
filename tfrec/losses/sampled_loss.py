"""Base class of losses that compare each target with a sample of the catalogue."""

from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from tfrec.losses.item_loss import ItemLoss, weights_of
from tfrec.losses.negatives import NegativeSampler
from tfrec.ops import RESERVED_IDS, check_size

DRAWS = ("batch", "group", "token")
GROUP = 64  # targets that share a draw in "group"


class SampledLoss(ItemLoss):
    """Base class of losses with N sampled negatives per target.

    The cost depends on which targets share a draw. Forward and backward for 6,400 targets, N = 256, 3,416 items and
    width 64 on two CPU cores, where the full softmax takes 300 ms:

    - "batch": all targets share one draw of N items: a matrix product with N rows; 18 ms.
    - "group": groups of 64 targets share one, N x T / 64 draws in all: many small products; 32 ms. Neighbours in a
      history fall into different groups, so that targets with similar queries do not share negatives.
    - "token": each target has its own draw. If V is at most 32 x N, all items are scored and the sampled ones selected,
      which stores (T, V) numbers: 460 ms. Otherwise the sampled vectors are gathered, which stores (T, N, D): 1,100 ms,
      but cheap for few negatives.

    All have the same expectation; fewer draws give a noisier gradient. Accidental hits, negatives that equal the
    target, are ignored.

    Subclasses implement `compare`.

    Args:
        num_negatives: N.
        sampler: a `NegativeSampler` that draws them.
        draw_per: "batch", "group" or "token".
        name: name of the loss, for logs.

    Raises:
        ValueError: if `num_negatives` is not a positive integer or `draw_per` is unknown.

    Attributes:
        negatives: the name or object of the sampler, if the subclass takes one.
    """

    negatives: str | NegativeSampler | None = None

    def __init__(self, num_negatives: int, sampler: NegativeSampler, draw_per: str, name: str, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        if draw_per not in DRAWS:
            raise ValueError(f"draw_per must be one of {', '.join(DRAWS)}, got {draw_per!r}.")
        self.num_negatives = check_size("num_negatives", num_negatives)
        self.sampler = sampler
        self.draw_per = draw_per

    def compare(self, positive: Any, negatives: Any, is_hit: Any, log_probability: Any, num_items: int) -> Any:
        """The loss of each target, given scores.

        Args:
            positive: (G, S) float32, the score of each target.
            negatives: (G, S, N) float32, the scores of its negatives.
            is_hit: (G, S, N) bool, True if the negative is the target.
            log_probability: of each negative, from the sampler; broadcasts against `negatives`.
            num_items: V.

        Returns:
            (G, S) float32.
        """
        raise NotImplementedError

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any = None) -> Any:
        """Sample, score and compare: (T,) targets and (T, D) queries to (T,) values."""
        num_items, count = items.shape[0] - RESERVED_IDS, ops.shape(targets)[0]
        positive = ops.sum(queries * ops.cast(ops.take(items, targets, axis=0), queries.dtype), axis=-1)
        size = {"batch": count, "group": GROUP, "token": 1}[self.draw_per]
        groups = 1 if self.draw_per == "batch" else -(-count // size)
        shape = (groups, 1, self.num_negatives)
        negatives, log_probability = self.sampler.draw(shape, num_items, targets, seed)

        def deal(values: Any) -> Any:  # (T, ...) -> (G, S, ...): target t goes to group t mod G
            if self.draw_per == "group":
                values = ops.pad(values, [[0, groups * size - count]] + [[0, 0]] * (len(values.shape) - 1))
            values = ops.reshape(values, (size, groups, *values.shape[1:]))
            return ops.swapaxes(values, 0, 1)

        values = self.compare(
            ops.cast(deal(positive), "float32"),
            ops.cast(self._score(deal(queries), negatives, ops.cast(items, queries.dtype)), "float32"),
            ops.equal(ops.expand_dims(deal(targets), -1), negatives),
            log_probability,
            num_items,
        )
        return ops.reshape(ops.swapaxes(values, 0, 1), (-1,))[:count]

    def of_scores(
        self,
        score: Callable[[Any], Any],
        targets: Any,
        num_items: int,
        sample_weight: Any = None,
        seed: Any = None,
    ) -> Any:
        """The loss of a model that scores pairs with a network instead of comparing vectors.

        Each row has its own draw; with `draw_per="batch"`, all rows share one draw.

        Args:
            score: (B, C) ids -> (B, C) scores of each row.
            targets: (B,) ids.
            num_items: V.
            sample_weight: (B,), or None for the mean over the targets that count.
            seed: a `keras.random.SeedGenerator`.
        """
        targets = ops.cast(targets, "int32")
        rows = ops.shape(targets)[0]
        shape = (1 if self.draw_per == "batch" else rows, 1, self.num_negatives)
        negatives, log_probability = self.sampler.draw(shape, num_items, targets, seed)
        negatives = ops.broadcast_to(negatives, (rows, 1, self.num_negatives))
        own = ops.expand_dims(targets, 1)
        scores = ops.cast(score(ops.concatenate([own, negatives[:, 0]], axis=1)), "float32")
        is_hit = ops.equal(ops.expand_dims(own, 2), negatives)
        values = self.compare(scores[:, :1], scores[:, None, 1:], is_hit, log_probability, num_items)[:, 0]
        given = None if sample_weight is None else ops.reshape(ops.cast(sample_weight, "float32"), (-1,))
        weights = weights_of(targets, given)
        total = ops.sum(ops.where(weights != 0, weights * values, 0.0))
        return self._scaled(total / ops.maximum(ops.cast(rows, "float32"), 1.0))

    def _score(self, queries: Any, negatives: Any, items: Any) -> Any:
        """(G, S, D) queries, (G, 1, N) ids -> (G, S, N) scores."""
        if self.draw_per == "token" and items.shape[0] <= 32 * self.num_negatives:
            scores = ops.matmul(ops.squeeze(queries, 1), ops.transpose(items))
            return ops.expand_dims(ops.take_along_axis(scores, ops.squeeze(negatives, 1), axis=1), 1)
        rows = ops.take(items, ops.squeeze(negatives, 1), axis=0)
        return ops.matmul(queries, ops.transpose(rows, (0, 2, 1)))

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "num_negatives": self.num_negatives, "draw_per": self.draw_per}
        if self.negatives is None:
            return config
        by_name = isinstance(self.negatives, str)
        return {
            **config,
            "negatives": self.negatives if by_name else keras.saving.serialize_keras_object(self.negatives),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        negatives = config.get("negatives")
        if negatives is None or isinstance(negatives, str):
            return cls(**config)
        return cls(**{**config, "negatives": keras.saving.deserialize_keras_object(negatives)})

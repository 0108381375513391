"""Base class of losses over an item table: which targets count, and how their values are averaged."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import is_item


class ItemLoss(keras.losses.Loss):
    """Base class of losses that compare query vectors with item vectors.

    A stock Keras loss gets only `y_true` and `y_pred`. These losses also need the item table, which
    `tfrec.models.RetrievalModel` passes to them, so that `model.compile(loss=FullSoftmax())` and stock `fit` work
    without (B, L, V) logits, unless the loss itself computes them.

    Targets that are padding or out of vocabulary are ignored. The result is

    - without `sample_weight`: the mean over the targets that count;
    - with it: `sum(weight * value) / size(targets)`, which is Keras' own rule. `tfrec.data.sequences` gives weights
      that turn this into the mean over the real targets of the *global* batch, so that replicas which hold different
      numbers of real targets add up to the loss of one device.

    Subclasses implement `item_loss`, or `weighted_sum` if they can compute the sum more efficiently.

    Args:
        name: name of the loss, for logs.

    Attributes:
        reads_table: whether the loss needs the vectors of all items. A loss that needs only those of the targets sets
            False; `items` may then be a function of ids to vectors.

    Shapes:
        targets (B,) or (B, L) integer ids; queries (B, D) or (B, L, D); items (V + 2, D); the result is a scalar.
    """

    reads_table: bool = True

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, reduction="sum_over_batch_size", **kwargs)

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any) -> Any:
        """The value at each target: targets (T,), queries (T, D) -> (T,) float32. Values at padding are ignored."""
        raise NotImplementedError

    def weighted_sum(self, targets: Any, queries: Any, weights: Any, items: Any, seed: Any) -> Any:
        """`sum(weights * item_loss)`, a scalar; the weights (T,) are 0 at ignored targets."""
        values = self.item_loss(targets, queries, items, seed)
        return ops.sum(ops.where(weights != 0, weights * values, 0.0))

    def weighted_value(self, targets: Any, queries: Any, weights: Any, items: Any, seed: Any) -> Any:
        """Value of `weighted_sum` if no gradient is needed; override it if `weighted_sum` computes gradients."""
        return self.weighted_sum(targets, queries, weights, items, seed)

    def __call__(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        *,
        items: Any = None,
        seed: Any = None,
        only_real: bool = False,
        training: bool = True,
    ) -> Any:
        """The loss as a scalar.

        Args:
            y_true: targets.
            y_pred: queries.
            sample_weight: of the shape of the targets; or (B,) or (B, 1), one weight per row.
            items: the item table.
            seed: a `keras.random.SeedGenerator` for losses that draw.
            only_real: gather the targets that count first. The result is the same and cheaper, but shapes then depend
                on values, which XLA and JAX do not support.
            training: whether a gradient is needed; evaluation skips its cost.
        """
        if items is None:
            raise ValueError(
                f"{type(self).__name__} needs the item table. Compile a tfrec retrieval model with it, or call it as "
                "loss(targets, queries, items=table)."
            )
        _check_shapes(y_true, y_pred, sample_weight)
        shape = ops.shape(y_true)
        targets = ops.reshape(ops.cast(y_true, "int32"), (-1,))
        # Reshape by the targets' shape, so that queries and targets that do not match fail instead of being mispaired.
        queries = ops.reshape(ops.reshape(y_pred, (*shape, y_pred.shape[-1])), (-1, y_pred.shape[-1]))
        given = None if sample_weight is None else ops.cast(sample_weight, "float32")
        if given is not None:
            given = ops.expand_dims(given, -1) if len(given.shape) < len(y_true.shape) else given
            given = ops.reshape(ops.broadcast_to(given, shape), (-1,))
        size, weights = ops.maximum(ops.cast(ops.size(targets), "float32"), 1.0), weights_of(targets, given)
        if only_real:
            (real,) = ops.nonzero(weights)
            targets, queries, weights = (ops.take(tensor, real, axis=0) for tensor in (targets, queries, weights))
        else:  # padding is ignored even if its value is NaN
            queries = ops.where(ops.expand_dims(weights != 0, -1), queries, ops.zeros_like(queries))
        summed = self.weighted_sum if training else self.weighted_value
        return self._scaled(summed(targets, queries, weights, items, seed) / size)

    def _scaled(self, mean: Any) -> Any:
        # Keras' own reduction scales for tf.distribute; `call` just returns the value.
        return super().__call__(mean[None], mean[None])

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("reduction")
        return config


def weights_of(targets: Any, given: Any = None) -> Any:
    """The weight of each target, (T,) float32, 0 where it is no item.

    Without given weights they make `sum(weight x value) / T` the mean over the targets that count.
    """
    counts = ops.cast(is_item(targets), "float32")
    if given is not None:
        return counts * given
    return counts * (ops.cast(ops.size(targets), "float32") / ops.maximum(ops.sum(counts), 1.0))


def _check_shapes(targets: Any, queries: Any, weights: Any) -> None:
    wanted, got = tuple(targets.shape), tuple(queries.shape[:-1])
    a_row = (wanted[0], *(1 for _ in wanted[1:]))
    if not _fit(wanted, got):
        raise ValueError(
            f"The queries have the shape {tuple(queries.shape)} and the targets {wanted}: expected one target per "
            "query, (B, L) for (B, L, D), or (B,) for the newest position only."
        )
    if weights is not None and not any(_fit(tuple(weights.shape), shape) for shape in (wanted, wanted[:1], a_row)):
        raise ValueError(
            f"sample_weight has the shape {tuple(weights.shape)}: expected the shape of the targets, {wanted}, or "
            f"{wanted[:1]}, one weight per row."
        )


def _fit(shape: tuple[int | None, ...], other: tuple[int | None, ...]) -> bool:
    return len(shape) == len(other) and all(None in (a, b) or a == b for a, b in zip(shape, other, strict=True))

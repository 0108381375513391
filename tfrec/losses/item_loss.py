"""What all losses over an item table share: which targets count, and how their values are averaged."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import is_item


class ItemLoss(keras.losses.Loss):
    """Base of the losses that compare query vectors with the vectors of items.

    A stock Keras loss sees `y_true` and `y_pred` alone. These losses also need the item table, which
    `tfrec.models.RetrievalModel` hands over, so that `model.compile(loss=FullSoftmax())` and stock `fit` work and no
    (B, L, V) logits need to exist unless the loss makes them.

    Targets that are padding or out of vocabulary count nothing. The result is

    - without `sample_weight`: the mean over the targets that count;
    - with it: `sum(weight * value) / size(targets)`, which is Keras' own rule. `tfrec.data.sequences` gives weights
      that turn this into the mean over the real targets of the *global* batch, so that replicas which hold different
      numbers of real targets add up to the loss of one device.

    Subclasses write `item_loss`.

    Args:
        name: of the loss, in logs.
        reduction: as in `keras.losses.Loss`.

    Shapes:
        targets (B,) or (B, L) integer ids; queries (B, D) or (B, L, D); items (V, D); the result is a scalar.
    """

    def __init__(self, name: str | None = None, reduction: str = "sum_over_batch_size", **kwargs: Any) -> None:
        super().__init__(name=name, reduction=reduction, **kwargs)

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any) -> Any:
        """The value at each target, of the shape of `targets`, float32. What stands at padding is ignored."""
        raise NotImplementedError

    def __call__(
        self, y_true: Any, y_pred: Any, sample_weight: Any = None, *, items: Any = None, seed: Any = None
    ) -> Any:
        """The loss as a scalar; `items` is the item table and `seed` a `keras.random.SeedGenerator`."""
        if items is None:
            raise ValueError(
                f"{type(self).__name__} needs the item table. Compile a tfrec retrieval model with it, or call it as "
                "loss(targets, queries, items=table)."
            )
        targets = ops.cast(y_true, "int32")
        counts = ops.cast(is_item(targets), "float32")
        if sample_weight is None:
            weights = counts * (ops.cast(ops.size(counts), "float32") / ops.maximum(ops.sum(counts), 1.0))
        else:
            weights = counts * ops.cast(sample_weight, "float32")
        values = self.item_loss(targets, y_pred, items, seed)
        values = ops.where(counts > 0, values, 0.0)
        # Keras' own reduction also scales for tf.distribute: `call` just hands the values through.
        return super().__call__(values, values, sample_weight=weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values themselves; `__call__` has computed them."""
        return y_pred

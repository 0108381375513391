"""Cross-entropy over the whole catalogue."""

from typing import Any

import keras
from keras import ops

from tfrec.losses.item_loss import ItemLoss
from tfrec.ops import RESERVED_IDS


@keras.saving.register_keras_serializable(package="tfrec")
class FullSoftmax(ItemLoss):
    """Softmax cross-entropy with every item of the catalogue as a candidate.

    `loss = logsumexp_j(q . e_j) - q . e_target`, j over all items, neither padding nor the unknown item among them.
    It holds one logit for every target and item, so memory grows with B x L x V; `SampledSoftmax` does not.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V, D); a scalar out. Logits are computed in the type of the
        queries and reduced in float32.

    Reference:
        Klenitskiy and Vasilev, "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023,
        arXiv 2309.07602, who show what this loss does for SASRec.

    Example:
        >>> import numpy as np
        >>> items = np.zeros((6, 3), "float32")          # ids 0 and 1 are reserved: 4 real items
        >>> loss = FullSoftmax()(np.array([[0, 2]]), np.zeros((1, 2, 3), "float32"), items=items)
        >>> round(float(np.exp(loss)), 3)
        4.0
    """

    def __init__(self, name: str = "full_softmax", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def item_loss(self, targets: Any, queries: Any, items: Any, seed: Any = None) -> Any:
        """Cross-entropy at each target."""
        table = ops.cast(items, queries.dtype)[RESERVED_IDS:]
        logits = ops.cast(ops.matmul(queries, ops.transpose(table)), "float32")
        labels = ops.maximum(targets - RESERVED_IDS, 0)
        return ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)

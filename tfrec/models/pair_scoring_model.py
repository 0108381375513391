"""Base class of retrieval models that score each pair of a user and an item with a network."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.layers.attention_record import attention_record
from tfrec.losses.sampled_loss import SampledLoss
from tfrec.models.retrieval_model import RetrievalModel
from tfrec.ops import RESERVED_IDS, is_item

_ROWS = 256  # of a batch whose size is not known


class PairScoringModel(RetrievalModel):
    """Base class of models whose score is not an inner product of a query and an item vector.

    `model(inputs)` returns the encoded users: a tensor, or a dict of tensors, (B, ...). `score_pairs` scores items with
    them. Training with a sampled loss, `score`, `recommend`, ranking metrics, the evaluation and the export are built
    on these two. An export can only have the index "exact", which scores every item.

    All items are scored in chunks, `pairs_at_once` pairs at a time, so that memory is bounded.

    Subclasses implement `call`, `score_pairs` and `item_table`, whose vectors `similar` compares. If they support
    unknown users, they also implement `fold_in`, which returns the same as `call`.

    `compile(loss=...)` takes a sampled loss of `tfrec.losses`: `BinaryCrossEntropy`, `BPR` or `SampledSoftmax`.

    Attributes:
        pairs_at_once: number of pairs that are scored together; set a lower number if a pair needs much memory.
    """

    pairs_at_once: int = 2**18
    attends_in_call: bool = False  # but in `score_pairs`

    # === To implement ===

    def score_pairs(self, state: Any, item_ids: Any, training: bool | None = None) -> Any:
        """The scores of items: logits; higher is better.

        Args:
            state: the output of `call`, (B, ...).
            item_ids: (B, C) ids, or (1, C) for the same items in all rows.
            training: as in Keras.

        Returns:
            (B, C).
        """
        raise NotImplementedError

    def users_on_axes(self, item_ids: Any) -> dict[str, Any]:
        """Name of an axis of the attention weights -> ids of the users on it, (B, N), padded with 0.

        A model whose items attend to users overrides this, so that explanations can name the users.

        Args:
            item_ids: (B,) ids.
        """
        return {}

    # === Methods built on these ===

    def embed(self, inputs: Any) -> Any:
        """The output of `call` for each row, with unknown users folded in; the input of `score_pairs`."""
        return self._queries(self._query_inputs(inputs))

    def attention_weights(self, inputs: Any, item_ids: Any = None) -> dict[str, Any]:
        """The weights of every attention when each row scores one item, by name: (B, ...) float32.

        Args:
            inputs: as for the model itself.
            item_ids: (B,) ids; None takes the best item of each row.

        Raises:
            ValueError: if the model has no attention, or an input is missing.
        """
        if not self.attention_axes:
            raise ValueError(f"{type(self).__name__} has no attention weights: use a model with attention.")
        if item_ids is None:
            item_ids = self.recommend(inputs, 1)[0][:, 0]
        item_ids = ops.expand_dims(ops.cast(item_ids, "int32"), 1)
        with attention_record() as found:
            self.score_pairs(self.embed(inputs), item_ids, training=False)
        names = zip(self.attention_axes, found, strict=True)
        return {name: ops.cast(ops.squeeze(weights, 1), "float32") for name, weights in names}

    @property
    def _predict_note(self) -> str:
        return (
            "predict() returns encoded users, not items. For the best items, call recommend(inputs, k); for the scores "
            "of all items, score(inputs)."
        )

    def _loss_meant(self, loss: Any, loss_weights: Any) -> tuple[Any, Any]:
        loss, loss_weights = super()._loss_meant(loss, loss_weights)
        if loss is not None and not isinstance(loss, SampledLoss):
            raise InputError(
                f"{type(self).__name__} scores each pair by a network, so a loss over all items cannot be computed: "
                "compile it with a sampled loss of tfrec.losses, BinaryCrossEntropy, BPR or SampledSoftmax. In a "
                'recipe, write class = "BinaryCrossEntropy" in [loss].'
            )
        return loss, loss_weights

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of `compile` on the scores of the targets and of sampled items, plus the losses of the layers."""
        self._is_training = training
        if self.loss is None and training:
            raise ValueError(
                "The model is compiled without a loss: call compile(loss=tfrec.losses.BinaryCrossEntropy())."
            )
        loss = self.loss.of_scores(
            lambda item_ids: self.score_pairs(y_pred, item_ids, training=training),
            ops.reshape(y, (-1,)),
            self.item_table().shape[0] - RESERVED_IDS,
            sample_weight,
            self._negatives_seed,
        )
        return sum(self.losses, start=loss)

    def _newest_query(self, queries: Any) -> Any:
        return queries

    def _scores_of(self, queries: Any, item_ids: Any = None) -> Any:
        if item_ids is not None:
            scores = ops.cast(self.score_pairs(queries, item_ids, training=False), "float32")
            return ops.where(is_item(item_ids), scores, -float("inf"))
        num_items = self.item_table().shape[0] - RESERVED_IDS
        first = next(iter(queries.values())) if isinstance(queries, Mapping) else queries
        rows = ops.shape(first)[0]
        chunk = max(1, min(num_items, self.pairs_at_once // max(1, rows if isinstance(rows, int) else _ROWS)))
        number = -(-num_items // chunk)
        chunks = (np.arange(number * chunk, dtype="int32") + RESERVED_IDS).reshape(number, chunk)
        chunks[chunks >= num_items + RESERVED_IDS] = RESERVED_IDS  # the rest of the last chunk, which is dropped

        def of_chunk(ids: Any) -> Any:
            return ops.cast(self.score_pairs(queries, ops.expand_dims(ids, 0), training=False), "float32")

        if number == 1:
            scores = of_chunk(ops.convert_to_tensor(chunks[0]))
        else:
            scores = ops.map(of_chunk, ops.convert_to_tensor(chunks))
            scores = ops.reshape(ops.transpose(scores, (1, 0, 2)), (rows, number * chunk))[:, :num_items]
        return ops.pad(scores, [[0, 0], [RESERVED_IDS, 0]], constant_values=-float("inf"))

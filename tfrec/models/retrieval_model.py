"""Base class of retrieval models, which compare a query vector with all items."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.errors import InputError
from tfrec.layers.attention_record import attention_record
from tfrec.losses import ItemLoss
from tfrec.models import step_checks
from tfrec.models.asked_histories import asked, is_padded_behind
from tfrec.models.compiled_losses import retrieval_loss
from tfrec.models.compiled_metrics import retrieval_metrics
from tfrec.models.known_ids import check_ids, in_memory
from tfrec.models.recommender import Recommender
from tfrec.models.replicas import weight_of_each
from tfrec.ops import RESERVED_IDS, chosen_interest, is_item, mask_items, popularity_scores, shortlist, top_items

_LONGEST_LIST = 100  # items that the ranking metrics get
_PADDING = "padding"


class RetrievalModel(Recommender):
    """Base class of models that output query vectors and hold an item table to compare them with.

    `model(inputs)` returns query vectors: (B, D) or, for sequences, (B, L, D), one per position. The loss passed to
    `compile` gets the queries and the item table, metrics rank the catalogue at the newest position, and `embed`,
    `score`, `recommend` and `similar` use the queries for inference.

    A model with K interests sets `num_interests` and returns K vectors in place of one: (B, K, D) or (B, L, K, D). The
    score of an item is the highest of its K inner products. In training, only the interest with the highest score for
    the target is trained on it.

    `compile(loss=...)` takes a `tfrec.losses` loss, `keras.losses.SparseCategoricalCrossentropy(from_logits=True)` or
    its name, or a custom loss on logits, which then gets the logits of all ids. `compile(metrics=...)` takes ranking
    metrics of keras-rs and classification metrics on one-hot targets such as `keras.metrics.TopKCategoricalAccuracy`,
    for lists of up to 100 items: they get the scores of the 100 best items at the newest position, without the items of
    the history, and the target. They are computed in evaluation and validation only, because ranking the catalogue
    costs more than a training step. An out-of-vocabulary target counts as a miss; `weighted_metrics` ignores it (not on
    JAX, where Keras passes no weights to metrics).

    Attributes:
        objective: the targets of training: "next-item", the item that follows each position, as in
            `tfrec.data.sequences`; or "masked-item", the items that `tfrec.data.masked_items` hides.
        num_interests: K; None if the query is one vector, without an axis of interests.
        attention_axes: name of an attention -> names of the axes of its weights after the batch axis, in the order in
            which the attentions are called. A subclass with attention sets it; its layers record their weights with
            `tfrec.layers.attention_record`.
        item_counts: (V,) interactions of each item in training, as stored in a preset, or None. They are used to score
            histories without a known item: the score is the logarithm of the item's share of all interactions. Without
            counts it is log(1 / rank), where ranks follow the ids, which `tfrec.data.FeatureSpec` sorts by frequency.

    `fit`, `evaluate` and `predict` are Keras' own. `predict` returns query vectors at every position. For ranked items
    call `recommend`, for scores `score`, and for raw ids `tfrec.serving.recommend`.

    Args:
        seed: seed of the generator for sampling losses; None chooses one at random.
    """

    objective: str = "next-item"
    num_interests: int | None = None

    def __init__(self, *args: Any, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seed = seed
        self.attention_axes: dict[str, list[str]] = {}
        self.item_counts: Any = None
        self._is_training = False
        self._negatives_seed = keras.random.SeedGenerator(seed)

    # === To implement ===

    def item_table(self) -> Any:
        """The vectors of all ids, (V + 2, D): row 0 is padding, row 1 is the unknown item."""
        raise NotImplementedError

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs: "history", and "timestamps" if the model uses them.

        `tfrec.data.sequences(..., inputs=model.input_names)`, the evaluation and the export provide exactly these.
        """
        return super().input_names or ("history",)

    def id_sizes(self) -> dict[str, int]:
        """Number of ids that a history may hold: the items, 0, 1, and the mask if the model has one."""
        mask = getattr(self, "mask_id", None)
        rows = self._rows()
        return {} if rows is None else {"history": rows if mask is None else max(rows, mask + 1)}

    def _target_sizes(self) -> dict[str, int]:
        rows = self._rows()
        return {} if rows is None else {"targets": rows}

    def _rows(self) -> int | None:
        """Rows of the item table; None if a custom model has not created it yet."""
        num_items = getattr(self, "num_items", None)
        if num_items is not None:
            return num_items + RESERVED_IDS
        return self.item_table().shape[0] if self.built else None

    # === Inference ===

    def embed(self, inputs: Any) -> Any:
        """The query vector of each row at its newest item, (B, D) float32, or its K vectors, (B, K, D).

        Padding and unknown ids are ignored at any position of the history.
        """
        inputs = _with_a_position(asked(inputs, self.name, self.id_sizes()))
        return ops.cast(self._newest_query(self(inputs, training=False)), "float32")

    def score(self, inputs: Any) -> Any:
        """The score of every id for each row, (B, V + 2) float32; ids 0 and 1 get -inf.

        A history without a known item gets the popularity scores, as in an export.
        """
        inputs = asked(inputs, self.name, self.id_sizes())
        scores = self._scores(self.embed(inputs))
        if "history" not in inputs:
            return scores
        is_known = ops.any(is_item(inputs["history"]), axis=1, keepdims=True)
        return ops.where(is_known, scores, self._popularity(scores.shape[-1]))

    def recommend(self, inputs: Any, k: int = 10, mask_seen: bool = True) -> tuple[Any, Any]:
        """The K best items for each row, best first; the most popular ones if the history has no known item.

        Args:
            inputs: as for the model itself.
            k: length of the list, at most the number of items.
            mask_seen: leave out the items of the row's history.

        Returns:
            ids (B, K) int32 and scores (B, K) float32; id 0 with -inf if fewer than K items are left.

        Raises:
            ValueError: if K exceeds the number of items, an id is outside the table, or scores are NaN.
        """
        self._check_list(k)
        inputs = asked(inputs, self.name, self.id_sizes())
        scores = self.score(inputs)
        self._check_numbers(scores)
        return top_items(mask_items(scores, inputs["history"]) if mask_seen else scores, k)

    def similar(self, item_ids: Any, k: int = 10) -> tuple[Any, Any]:
        """The K items whose vectors have the highest cosine with each given item; the item itself is left out.

        Args:
            item_ids: (B,) integer ids. Padding and the unknown item have no similar items.
            k: length of the list.

        Returns:
            ids (B, K) int32 and cosines (B, K) float32; id 0 with -inf if fewer than K items are left, and in the whole
            row of padding and the unknown item.
        """
        self._check_list(k)
        if not hasattr(item_ids, "shape"):
            item_ids = np.asarray(item_ids)
        if len(item_ids.shape) != 1:
            raise InputError(f"item_ids must be a list of integer ids, (B,); got shape {tuple(item_ids.shape)}.")
        check_ids(self.name, {"targets": item_ids}, self._target_sizes())
        table = ops.normalize(ops.cast(self.item_table(), "float32"), axis=-1)
        scores = _mask_reserved(ops.matmul(ops.take(table, item_ids, axis=0), ops.transpose(table)))
        self._check_numbers(scores)
        scores = ops.where(ops.expand_dims(is_item(item_ids), 1), scores, -float("inf"))
        return top_items(mask_items(scores, ops.expand_dims(item_ids, 1)), k)

    def attention_weights(self, inputs: Any) -> dict[str, Any]:
        """The weights of every attention of the model, by name: (B, ...) float32.

        `attention_axes[name]` names the axes after the batch axis: "head", "interest", "history" for the positions of
        the input, and "history+mask" or "history+long term" if one more position follows them. The last axis holds the
        keys; the axis of positions before it, if any, holds the queries. Weights of queries at padding are meaningless.

        Args:
            inputs: as for the model itself.

        Raises:
            ValueError: if the model has no attention, or an input is missing.

        Example:
            >>> import numpy as np
            >>> from tfrec import models
            >>> model = models.SASRec(num_items=100, max_length=8, hidden_dim=16, num_blocks=1)
            >>> weights = model.attention_weights({"history": np.array([[0, 7, 9]])})
            >>> weights["block_0"].shape, model.attention_axes["block_0"]
            (TensorShape([1, 1, 3, 3]), ['head', 'history', 'history'])
        """
        if not self.attention_axes:
            raise ValueError(f"{type(self).__name__} has no attention weights: use a model with attention.")
        given = self._own_inputs(inputs)
        with attention_record() as found:
            self(given, training=False)
        return {name: ops.cast(weights, "float32") for name, weights in zip(self.attention_axes, found, strict=True)}

    # === Training with stock fit ===

    @property
    def _predict_note(self) -> str:
        return (
            "predict() returns query vectors, not items. For the best items, call recommend(inputs, k); for the scores "
            "of all items, score(inputs)."
        )

    def _loss_meant(self, loss: Any, loss_weights: Any) -> tuple[Any, Any]:
        return retrieval_loss(loss, loss_weights)

    def _metrics_meant(self, metrics: Any) -> Any:
        return retrieval_metrics(metrics)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of `compile`, which gets the item table if it needs one, plus the losses of the layers."""
        self._is_training = training
        if self.loss is None and training:
            raise ValueError("The model is compiled without a loss: call compile(loss=tfrec.losses.FullSoftmax()).")
        if len(y.shape) == 2 and y.shape[1] == 1:  # a column, as in many datasets
            y = y[:, 0]
            sample_weight = sample_weight if sample_weight is None else ops.reshape(sample_weight, (-1,))
        if len(y.shape) == 1:  # one target per row: the item after the newest position
            y_pred = self._newest_query(y_pred)
        if self.num_interests is not None:
            y_pred = chosen_interest(y_pred, ops.take(self.item_table(), ops.cast(y, "int32"), axis=0))
        if not isinstance(self.loss, ItemLoss):
            # A finite value, because at padding the target is id 0 with weight 0.
            logits = ops.maximum(_mask_reserved(self._logits(y_pred)), -1e9)
            return super().compute_loss(x, y, logits, sample_weight, training)
        sample_weight = weight_of_each(is_item(y)) if sample_weight is None else sample_weight
        dynamic = keras.backend.backend() == "tensorflow" and not self.jit_compile
        how = {"items": self.item_table(), "seed": self._negatives_seed, "only_real": dynamic, "training": training}
        loss = self.loss(y, y_pred, sample_weight, **how)
        return sum(self.losses, start=loss)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Rank the catalogue at the newest position, with the history masked, and update the metrics."""
        history = x.get("history") if isinstance(x, Mapping) else x
        flags = {} if history is None else step_checks.flags({_PADDING: is_padded_behind(history)})
        if self._is_training or len(self.metrics) == 1:  # the loss tracker alone
            return {**self.get_metrics_result(), **flags}
        targets = _newest(y, sequence_rank=2)
        queries = ops.cast(self._newest_query(y_pred), "float32")
        scores = mask_items(self._scores(queries), history)
        scores = ops.maximum(scores, -1e9)  # Keras' top-k metrics give 0 where any score is infinite
        labels, scores = shortlist(scores, targets, min(_LONGEST_LIST, scores.shape[1]))
        # NaN cannot be ordered: a diverged model would get arbitrary ranks.
        is_number = ops.all(ops.isfinite(ops.reshape(queries, (ops.shape(queries)[0], -1))), axis=-1, keepdims=True)
        labels, scores = ops.where(is_number, labels, ops.zeros_like(labels)), ops.where(is_number, scores, 0.0)
        return {**super().compute_metrics(x, labels, scores, ops.cast(is_item(targets), "float32")), **flags}

    def _check_messages(self) -> dict[str, str]:
        return {
            _PADDING: "A history of this batch has padding (id 0) behind an item. Models read the newest item at the "
            "last position: pad on the left, for instance with keras.utils.pad_sequences(histories, padding='pre') or "
            "tfrec.data.sequences."
        }

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics; in training only of the loss, because the others are not computed there."""
        if self._is_training:
            return {self.metrics[0].name: self.metrics[0].result()}
        return super().get_metrics_result()

    def _check_numbers(self, scores: Any) -> None:
        """Raise `InputError` if scores are NaN; tensors of a graph are not checked."""
        if in_memory(scores) and bool(ops.any(ops.isnan(scores))):
            raise InputError(
                f"{self.name} returns NaN scores: its training has diverged. Train it again with "
                "a lower learning rate, or with clipnorm=1.0 in the optimizer."
            )

    def _check_list(self, k: int) -> None:
        items = self.item_table().shape[0] - RESERVED_IDS
        if not isinstance(k, Integral) or isinstance(k, bool) or not 0 < k <= items:
            raise ValueError(f"k must be a whole number between 1 and the {items} items of the model, got {k!r}.")

    def _logits(self, queries: Any) -> Any:
        table = ops.cast(self.item_table(), queries.dtype)
        return ops.cast(ops.matmul(queries, ops.transpose(table)), "float32")

    def _scores(self, queries: Any) -> Any:
        logits = self._logits(queries)
        return _mask_reserved(logits if self.num_interests is None else ops.max(logits, axis=1))

    def _popularity(self, size: int) -> Any:
        if self.item_counts is None:
            return ops.concatenate(
                [
                    ops.full((RESERVED_IDS,), -float("inf")),
                    -ops.log(ops.arange(1, size - RESERVED_IDS + 1, dtype="float32")),
                ]
            )
        return ops.convert_to_tensor(popularity_scores(self.item_counts))

    def _newest_query(self, queries: Any) -> Any:
        return _newest(queries, sequence_rank=3 if self.num_interests is None else 4)


def _with_a_position(inputs: Any) -> Any:
    """The inputs, with one position of padding added to histories of length 0."""
    if not isinstance(inputs, Mapping):
        return inputs
    empty = {name for name, value in inputs.items() if len(value.shape) == 2 and value.shape[1] == 0}
    return {name: ops.pad(value, [[0, 0], [1, 0]]) if name in empty else value for name, value in inputs.items()}


def _newest(values: Any, sequence_rank: int) -> Any:
    return values[:, -1] if len(values.shape) == sequence_rank else values


def _mask_reserved(scores: Any) -> Any:
    return ops.where(ops.arange(ops.shape(scores)[-1]) < RESERVED_IDS, -float("inf"), scores)

"""Base class of retrieval models, which compare a query vector with all items."""

from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from tfrec.errors import InputError
from tfrec.layers.attention_record import attention_record
from tfrec.losses import ItemLoss
from tfrec.models import step_checks
from tfrec.models.attention_supervision import GIVEN, METRIC
from tfrec.models.compiled_losses import retrieval_loss
from tfrec.models.compiled_metrics import retrieval_metrics
from tfrec.models.known_ids import check_ids, in_memory
from tfrec.models.query_inputs import has_padding_after_items, left_padded, with_users
from tfrec.models.recommender import Recommender
from tfrec.models.replicas import weight_of_each
from tfrec.ops import (
    PADDING_ID,
    RESERVED_IDS,
    chosen_interest,
    is_item,
    mask_items,
    popularity_scores,
    shortlist,
    top_items,
)

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

    A model that reads user ids has "user" among its `input_names`, (B,) ids, and sets `num_users`. A user that is not
    in the training data, id 1, is folded in from the history if the model has `fold_in`; otherwise the scores are those
    of popularity.

    `compile(loss=...)` takes a `tfrec.losses` loss, `keras.losses.SparseCategoricalCrossentropy(from_logits=True)` or
    its name, or a custom loss on logits, which then gets the logits of all ids. `compile(metrics=...)` takes ranking
    metrics of keras-rs and classification metrics on one-hot targets such as `keras.metrics.TopKCategoricalAccuracy`,
    for lists of up to 100 items: they get the scores of the 100 best items at the newest position, without the items of
    the history, and the target. They are computed in evaluation and validation only, because ranking the catalogue
    costs more than a training step. An out-of-vocabulary target counts as a miss; `weighted_metrics` ignores it (not on
    JAX, where Keras passes no weights to metrics).

    Attributes:
        objective: the targets of training: "next-item", the item that follows each position, as in
            `tfrec.data.sequences`; "masked-item", the items that `tfrec.data.masked_items` hides; or "user-item", the
            items of a user in any order, as in `tfrec.data.pairs`.
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

    @property
    def optional_inputs(self) -> tuple[str, ...]:
        """Names of further inputs that a batch or a request may contain, such as features of the user."""
        return ()

    def _own_inputs(self, inputs: Any) -> dict[str, Any]:
        own = super()._own_inputs(inputs)
        return own | {name: inputs[name] for name in self.optional_inputs if name in inputs}

    @property
    def unserved_weights(self) -> list[Any]:
        """Weights that neither queries nor the item table need: an export leaves them out."""
        return []

    def fold_in(self, history: Any) -> Any:
        """The output of the model for users who are not in the training data, computed from their items.

        A model that reads user ids overrides this if it can; otherwise unknown users get the most popular items.

        Args:
            history: (B, L) ids. The results of rows without items are not used.

        Returns:
            query vectors, with the shape of the output of `call`.
        """
        raise NotImplementedError

    @property
    def folds_in(self) -> bool:
        """Whether the history is used for unknown users: the model reads it, or has `fold_in`."""
        return "history" in self.input_names or type(self).fold_in is not RetrievalModel.fold_in

    def begin_training(self, pairs: np.ndarray) -> None:
        """Store what the model needs from the training data; `tfrec train` calls it before `compile`.

        Args:
            pairs: (N, 2) int32 of `tfrec.data.known_pairs`: the distinct pairs of a user and an item.
        """

    def finish_training(self, pairs: np.ndarray) -> None:
        """Compute what depends on the trained weights; `tfrec train` calls it after `fit`.

        Args:
            pairs: as for `begin_training`.
        """

    def id_sizes(self) -> dict[str, int]:
        """Number of ids of a history (the items, 0, 1, and the mask if the model has one), and of user ids."""
        mask, num_users = getattr(self, "mask_id", None), getattr(self, "num_users", None)
        rows = self._rows()
        users = {} if num_users is None else {"user": num_users + RESERVED_IDS}
        return users if rows is None else {"history": rows if mask is None else max(rows, mask + 1), **users}

    def _target_sizes(self) -> dict[str, int]:
        rows = self._rows()
        return {} if rows is None else {"targets": rows}

    def _rows(self) -> int | None:
        """Rows of the item table; None if a custom model has not created it yet."""
        num_items = getattr(self, "num_items", None)
        if num_items is not None:
            return num_items + RESERVED_IDS
        return self.item_table().shape[0] if self.built else None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras. Batches may hold more than the model reads, for the metrics or for `supervise_attention`.

        Raises:
            ValueError: if the batch lacks an input.
        """
        return self._recorded(super().__call__, *self._read(args), **kwargs)

    def stateless_call(self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, **kwargs: Any) -> Any:
        """As in Keras. On JAX, a step uses this instead of `__call__`."""
        variables = trainable_variables, non_trainable_variables
        return self._recorded(super().stateless_call, *variables, *self._read(args), **kwargs)

    def _read(self, args: tuple) -> tuple:
        """The arguments of a call, without inputs that the model does not read."""
        given = args[0] if args and isinstance(args[0], Mapping) else None
        if given is None or not (
            self.objective == "user-item" or self._wants_attention or {"user", GIVEN} & {*given, *self.input_names}
        ):
            return args
        return (self._own_inputs(given), *args[1:])

    def _recorded(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a call, whose attention weights `supervise_attention` gets if it needs them."""
        if not self._wants_attention:
            return call(*args, **kwargs)
        with attention_record() as found:
            outputs = call(*args, **kwargs)
        self._supervision.learn(list(self.attention_axes), found)
        return outputs

    # === Inference ===

    def embed(self, inputs: Any) -> Any:
        """The query vector of each row at its newest item, (B, D) float32, or its K vectors, (B, K, D).

        Padding and unknown ids are ignored at any position of the history. Unknown users are folded in.
        """
        return ops.cast(self._queries(self._query_inputs(inputs)), "float32")

    def score(self, inputs: Any, item_ids: Any = None) -> Any:
        """The score of every id for each row, (B, V + 2) float32, or of given ids; ids 0 and 1 get -inf.

        A row without a known user or item gets the popularity scores, as in an export.

        Args:
            inputs: as for the model itself; for a model that reads user ids: "user" (B,), "history" (B, L), or both.
            item_ids: (B, C) ids to score, (B, C) float32; None scores all.
        """
        inputs = self._query_inputs(inputs)
        scores = self._scores_of(self._queries(inputs), item_ids)
        known = self.is_known(inputs)
        if known is None:
            return scores
        popularity = self._popularity(self.item_table().shape[0])
        if item_ids is not None:
            popularity = ops.take(popularity, item_ids, axis=0)
        return ops.where(ops.expand_dims(known, 1), scores, popularity)

    def is_known(self, inputs: Mapping[str, Any]) -> Any:
        """Whether the model itself can score a row, (B,) bool; other rows get popularity scores. None if unknown.

        The model can score a row with a known user, or with a known item if it reads histories or folds them in.
        """
        found = ops.any(is_item(inputs["history"]), axis=1) if "history" in inputs and self.folds_in else None
        if "user" not in self.input_names:
            return found
        of_user = is_item(inputs["user"])
        return of_user if found is None else ops.logical_or(of_user, found)

    def _query_inputs(self, inputs: Any) -> Any:
        inputs, sizes = left_padded(inputs, self.name, self.id_sizes()), self.id_sizes()
        return with_users(inputs, self.name, sizes) if "user" in self.input_names else inputs

    def _queries(self, inputs: Any) -> Any:
        """The output of `call` at the newest position; for unknown users, that of `fold_in`."""
        inputs = _with_a_position(inputs)
        queries = tree.map_structure(self._newest_query, self(inputs, training=False))
        if "user" not in self.input_names or "history" in self.input_names or not self.folds_in:
            return queries
        is_user = is_item(inputs["user"])

        def known_or(query: Any, folded: Any) -> Any:
            known = ops.reshape(is_user, (-1, *(1 for _ in query.shape[1:])))
            return ops.where(known, query, ops.cast(folded, query.dtype))

        return tree.map_structure(known_or, queries, self.fold_in(inputs["history"]))

    def _scores_of(self, queries: Any, item_ids: Any = None) -> Any:
        """Queries to the scores of all ids, (B, V + 2), or of given ids, (B, C)."""
        if item_ids is None:
            return self._scores(ops.cast(queries, "float32"))
        queries = ops.cast(queries if self.num_interests is not None else ops.expand_dims(queries, 1), "float32")
        rows = ops.cast(ops.take(self.item_table(), item_ids, axis=0), "float32")
        scores = ops.max(ops.matmul(queries, ops.transpose(rows, (0, 2, 1))), axis=1)
        return ops.where(is_item(item_ids), scores, -float("inf"))

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
        inputs = self._query_inputs(inputs)
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
        how = {
            "items": self._loss_items(self.loss, training),
            "seed": self._negatives_seed,
            "only_real": dynamic,
            "training": training,
        }
        loss = self.loss(y, y_pred, sample_weight, **how)
        return sum(self.losses, start=loss)

    def _loss_items(self, loss: ItemLoss, training: bool) -> Any:
        """The item vectors that a loss gets: the whole table, unless the loss needs another form."""
        return self.item_table()

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Rank the catalogue at the newest position, with the history masked, and update the metrics."""
        history = x.get("history") if isinstance(x, Mapping) else x
        flags = {} if history is None else step_checks.flags({_PADDING: has_padding_after_items(history)})
        if self._is_training or not self._has_ranking_metrics:
            return {**self.get_metrics_result(), **flags}
        targets = _newest(y, sequence_rank=2)
        scores = self._scores_of(tree.map_structure(self._newest_query, y_pred))
        # NaN cannot be ordered: a diverged model would get arbitrary ranks.
        is_number = ops.all(ops.isfinite(scores[:, RESERVED_IDS:]), axis=-1, keepdims=True)
        scores = scores if history is None else mask_items(scores, history)
        scores = ops.maximum(scores, -1e9)  # Keras' top-k metrics give 0 where any score is infinite
        labels, scores = shortlist(scores, targets, min(_LONGEST_LIST, scores.shape[1]))
        labels, scores = ops.where(is_number, labels, ops.zeros_like(labels)), ops.where(is_number, scores, 0.0)
        return {**super().compute_metrics(x, labels, scores, ops.cast(is_item(targets), "float32")), **flags}

    def _check_messages(self) -> dict[str, str]:
        return {
            _PADDING: "A history of this batch has padding (id 0) behind an item. Models read the newest item at the "
            "last position: pad on the left, for instance with keras.utils.pad_sequences(histories, padding='pre') or "
            "tfrec.data.sequences."
        }

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics; in training only of the losses, because the others are not computed there."""
        if not self._is_training:
            return super().get_metrics_result()
        first, *others = self.metrics
        return {one.name: one.result() for one in (first, *others) if one is first or one.name == METRIC}

    @property
    def _has_ranking_metrics(self) -> bool:
        return len(self.metrics) > 1 + (self._supervision is not None)  # beside the trackers of the losses

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

    def _real_positions(self, inputs: Mapping[str, Any], axis: str) -> Any:
        """(B, size) bool along an axis that begins with the history, False at padding; None for other axes."""
        if not axis.startswith("history"):
            return None
        real = ops.not_equal(inputs["history"], PADDING_ID)
        return ops.concatenate([real, ops.ones_like(real[:, :1])], axis=1) if "+" in axis else real

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

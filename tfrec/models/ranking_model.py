"""Base class of ranking models, which score one (user, candidate, context) at a time."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tfrec.losses import attention_divergence
from tfrec.models import step_checks
from tfrec.models.compiled_losses import ranking_loss
from tfrec.models.compiled_metrics import ranking_metrics
from tfrec.models.known_ids import check_ids
from tfrec.models.no_rows import of_any_rows
from tfrec.models.recommender import Recommender
from tfrec.ops import PADDING_ID

TASKS = ("click", "rating")
_LABELS = "labels"


class RankingModel(Recommender):
    """Base class of models with one output per row: a click logit or a rating.

    `model(inputs)` returns (B, 1). Train it with stock `fit`, and with
    `keras.losses.BinaryCrossentropy(from_logits=True)` or "binary_crossentropy" for clicks and
    `keras.losses.MeanSquaredError()` for ratings. Click labels lie between 0 and 1. `predict` returns the outputs,
    which are logits for clicks; `score` returns probabilities. Metrics of `compile` get the output of `score`:
    probabilities, or ratings clipped to their range.

    Attention can be supervised. With `attention_supervision` λ above 0, a batch may hold an additional input
    `given_<name>` for any name of `attention_axes`: the weight that each position should get, (B, L), or with axes of
    heads and queries in between. Then

    ```
    loss = prediction + λ sum over the names given of mean over the batch of KL(given || learned)
    ```

    where KL is `tfrec.losses.attention_divergence`: rows whose given weights are all 0 are not supervised, and padding
    is ignored. Without `given_<name>`, as in serving, the loss and the inputs stay the same.

    A subclass builds a functional graph over `tfrec.models.feature_inputs` and passes its inputs, its output and its
    attention weights to this constructor. It stores its own arguments as attributes.

    Args:
        inputs: name -> input tensor.
        outputs: (B, 1).
        task: "click" or "rating".
        rating_range: (lowest, highest) rating; `score` clips to it. None for clicks.
        attention: name -> (weights, names of the axes after the batch axis). Axes are "head", "history" for the
            positions of the history, "history+candidate" if the candidate follows them, a key of `attention_labels`, or
            "history+" and such a key if the entries of that axis follow the history.
        attention_labels: name of an axis -> labels of its entries: names of features, pairs or experts.
        attention_supervision: λ. Every model takes it by keyword.

    Raises:
        ValueError: if the task is unknown, the range is invalid, λ is negative, or λ is positive for a model without
            attention.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any],
        outputs: Any,
        task: str = "click",
        rating_range: Sequence[float] | None = None,
        attention: Mapping[str, tuple[Any, tuple[str, ...]]] | None = None,
        attention_labels: Mapping[str, Sequence[str]] | None = None,
        attention_supervision: float = 0.0,
        **kwargs: Any,
    ) -> None:
        check_task(task, rating_range)
        if attention_supervision < 0 or (attention_supervision and not attention):
            raise ValueError(
                "attention_supervision must be at least 0, and 0 for a model without attention; "
                f"got {attention_supervision!r}."
            )
        super().__init__(inputs=dict(inputs), outputs=outputs, **kwargs)
        self.task = task
        self.rating_range = rating_range
        attention = dict(attention or {})
        self.attention_axes = {name: list(axes) for name, (_, axes) in attention.items()}
        self.attention_labels = {axis: list(labels) for axis, labels in (attention_labels or {}).items()}
        weights = {name: tensor for name, (tensor, _) in attention.items()}
        # Store a bound method and not the Function: Keras would save every layer of a Function again.
        self._attend = keras.Function(dict(inputs), weights).__call__ if weights else None
        self.attention_supervision = attention_supervision
        self._supervised = (
            functools.cache(lambda: keras.Function(dict(inputs), {"": outputs, **weights})) if weights else None
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the output, and add the attention supervision to the losses."""
        own = self._own_inputs(inputs)
        given = {name: inputs[f"given_{name}"] for name in self.attention_axes if f"given_{name}" in inputs}
        given = given if self.attention_supervision else {}
        if not given and not self._wants_attention:
            return super().call(own, training=training, mask=mask)
        # One pass computes both. Layers read from the call context whether this is training.
        found = self._supervised()(_tensors(own))
        if self._wants_attention:
            names = list(self.attention_axes)
            self._supervision.learn(names, [found[name] for name in names])
        for name, wanted in given.items():
            axes = self.attention_axes[name]
            real = self._real_positions(own, axes[-1])
            is_query = self._real_positions(own, axes[-2]) if len(axes) > 1 else None
            if is_query is not None:  # ignore queries at padding, too
                wanted = wanted if len(wanted.shape) > 2 else ops.expand_dims(wanted, 1)
                is_query = ops.expand_dims(is_query, -1 if len(wanted.shape) == 3 else (1, 3))
                wanted = ops.where(is_query, wanted, 0.0)
            divergence = ops.mean(attention_divergence(wanted, found[name], real))
            # keras.Model disables add_loss for functional models.
            keras.layers.Layer.add_loss(self, self.attention_supervision * divergence)
        return found[""]

    def score(self, inputs: Any) -> Any:
        """Click probability or rating of each row: (B,) float32."""
        return ops.squeeze(self.readable(self(inputs, training=False)), axis=-1)

    def attention_weights(self, inputs: Any) -> dict[str, Any]:
        """The weights of every attention of the model, by name: (B, ...) float32.

        `attention_axes[name]` names the axes after the batch axis, and `attention_labels` labels their entries.

        Args:
            inputs: as for the model itself.

        Raises:
            ValueError: if the model has no attention, or an input is missing.
        """
        if self._attend is None:
            raise ValueError(f"{type(self).__name__} has no attention weights: use a model with attention.")
        own = self._own_inputs(inputs)
        check_ids(self.name, own, self.id_sizes())
        found = of_any_rows(self._attend, _tensors(own))
        return {name: ops.cast(weights, "float32") for name, weights in found.items()}

    def _real_positions(self, inputs: Mapping[str, Any], axis: str) -> Any:
        """(B, size) bool along an axis that begins with the history, False at padding; None for other axes."""
        if not axis.startswith("history"):
            return None
        real = ops.not_equal(inputs["history"], PADDING_ID)
        behind = axis.partition("+")[2]
        if not behind:
            return real
        always = ops.ones_like(inputs["history"][:, :1], dtype="bool")
        return ops.concatenate([real] + [always] * len(self.attention_labels.get(behind, [behind])), axis=1)

    @property
    def _predict_note(self) -> str:
        if self.task == "click":
            return "predict() returns click logits, (B, 1). For probabilities, (B,), call score(inputs)."
        return "predict() returns ratings, (B, 1). For ratings within their range, (B,), call score(inputs)."

    def _loss_meant(self, loss: Any, loss_weights: Any) -> tuple[Any, Any]:
        return ranking_loss(loss, loss_weights, self.task)

    def _metrics_meant(self, metrics: Any) -> Any:
        return ranking_metrics(metrics, self.task)

    def _check_messages(self) -> dict[str, str]:
        if self.task == "rating":
            return {_LABELS: "A rating is NaN or infinite: drop those rows."}
        return {
            _LABELS: "Click labels must lie between 0 and 1, but some do not. Convert labels of -1 and 1 with "
            "(label + 1) / 2, convert ratings to clicks (Examples.from_interactions(table, positive=4)), "
            'or build the model with task="rating".'
        }

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss of `compile`, plus the losses of the layers."""
        if self.loss is None and training:
            what = "BinaryCrossentropy(from_logits=True)" if self.task == "click" else "MeanSquaredError()"
            raise ValueError(f"The model is compiled without a loss: call compile(loss=keras.losses.{what}).")
        return super().compute_loss(x, _column(y), y_pred, _of_rows(sample_weight), training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Compute the metrics on the output of `score`."""
        sample_weight = _of_rows(sample_weight)
        found = super().compute_metrics(x, _column(y), self.readable(y_pred), sample_weight)
        labels = ops.reshape(ops.cast(y, "float32"), (-1,))
        right = ops.logical_and(labels >= 0, labels <= 1) if self.task == "click" else ops.isfinite(labels)
        wrong = ops.logical_not(right)
        if sample_weight is not None:  # a label of weight 0 is ignored
            wrong = ops.logical_and(wrong, ops.reshape(sample_weight, (-1,)) != 0)
        return {**found, **step_checks.flags({_LABELS: wrong})}

    def id_sizes(self) -> dict[str, int]:
        """Number of values of each categorical or multi-valued input, and of each sequence of one."""
        by_name = {feature["name"]: feature for feature in getattr(self, "features", ())}
        sizes = {name: by_name.get(one.get("of") or name, {}).get("size") for name, one in by_name.items()}
        return {name: size for name, size in sizes.items() if size is not None}

    def readable(self, outputs: Any) -> Any:
        """Convert outputs to click probabilities, or to ratings clipped to their range, float32."""
        outputs = ops.cast(outputs, "float32")
        if self.task == "click":
            return ops.sigmoid(outputs)
        return outputs if self.rating_range is None else ops.clip(outputs, *self.rating_range)


def _column(labels: Any) -> Any:
    """(B, 1), as the outputs: with (B,), a custom loss would broadcast and compare each row with every other."""
    if _rank(labels) is None:
        return ops.reshape(labels, (-1, 1))
    return ops.expand_dims(labels, -1) if _rank(labels) == 1 else labels


def _of_rows(weights: Any) -> Any:
    """Sample weights as (B,) where their rank is unknown."""
    return ops.reshape(weights, (-1,)) if weights is not None and _rank(weights) is None else weights


def _rank(tensor: Any) -> int | None:
    """None in a graph that TensorFlow traced for both (B,) and (B, 1)."""
    shape = tensor.shape
    return None if getattr(shape, "rank", 0) is None else len(shape)


def _tensors(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ops.convert_to_tensor(value) for name, value in inputs.items()}


def check_task(task: str, rating_range: Sequence[float] | None) -> None:
    """Raise `ValueError` if the task is unknown or the rating range is invalid."""
    if task not in TASKS:
        raise ValueError(f'task must be "click" or "rating", got {task!r}.')
    if rating_range is None:
        return
    if task == "click" or len(rating_range) != 2 or not rating_range[0] < rating_range[1]:
        raise ValueError(
            f"rating_range must be (lowest, highest) for ratings and None for clicks, got {rating_range!r}."
        )

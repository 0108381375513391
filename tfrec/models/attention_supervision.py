"""The joint loss: a model learns its attention from a teacher, or from weights in the batch, beside its predictions."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from tfrec.errors import InputError
from tfrec.losses import attention_divergence
from tfrec.models.attention_pairs import Side, heads_first, pairs_of, without_heads
from tfrec.models.known_ids import differing

GIVEN = "given_attention"  # input of a batch: the weights that the positions of the history should get
METRIC = "attention_kl"


class AttentionSupervision:
    """Adds λ KL(target || learned) to the loss of a model in its training and evaluation steps.

    See `tfrec.models.Recommender.supervise_attention`. This is no Keras object, so it is not part of a saved model.

    Args:
        student: the model that learns.
        weight: λ, above 0.
        teacher: a trained model; None takes the targets from the batch.
        attentions: names of `student.attention_axes`; None takes all that have a target.

    Raises:
        InputError: if student and teacher do not fit together, or an attention has no target.
    """

    def __init__(self, student: Any, weight: float, teacher: Any, attentions: Sequence[str] | None) -> None:
        self.weight = float(weight)
        self.teacher = teacher
        self.tracker: Any = None
        self._learned: dict[str, Any] = {}
        self._in_step = False
        axes = _axes_of(student, "The model")
        if attentions is not None:
            unknown = [name for name in attentions if name not in axes]
            if unknown or isinstance(attentions, str) or not attentions:
                raise InputError(
                    f"attentions must be a list of names among {', '.join(axes)}, got {attentions!r}: these are the "
                    f"attentions of {student.name}."
                )
        if teacher is None:
            found = [(name, None) for name, own in axes.items() if own[-1].startswith("history")]
            if getattr(student, "objective", None) == "masked-item":
                raise InputError(
                    f"{type(student).__name__} learns from masked batches, which hold no weights of its positions: "
                    "name a teacher, or use a model that predicts the next item."
                )
        else:
            self._check_teacher(student)
            found = pairs_of(_side(student, axes), _side(teacher, _axes_of(teacher, "The teacher")))
        self.pairs = [(own, other) for own, other in found if attentions is None or own in attentions]
        if not self.pairs:
            raise InputError(
                f"No attention of {student.name} ({_described(student)}) has a target"
                + (" in attentions" if attentions is not None else "")
                + (
                    ": weights of the batch supervise attention over the history."
                    if teacher is None
                    else f" in the teacher {teacher.name} ({_described(teacher)}). Both must attend over the same "
                    "axes; with different numbers of layers, only the last one has a target."
                )
            )

    # === Checks ===

    def _check_teacher(self, student: Any) -> None:
        teacher = self.teacher
        if teacher is student:
            raise InputError("The teacher is the model itself: name another, trained model.")
        self.check_vocabulary(student, student.bound_vocabulary or {})
        sizes, others = (one._target_sizes() or one.id_sizes() for one in (student, teacher))
        wrong = sorted(name for name in sizes.keys() & others.keys() if sizes[name] != others[name])
        if wrong:
            raise InputError(
                f"The teacher {teacher.name} has another vocabulary than {student.name}: it knows "
                f"{others[wrong[0]]:,} ids of '{wrong[0]}', the model {sizes[wrong[0]]:,}. Train both on the same data "
                "with the same split."
            )
        longest, other = (getattr(one, "max_length", None) for one in (student, teacher))
        if longest is not None and other is not None and other < longest:
            raise InputError(
                f"The teacher {teacher.name} reads histories of up to {other} items, the model of up to {longest}: set "
                f"max_length to at most {other}, or train a teacher for longer histories."
            )

    def check_vocabulary(self, student: Any, hashes: Mapping[str, str]) -> None:
        """Raise `InputError` if the teacher was trained with another vocabulary than the data of the student."""
        wrong = differing((self.teacher.bound_vocabulary if self.teacher is not None else None) or {}, hashes)
        if wrong:
            raise InputError(
                f"The teacher {self.teacher.name} has another vocabulary than {student.name}: the ids of "
                f"{', '.join(map(repr, wrong))} differ. Train both on the same data with the same split."
            )

    # === In a step ===

    @contextmanager
    def step(self) -> Iterator[None]:
        """While a training or evaluation step runs: outside of a step, the model computes only its output."""
        self._in_step = True
        try:
            yield
        finally:
            self._in_step, self._learned = False, {}

    @property
    def in_step(self) -> bool:
        """Whether the weights of this call of the model are needed."""
        return self._in_step

    def learn(self, names: Sequence[str], weights: Sequence[Any]) -> None:
        """Keep the weights of the student's call for `loss`."""
        if len(names) != len(weights):
            raise InputError(
                f"The model names {len(names)} attentions in attention_axes, but its layers recorded {len(weights)}."
            )
        self._learned = dict(zip(names, weights, strict=True))

    def loss(self, student: Any, inputs: Any, training: bool) -> Any:
        """λ KL, a scalar; the mean over the layers, and over the rows of the batch."""
        targets = self._targets(student, inputs, training)
        if not targets:
            return 0.0
        if not self._learned:
            raise InputError(f"The call of {student.name} recorded no attention weights, so they cannot be supervised.")
        axes, for_each_head = student.attention_axes, self.teacher is None
        rows = [
            _divergence(student, inputs, axes[name], target, self._learned[name], for_each_head)
            for name, target in targets.items()
        ]
        number = ops.cast(ops.shape(next(iter(inputs.values())))[0], "float32")
        found = sum(ops.sum(one) for one in rows) / (ops.maximum(number, 1.0) * len(rows))
        if self.tracker is not None:
            self.tracker.update_state(found, sample_weight=number)
        return student._aggregate_additional_loss(self.weight * found)

    def _targets(self, student: Any, inputs: Any, training: bool) -> dict[str, Any]:
        """Name of an attention -> the shares that its keys should get, (B, H or 1, ..., K), without gradient."""
        if self.teacher is not None:
            found = self.teacher.attention_weights(inputs)
            axes = self.teacher.attention_axes
            return {own: _shares(student, inputs, axes[other], found[other]) for own, other in self.pairs}
        targets = {}
        for name, _ in self.pairs:
            given = inputs.get(f"given_{name}", inputs.get(GIVEN))
            if given is not None:
                axes = student.attention_axes[name]
                targets[name] = _shares(student, inputs, axes, _spread(student, given, axes, inputs), raw=True)
        if training and not targets:
            raise InputError(
                f"{student.name} learns its attention from the batches, but they hold no '{GIVEN}': pass "
                "attention=COLUMN to tfrec.data.sequences or tfrec.data.labelled, or name a teacher."
            )
        return targets


def _divergence(student: Any, inputs: Any, axes: Sequence[str], target: Any, learned: Any, for_each_head: bool) -> Any:
    """(B,): the mean over heads and queries. One target can be that of each head, or that of their mean."""
    learned = _shares(student, inputs, axes, learned)
    if target.shape[1] != learned.shape[1] and not for_each_head:
        target = ops.mean(target, axis=1, keepdims=True)
        learned = ops.mean(learned, axis=1, keepdims=True)
    queries = without_heads(axes)[:-1]
    real = student._real_positions(inputs, queries[0]) if queries else None
    if real is not None:  # a query at padding has no target
        target = ops.where(ops.expand_dims(real, (1, 3)), target, 0.0)
    target = ops.stop_gradient(target + ops.zeros_like(learned))
    return attention_divergence(target, learned)


def _shares(student: Any, inputs: Any, axes: Sequence[str], weights: Any, raw: bool = False) -> Any:
    """Weights as shares of the keys that a query may see, heads first. Attentions without softmax have signed weights,
    whose magnitudes are compared; `raw` weights are those of a batch."""
    weights = ops.cast(weights, "float32")
    weights = weights if raw else heads_first(ops.abs(weights), axes)
    *queries, keys = without_heads(axes)
    real = student._real_positions(inputs, keys)
    if real is not None:
        weights = ops.where(ops.expand_dims(real, (1, 2) if queries else 1), weights, 0.0)
    if queries and queries[0].startswith("history") and keys.startswith("history") and _is_causal(student):
        asked = ops.expand_dims(ops.arange(ops.shape(inputs["history"])[1]), 1)
        place = ops.arange(ops.shape(weights)[-1])
        behind = place >= ops.shape(inputs["history"])[1]  # what follows the history is no later event
        weights = ops.where(ops.logical_or(place <= asked, behind), weights, 0.0)
    weights = ops.where(weights > 0, weights, 0.0)  # NaN is not greater than 0
    total = ops.sum(weights, axis=-1, keepdims=True)
    return weights / ops.where(total > 0, total, 1.0)


def _spread(student: Any, given: Any, axes: Sequence[str], inputs: Any) -> Any:
    """Weights of the batch, (B, L) or with queries or heads and queries, as (B, H or 1, ..., K)."""
    given = ops.convert_to_tensor(given)
    *queries, keys = without_heads(axes)
    while len(given.shape) < 3 + len(queries):
        given = ops.expand_dims(given, 1)
    behind = keys.partition("+")[2]
    if behind and given.shape[-1] == inputs["history"].shape[-1]:  # what follows the history gets no weight
        number = len(getattr(student, "attention_labels", {}).get(behind, [behind]))
        given = ops.concatenate([given] + [ops.zeros_like(given[..., :1])] * number, axis=-1)
    return given


def _is_causal(model: Any) -> bool:
    return getattr(model, "objective", None) == "next-item" or bool(getattr(model, "causal", False))


def _axes_of(model: Any, what: str) -> Mapping[str, Sequence[str]]:
    axes = getattr(model, "attention_axes", None) if model.attends_in_call else None
    if not axes or getattr(model, "softmax", True) is False:
        why = (
            "has no attention whose weights can be recorded: use a model with attention"
            if not axes
            else f"has weights that are no shares: build {type(model).__name__} with softmax=True"
        )
        raise InputError(f"{what} {model.name} ({type(model).__name__}) {why}.")
    return axes


def _side(model: Any, axes: Mapping[str, Sequence[str]]) -> Side:
    return Side(axes, getattr(model, "attention_labels", {}))


def _described(model: Any) -> str:
    return "; ".join(f"{name} over {' x '.join(without_heads(axes))}" for name, axes in model.attention_axes.items())


def check_weight(weight: Any) -> None:
    """Raise `InputError` if λ is not a finite number of at least 0."""
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
        raise InputError(f"The weight of the attention loss must be a finite number, 0 or above, got {weight!r}.")


def tracker() -> keras.metrics.Metric:
    """The metric that `fit` shows: the mean KL, without λ."""
    return keras.metrics.Mean(name=METRIC)

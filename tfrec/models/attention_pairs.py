"""Pair the attentions of a student with those of its teacher, and give both the same shape."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from keras import ops

HEADS = ("head", "interest")  # axes that number the weights of one attention; all others are positions or features


class Side(NamedTuple):
    """The attentions of a model that can be compared, in the order of its layers.

    Attributes:
        axes: name of an attention -> names of its axes after the batch axis.
        labels: name of an axis -> labels of its entries, as in `RankingModel.attention_labels`.
    """

    axes: Mapping[str, Sequence[str]]
    labels: Mapping[str, Sequence[str]]


def pairs_of(student: Side, teacher: Side) -> list[tuple[str, str]]:
    """Pairs of attentions, (of the student, of the teacher).

    Attentions whose names differ only in their number, such as block_0 and block_1, are layers of one stack. Stacks of
    one name and of equal height are paired layer by layer. If their heights differ, the last layer is paired with the
    last, as in MiniLM. If no names agree, the last attention of the student is paired with the last one of the teacher.
    Attentions over different axes, or over features with different names, are not paired.

    Example:
        >>> axes = ["head", "history", "history"]
        >>> student, large = Side({"block_0": axes}, {}), Side({"block_0": axes, "block_1": axes}, {})
        >>> pairs_of(student, large), pairs_of(large, large)
        ([('block_0', 'block_1')], [('block_0', 'block_0'), ('block_1', 'block_1')])
    """
    own, others = _stacks(student.axes), _stacks(teacher.axes)
    found: list[tuple[str, str]] = []
    for name in own.keys() & others.keys() or ():
        same = len(own[name]) == len(others[name])
        found += zip(own[name], others[name], strict=True) if same else [(own[name][-1], others[name][-1])]
    if not own.keys() & others.keys() and own and others:
        found = [(list(student.axes)[-1], list(teacher.axes)[-1])]
    order = list(student.axes)
    return sorted(
        (pair for pair in found if _compared(student, pair[0]) == _compared(teacher, pair[1])),
        key=lambda pair: order.index(pair[0]),
    )


def heads_first(weights: Any, axes: Sequence[str]) -> Any:
    """(B, ..., L) to (B, H, ..., L): the axis of heads, or one that is added, behind the batch axis."""
    place = next((place for place, axis in enumerate(axes) if axis in HEADS), None)
    return ops.expand_dims(weights, 1) if place is None else ops.moveaxis(weights, 1 + place, 1)


def without_heads(axes: Sequence[str]) -> list[str]:
    """The axes of `heads_first` behind that of the heads: the queries, if there are several, and the keys."""
    return [axis for axis in axes if axis not in HEADS]


def _stacks(axes: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in axes:
        found.setdefault(re.sub(r"_\d+$", "", name), []).append(name)
    return found


def _compared(side: Side, name: str) -> list[tuple[str, tuple[str, ...]]]:
    """The axes of an attention with the labels of their entries, without heads, whose numbers may differ."""
    return [(axis, tuple(side.labels.get(axis.rpartition("+")[2], ()))) for axis in without_heads(side.axes[name])]

"""Record attention weights: layers compute and store them only inside `attention_record`."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

_FOUND: ContextVar[list[Any] | None] = ContextVar("found", default=None)


@contextlib.contextmanager
def attention_record() -> Iterator[list[Any]]:
    """Collect the weights of every attention layer called within the context, in the order of the calls.

    Outside the context nothing is recorded, so training and serving can use fused kernels and attentions that never
    hold their weights.

    Example:
        >>> import numpy as np
        >>> from tfrec.layers import SoftmaxAttention
        >>> x, mask = np.ones((1, 3, 4), "float32"), np.array([[False, True, True]])
        >>> layer = SoftmaxAttention()
        >>> with attention_record() as found:
        ...     outputs = layer(x, x, mask)
        >>> np.asarray(found[0])[0, 0, -1].tolist()
        [0.0, 0.5, 0.5]
    """
    found: list[Any] = []
    token = _FOUND.set(found)
    try:
        yield found
    finally:
        _FOUND.reset(token)


def is_recorded() -> bool:
    """Whether weights are being recorded."""
    return _FOUND.get() is not None


def record(weights: Any) -> None:
    """Store weights, (B, ...), if a recording is active."""
    found = _FOUND.get()
    if found is not None:
        found.append(weights)

"""Recording of attention weights: layers compute and store them here only while a call is recorded."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

_FOUND: ContextVar[list[Any] | None] = ContextVar("found", default=None)


@contextlib.contextmanager
def attention_record() -> Iterator[list[Any]]:
    """Collect the weights of every attention layer called within the context, in the order of the calls.

    In training and serving nobody asks, and an attention that never holds its weights, or leaves them to a fused
    kernel, is not made to.

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

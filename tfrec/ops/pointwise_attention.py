"""Causal attention with SiLU in place of softmax, a part of the queries at a time."""

import itertools
from typing import Any

from keras import ops

PARTS = 4  # as quick as it gets at length 200 on two cores; all parts together make 5/8 of the score matrix


def pointwise_attention(queries: Any, keys: Any, values: Any, bias: Any) -> Any:
    """What each position gathers from itself and the past: `sum_j silu(q_i . k_j + b_ij) v_j` over j <= i.

    No row is normalised, so a position whose value is zero, as padding should be, adds nothing.

    Elementwise passes over (B, H, L, L) are what such an attention costs on a CPU. So it goes through the queries in
    four parts and leaves out the keys that are ahead of a whole part. Its gradient is written by hand: it computes the
    scores again, part by part, so nothing of that size is kept from the way there.

    Args:
        queries: (B, H, L, d) tensor.
        keys: (B, H, L, d) tensor.
        values: (B, H, L, e) tensor.
        bias: (L, L) or (B, L, L) tensor, the same for all heads.

    Returns:
        (B, H, L, e) tensor.

    Reference:
        Zhai et al., ICML 2024, arXiv 2402.17152, whose GPU kernel never stores the scores either.

    Example:
        >>> import numpy as np
        >>> x = np.ones((1, 1, 3, 2), "float32")
        >>> y = pointwise_attention(x, x, x, np.zeros((3, 3), "float32"))
        >>> [f"{gathered:.2f}" for gathered in np.asarray(y)[0, 0, :, 0]]      # silu(2) from one, two and three
        ['1.76', '3.52', '5.28']
    """
    arguments = [ops.convert_to_tensor(tensor) for tensor in (queries, keys, values, bias)]
    return ops.custom_gradient(_attention)(*arguments)


def _attention(queries: Any, keys: Any, values: Any, bias: Any) -> tuple[Any, Any]:
    length = ops.shape(queries)[2]
    ends = [length * part // PARTS for part in range(PARTS + 1)]
    parts = list(itertools.pairwise(ends))

    def scores_and_gates(first: Any, end: Any) -> tuple[Any, Any]:
        """`x = q k + b` and `s = sigmoid(x)`, which is 0 ahead of the query, for a part: silu(x) = x s."""
        part_bias = bias[..., first:end, :end]
        if len(bias.shape) == 3:
            part_bias = ops.expand_dims(part_bias, 1)
        x = ops.matmul(queries[:, :, first:end], _swap(keys[:, :, :end])) + part_bias
        behind = ops.expand_dims(ops.arange(first, end), 1) >= ops.arange(end)
        return x, ops.sigmoid(x) * ops.cast(behind, x.dtype)

    gathered = []
    for first, end in parts:
        x, gate = scores_and_gates(first, end)
        gathered.append(ops.matmul(x * gate, values[:, :, :end]))

    def gradient(*upstreams: Any, upstream: Any = None) -> tuple[Any, Any, Any, Any]:
        upstream = upstreams[0] if upstream is None else upstream
        d_queries, d_bias = [], []
        d_keys = d_values = 0
        for first, end in parts:
            x, gate = scores_and_gates(first, end)
            weights, above = x * gate, upstream[:, :, first:end]
            # silu'(x) = s + silu(x) (1 - s); where s was set to 0 so is silu(x), and the slope is 0 as it should be.
            d_x = ops.matmul(above, _swap(values[:, :, :end])) * (gate + (weights - weights * gate))
            d_queries.append(ops.matmul(d_x, keys[:, :, :end]))
            d_keys = d_keys + _lengthen(ops.matmul(_swap(d_x), queries[:, :, first:end]), length, axis=2)
            d_values = d_values + _lengthen(ops.matmul(_swap(weights), above), length, axis=2)
            part_bias = ops.sum(d_x, axis=1 if len(bias.shape) == 3 else (0, 1))
            d_bias.append(_lengthen(part_bias, length, axis=-1))
        return ops.concatenate(d_queries, axis=2), d_keys, d_values, ops.concatenate(d_bias, axis=-2)

    return ops.concatenate(gathered, axis=2), gradient


def _swap(x: Any) -> Any:
    return ops.swapaxes(x, -1, -2)


def _lengthen(x: Any, length: Any, axis: int) -> Any:
    """Zeros behind, up to `length`."""
    shape = list(ops.shape(x))
    shape[axis] = length - shape[axis]
    return ops.concatenate([x, ops.zeros(shape, dtype=x.dtype)], axis=axis)

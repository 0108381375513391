"""Softmax cross-entropy over the whole catalogue."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tfrec.losses.item_loss import ItemLoss
from tfrec.ops import RESERVED_IDS, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class FullSoftmax(ItemLoss):
    """Softmax cross-entropy with every item of the catalogue as a candidate.

    `loss = logsumexp_j(q . e_j) - q . e_target`, with j over all items except padding and the unknown item.

    The full (T, V) logits are never stored. One pass over the targets computes, for `chunk_size` targets at a time, the
    logits and from them the chunk's part of the loss and of both gradients,

    ```
    p = softmax(q E^T);   dq = p E - e_target;   dE = p^T q - (q at the target's row)
    ```

    and discards them. This saves memory, and also time if a chunk's logits fit into the cache. Evaluation computes only
    the loss.

    Args:
        chunk_size: number of targets at a time; None means as many as give two million logits, but at least 256. Larger
            chunks need more memory, `4 chunk_size V` bytes; smaller ones update the gradient of the whole table more
            often.

    Shapes:
        targets (..., ) ids; queries (..., D); items (V + 2, D); a scalar out. Products are computed in the type of the
        queries (the gradients' in float32 where that is float16) and summed up in float32.

    Raises:
        ValueError: if `chunk_size` is not a positive integer.

    Reference:
        Klenitskiy and Vasilev, "Turning Dross Into Gold Loss: is BERT4Rec really better than SASRec?", RecSys 2023,
        arXiv 2309.07602, on the effect of this loss on SASRec. Wijmans et al., "Cut Your Losses in Large-Vocabulary
        Language Models", 2024, arXiv 2411.09009, for not storing the logits; unlike there, no logit is computed
        twice, because the gradients are computed together with the loss, and no small gradient is skipped.

    Example:
        >>> import numpy as np
        >>> items = np.zeros((6, 3), "float32")          # ids 0 and 1 are reserved: 4 real items
        >>> loss = FullSoftmax()(np.array([[0, 2]]), np.zeros((1, 2, 3), "float32"), items=items)
        >>> round(float(np.exp(loss)), 3)
        4.0
    """

    def __init__(self, chunk_size: int | None = None, name: str = "full_softmax", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.chunk_size = check_size("chunk_size", chunk_size, optional=True)

    def weighted_sum(self, targets: Any, queries: Any, weights: Any, items: Any, seed: Any = None) -> Any:
        """Weighted sum of the cross-entropies of all targets."""
        return self._summed(_weighted_log_sum_exp, targets, queries, weights, items)

    def weighted_value(self, targets: Any, queries: Any, weights: Any, items: Any, seed: Any = None) -> Any:
        """Same value, without the products that only the gradients need."""
        return self._summed(_value, targets, queries, weights, items)

    def _summed(self, log_sum_exp: Callable[..., Any], targets: Any, queries: Any, weights: Any, items: Any) -> Any:
        table = ops.cast(items, queries.dtype)[RESERVED_IDS:]
        labels = ops.maximum(targets - RESERVED_IDS, 0)
        positives = ops.sum(ops.cast(queries * ops.take(table, labels, axis=0), "float32"), axis=-1)
        chunk_size = self.chunk_size or max(256, 2**21 // table.shape[0])
        return log_sum_exp(queries, table, weights, chunk_size) - ops.sum(weights * positives)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "chunk_size": self.chunk_size}


def _weighted_log_sum_exp(queries: Any, table: Any, weights: Any, chunk_size: int) -> Any:
    """`sum_t w_t logsumexp_j(q_t . e_j)` with its gradients by queries and table, `chunk_size` queries at a time."""

    @ops.custom_gradient
    def value(queries: Any, table: Any) -> tuple[Any, Any]:
        total, by_queries, by_table = _value_and_gradients(queries, table, weights, chunk_size)

        def gradient(*args: Any, upstream: Any = None) -> tuple[Any, Any]:
            scale = args[0] if upstream is None else upstream
            return ops.cast(scale * by_queries, queries.dtype), ops.cast(scale * by_table, table.dtype)

        return total, gradient

    return value(queries, table)


def _value(queries: Any, table: Any, weights: Any, chunk_size: int) -> Any:
    chunks, shares, num_chunks = _chunks(queries, weights, chunk_size)

    def add_chunk(index: Any, total: Any) -> tuple[Any, Any]:
        part, _, _ = _of_chunk(ops.take(chunks, index, axis=0), ops.take(shares, index, axis=0), table)
        return index + 1, total + part

    start = (ops.zeros((), "int32"), ops.zeros(()))
    return ops.while_loop(lambda index, _: index < num_chunks, add_chunk, start)[1]


def _chunks(queries: Any, weights: Any, chunk_size: int) -> tuple[Any, Any, Any]:
    """Queries and weights in chunks, (N, S, D) and (N, S, 1), padded with zeros; and N."""
    count, width = ops.shape(queries)[0], queries.shape[1]
    num_chunks = (count + chunk_size - 1) // chunk_size
    # Equal chunks no larger than needed: a few targets in a chunk for thousands would cost as much as thousands.
    some = max(num_chunks, 1) if isinstance(count, int) else ops.maximum(num_chunks, 1)
    chunk_size = (count + some - 1) // some
    fill = num_chunks * chunk_size - count
    chunks = ops.reshape(ops.pad(queries, [[0, fill], [0, 0]]), (num_chunks, chunk_size, width))
    shares = ops.reshape(ops.pad(weights, [[0, fill]]), (num_chunks, chunk_size, 1))
    return chunks, shares, num_chunks


def _of_chunk(chunk: Any, share: Any, table: Any) -> tuple[Any, Any, Any]:
    """A chunk's part of the sum, its exponentials, (S, V), and their sums, (S, 1)."""
    logits = ops.cast(ops.matmul(chunk, ops.transpose(table)), "float32")
    highest = ops.max(logits, axis=-1, keepdims=True)
    exponentials = ops.exp(logits - highest)
    partition = ops.sum(exponentials, axis=-1, keepdims=True)
    return ops.sum(share * (ops.log(partition) + highest)), exponentials, partition


def _value_and_gradients(queries: Any, table: Any, weights: Any, chunk_size: int) -> tuple[Any, Any, Any]:
    chunks, shares, num_chunks = _chunks(queries, weights, chunk_size)
    exact = "float32" if keras.backend.standardize_dtype(queries.dtype) == "float16" else queries.dtype
    candidates = ops.cast(table, exact)

    def add_chunk(index: Any, total: Any, by_queries: Any, by_table: Any) -> tuple[Any, Any, Any, Any]:
        chunk, share = ops.take(chunks, index, axis=0), ops.take(shares, index, axis=0)
        part, exponentials, partition = _of_chunk(chunk, share, table)
        exponentials = ops.cast(exponentials, exact)
        scale = share / partition
        by_chunk = scale * ops.cast(ops.matmul(exponentials, candidates), "float32")
        # The weights scale the narrow factor, which saves one pass over the logits.
        scaled = ops.cast(scale * ops.cast(chunk, "float32"), exact)
        by_table = by_table + ops.cast(ops.matmul(ops.transpose(exponentials), scaled), "float32")
        by_queries = ops.scatter_update(by_queries, ops.reshape(index, (1, 1)), by_chunk[None])
        return index + 1, total + part, by_queries, by_table

    start = (
        ops.zeros((), "int32"),
        ops.zeros(()),
        ops.zeros(ops.shape(chunks)),
        ops.zeros(table.shape),
    )
    _, total, by_queries, by_table = ops.while_loop(lambda index, *_: index < num_chunks, add_chunk, start)
    return total, ops.reshape(by_queries, (-1, queries.shape[1]))[: ops.shape(queries)[0]], by_table

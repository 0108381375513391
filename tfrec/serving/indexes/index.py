"""The interface of all indexes."""

from __future__ import annotations

import tensorflow as tf

UNKNOWN = -1  # code of "no item"
FORBIDDEN = float("-inf")  # its score


class Index(tf.Module):
    """Finds the items whose vectors have the highest inner products with queries.

    Attributes:
        num_items: V. Items are named by their codes, 0 .. V - 1.
    """

    num_items: int

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """The K items with the highest scores, best first; equal scores are ordered by code.

        Args:
            queries: (B, I, D) float32. The score of an item is the highest of its I inner products.
            k: K, an int32 scalar, at most V.
            own: (B,) int32, number of items that each row needs, at most K; None means K. An approximate search uses a
                row's own number to choose how much it reads, so the answer of a row does not depend on the other rows
                of the batch. Only the first `own` items of a row are meaningful.

        Returns:
            (B, K) float32 scores and int32 codes, padded with -inf and -1 if an approximate search finds fewer.
        """
        raise NotImplementedError

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """(B, A) codes of items -> (B, A, D) float32."""
        raise NotImplementedError

    def score(self, queries: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """The scores of given items: (B, I, D) and (B, A) codes -> (B, A) float32."""
        return tf.reduce_max(tf.einsum("bid,bad->bia", queries, self.vectors(codes)), axis=1)

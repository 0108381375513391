"""What every index answers."""

from __future__ import annotations

import tensorflow as tf

UNKNOWN = -1  # the code of what is no item
FORBIDDEN = float("-inf")  # and its score


class Index(tf.Module):
    """Finds the items whose vectors have the highest inner products with queries.

    Attributes:
        num_items: V. Items are named by their codes, 0 .. V - 1.
    """

    num_items: int

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        """The K items with the highest scores, best first, equal ones in the order of their codes.

        Args:
            queries: (B, I, D) float32: the score of an item is the highest of its I inner products.
            k: K, an int32 scalar, at most V.
            own: (B,) int32, how many items each row needs, at most K; None: K for all. How widely an approximate
                search looks for a row follows from the row's own number, so that its answer does not depend on the
                other rows of its batch. Only the first `own` items of a row are of use.

        Returns:
            (B, K) float32 scores and int32 codes; -inf and -1 where an approximate search has found fewer.
        """
        raise NotImplementedError

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """(B, A) codes, all of them items -> (B, A, D) float32."""
        raise NotImplementedError

    def score(self, queries: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
        """The scores of given items: (B, I, D) and (B, A) codes -> (B, A) float32."""
        return tf.reduce_max(tf.einsum("bid,bad->bia", queries, self.vectors(codes)), axis=1)

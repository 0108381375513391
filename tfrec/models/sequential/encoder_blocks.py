"""Build self-attention blocks and attention layers from their names and plain arguments."""

from collections.abc import Mapping
from typing import Any

import keras

from tfrec import layers

ATTENTIONS = ("SoftmaxAttention", "BlockSparseAttention", "LinearAttention", "SegmentRecurrentAttention")
BLOCKS = ("sasrec", "ligr")


def make_block(
    kind: str,
    attention: Mapping[str, Any] | None,
    num_heads: int,
    hidden_dim: int,
    dropout: float,
    dtype: Any = None,
    name: str | None = None,
) -> layers.SelfAttentionBlock:
    """A causal self-attention block.

    Args:
        kind: "sasrec" or "ligr".
        attention: {"class": one of `ATTENTIONS`, further constructor arguments}; None means softmax attention.
        num_heads: H.
        hidden_dim: D.
        dropout: rate.
        dtype: dtype policy of all layers.
        name: name of the block.

    Raises:
        ValueError: if a name or an argument is unknown.
    """
    if isinstance(attention, Mapping) and attention.get("causal", True) is not True:
        raise ValueError(
            "attention must be causal: the model predicts the next item at every position, and would otherwise see "
            "it. Remove 'causal', or use BERT4Rec for bidirectional attention."
        )
    mixing = make_attention(attention, num_heads, dropout, dtype)
    if kind == "sasrec":
        feed_forward = layers.FeedForward(None, "relu", dropout, dtype=dtype, name="feed_forward")
        return layers.SelfAttentionBlock(mixing, feed_forward, "sasrec", dtype=dtype, name=name)
    if kind == "ligr":
        # As many weights as a plain feed-forward network with a hidden width of 4 D.
        feed_forward = layers.GatedFeedForward(8 * hidden_dim // 3, dropout, dtype=dtype, name="feed_forward")
        return layers.SelfAttentionBlock(mixing, feed_forward, "gated", dropout, dtype=dtype, name=name)
    raise ValueError(f"block must be one of {', '.join(BLOCKS)}, got {kind!r}.")


def make_attention(
    attention: Mapping[str, Any] | None, num_heads: int, dropout: float, dtype: Any = None
) -> keras.layers.Layer:
    """Create the attention layer of a block from plain data."""
    if attention is not None and not isinstance(attention, Mapping):
        raise ValueError(f'attention must be a table such as {{"class": "LinearAttention"}}, got {attention!r}.')
    arguments = dict(attention or {})
    kind = arguments.pop("class", ATTENTIONS[0])
    if kind not in ATTENTIONS:
        raise ValueError(f"attention.class must be one of {', '.join(ATTENTIONS)}, got {kind!r}.")
    try:
        return getattr(layers, kind)(
            **{"num_heads": num_heads, "dropout": dropout, **arguments}, dtype=dtype, name="attention"
        )
    except TypeError as error:
        raise ValueError(f"attention is invalid: {error}") from error

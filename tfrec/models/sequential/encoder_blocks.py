"""The blocks that a model names by a word: which small layers they are put together from."""

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
        attention: {"class": one of `ATTENTIONS`, further constructor arguments}; None takes softmax attention.
        num_heads: H.
        hidden_dim: D.
        dropout: rate.
        dtype: policy of all layers.
        name: of the block.

    Raises:
        ValueError: if a name or an argument is not known.
    """
    if isinstance(attention, Mapping) and attention.get("causal", True) is not True:
        raise ValueError(
            "attention must be causal here: the model predicts the next item at every position, and would otherwise "
            "see it. Use BERT4Rec for bidirectional attention."
        )
    mixing = make_attention(attention, num_heads, dropout, dtype)
    if kind == "sasrec":
        feed_forward = layers.FeedForward(None, "relu", dropout, dtype=dtype, name="feed_forward")
        return layers.SelfAttentionBlock(mixing, feed_forward, "sasrec", dtype=dtype, name=name)
    if kind == "ligr":
        # As many weights as a plain map of four times the width has.
        feed_forward = layers.GatedFeedForward(8 * hidden_dim // 3, dropout, dtype=dtype, name="feed_forward")
        return layers.SelfAttentionBlock(mixing, feed_forward, "gated", dropout, dtype=dtype, name=name)
    raise ValueError(f"block must be one of {', '.join(BLOCKS)}, got {kind!r}.")


def make_attention(
    attention: Mapping[str, Any] | None, num_heads: int, dropout: float, dtype: Any = None
) -> keras.layers.Layer:
    """The attention layer of a block, from plain data."""
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

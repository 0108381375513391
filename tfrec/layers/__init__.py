"""Layers of the zoo: plain `keras.layers.Layer`s, one a file."""

from tfrec.layers.append_mask import AppendMask
from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.gated_feed_forward import GatedFeedForward
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.layers.self_attention_block import SelfAttentionBlock
from tfrec.layers.sequence_embedding import SequenceEmbedding
from tfrec.layers.softmax_attention import SoftmaxAttention

__all__ = [
    "AppendMask",
    "FeedForward",
    "GatedFeedForward",
    "PositionEmbedding",
    "SelfAttentionBlock",
    "SequenceEmbedding",
    "SoftmaxAttention",
]

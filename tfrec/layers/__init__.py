"""Layers of the zoo: plain `keras.layers.Layer`s, one a file."""

from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.hstu_block import HSTUBlock
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.layers.relative_bias import RelativePositionBias
from tfrec.layers.self_attention_block import SelfAttentionBlock
from tfrec.layers.sequence_embedding import SequenceEmbedding
from tfrec.layers.unit_norm import UnitNorm

__all__ = [
    "FeedForward",
    "HSTUBlock",
    "PositionEmbedding",
    "RelativePositionBias",
    "SelfAttentionBlock",
    "SequenceEmbedding",
    "UnitNorm",
]

"""Layers of the zoo: plain `keras.layers.Layer`s, one a file."""

from tfrec.layers.additive_pooling import AdditivePooling
from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.item_embedding import ItemEmbedding
from tfrec.layers.long_short_pooling import LongShortPooling
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.layers.self_attention_block import SelfAttentionBlock
from tfrec.layers.sequence_embedding import SequenceEmbedding

__all__ = [
    "AdditivePooling",
    "FeedForward",
    "ItemEmbedding",
    "LongShortPooling",
    "PositionEmbedding",
    "SelfAttentionBlock",
    "SequenceEmbedding",
]

"""Stateless tensor functions on `keras.ops`, which run on every Keras backend, and checks of sizes."""

from tfrec.ops.additive_scores import additive_scores
from tfrec.ops.blocks import neighbours, take_blocks, to_blocks
from tfrec.ops.event_ages import event_ages
from tfrec.ops.feature_pairs import bi_interaction, feature_pairs, pair_products
from tfrec.ops.interests import chosen_interest
from tfrec.ops.last_rows import last_rows
from tfrec.ops.masked_softmax import masked_softmax
from tfrec.ops.masks import is_item, mask_items
from tfrec.ops.pointwise_attention import pointwise_attention
from tfrec.ops.popularity_scores import popularity_scores
from tfrec.ops.prefix_mean import prefix_mean
from tfrec.ops.shortlist import shortlist
from tfrec.ops.sizes import check_heads, check_length, check_pairs, check_size, check_sizes, check_weights
from tfrec.ops.topk import top_items
from tfrec.ops.unit_vectors import unit_vectors
from tfrec.reserved_ids import PADDING_ID, RESERVED_IDS, UNKNOWN_ID

__all__ = [
    "PADDING_ID",
    "RESERVED_IDS",
    "UNKNOWN_ID",
    "additive_scores",
    "bi_interaction",
    "check_heads",
    "check_length",
    "check_pairs",
    "check_size",
    "check_sizes",
    "check_weights",
    "chosen_interest",
    "event_ages",
    "feature_pairs",
    "is_item",
    "last_rows",
    "mask_items",
    "masked_softmax",
    "neighbours",
    "pair_products",
    "pointwise_attention",
    "popularity_scores",
    "prefix_mean",
    "shortlist",
    "take_blocks",
    "to_blocks",
    "top_items",
    "unit_vectors",
]

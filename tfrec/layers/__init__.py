"""The layers of the models: plain `keras.layers.Layer`s, one per file."""

from tfrec.layers.additive_pooling import AdditivePooling
from tfrec.layers.append_mask import AppendMask
from tfrec.layers.attentional_gru import AttentionalGRU
from tfrec.layers.attentional_pair_pooling import AttentionalPairPooling
from tfrec.layers.audiences import Audiences
from tfrec.layers.block_sparse_attention import BlockSparseAttention
from tfrec.layers.candidate_attention import CandidateAttention
from tfrec.layers.co_attention import CoAttention
from tfrec.layers.cold_start import ColdStart
from tfrec.layers.cross_attention import CrossAttention
from tfrec.layers.dice import Dice
from tfrec.layers.em_pooling import EMPooling
from tfrec.layers.encoder_block import EncoderBlock
from tfrec.layers.expert_gate import ExpertGate
from tfrec.layers.feature_embedding import FeatureEmbedding
from tfrec.layers.feature_tables import FeatureTables
from tfrec.layers.feed_forward import FeedForward
from tfrec.layers.fold_in import FoldIn
from tfrec.layers.gated_feed_forward import GatedFeedForward
from tfrec.layers.graph_vectors import GraphVectors
from tfrec.layers.hide_ids import HideIds
from tfrec.layers.hstu_block import HSTUBlock
from tfrec.layers.importance_pooling import ImportancePooling
from tfrec.layers.interacting_attention import InteractingAttention
from tfrec.layers.item_embedding import ItemEmbedding
from tfrec.layers.item_similarity_attention import ItemSimilarityAttention
from tfrec.layers.item_tower import ItemTower
from tfrec.layers.item_vectors import ItemVectors
from tfrec.layers.linear_attention import LinearAttention
from tfrec.layers.local_activation_unit import LocalActivationUnit
from tfrec.layers.long_short_pooling import LongShortPooling
from tfrec.layers.mlp import MLP
from tfrec.layers.multi_interest_pooling import MultiInterestPooling
from tfrec.layers.next_event_loss import NextEventLoss
from tfrec.layers.pair_interaction import PairInteraction
from tfrec.layers.position_embedding import PositionEmbedding
from tfrec.layers.query_key_norm import QueryKeyNorm
from tfrec.layers.random_negatives import RandomNegatives
from tfrec.layers.relative_bias import RelativePositionBias
from tfrec.layers.residual_mlp import ResidualMLP
from tfrec.layers.segment_embedding import SegmentEmbedding
from tfrec.layers.segment_recurrent_attention import SegmentRecurrentAttention
from tfrec.layers.self_attention_block import SelfAttentionBlock
from tfrec.layers.sequence_embedding import SequenceEmbedding
from tfrec.layers.softmax_attention import SoftmaxAttention
from tfrec.layers.time_bias import TimeBias
from tfrec.layers.time_interval_attention import TimeIntervalAttention
from tfrec.layers.time_intervals import TimeIntervals
from tfrec.layers.tower import Tower
from tfrec.layers.unit_norm import UnitNorm

__all__ = [
    "MLP",
    "AdditivePooling",
    "AppendMask",
    "AttentionalGRU",
    "AttentionalPairPooling",
    "Audiences",
    "BlockSparseAttention",
    "CandidateAttention",
    "CoAttention",
    "ColdStart",
    "CrossAttention",
    "Dice",
    "EMPooling",
    "EncoderBlock",
    "ExpertGate",
    "FeatureEmbedding",
    "FeatureTables",
    "FeedForward",
    "FoldIn",
    "GatedFeedForward",
    "GraphVectors",
    "HSTUBlock",
    "HideIds",
    "ImportancePooling",
    "InteractingAttention",
    "ItemEmbedding",
    "ItemSimilarityAttention",
    "ItemTower",
    "ItemVectors",
    "LinearAttention",
    "LocalActivationUnit",
    "LongShortPooling",
    "MultiInterestPooling",
    "NextEventLoss",
    "PairInteraction",
    "PositionEmbedding",
    "QueryKeyNorm",
    "RandomNegatives",
    "RelativePositionBias",
    "ResidualMLP",
    "SegmentEmbedding",
    "SegmentRecurrentAttention",
    "SelfAttentionBlock",
    "SequenceEmbedding",
    "SoftmaxAttention",
    "TimeBias",
    "TimeIntervalAttention",
    "TimeIntervals",
    "Tower",
    "UnitNorm",
]

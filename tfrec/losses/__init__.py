"""Losses over an item table, passed to `compile`; the supervision of attention and DIEN's auxiliary loss."""

from tfrec.losses.attention_divergence import attention_divergence
from tfrec.losses.binary_cross_entropy import BinaryCrossEntropy
from tfrec.losses.bpr import BPR
from tfrec.losses.full_softmax import FullSoftmax
from tfrec.losses.in_batch_softmax import InBatchSoftmax
from tfrec.losses.item_loss import ItemLoss
from tfrec.losses.next_event_cross_entropy import next_event_cross_entropy
from tfrec.losses.sampled_softmax import SampledSoftmax

__all__ = [
    "BPR",
    "BinaryCrossEntropy",
    "FullSoftmax",
    "InBatchSoftmax",
    "ItemLoss",
    "SampledSoftmax",
    "attention_divergence",
    "next_event_cross_entropy",
]

"""Losses over an item table, passed to `compile`, and the divergence that supervises attention."""

from tfrec.losses.attention_divergence import attention_divergence
from tfrec.losses.binary_cross_entropy import BinaryCrossEntropy
from tfrec.losses.bpr import BPR
from tfrec.losses.full_softmax import FullSoftmax
from tfrec.losses.item_loss import ItemLoss
from tfrec.losses.sampled_softmax import SampledSoftmax

__all__ = ["BPR", "BinaryCrossEntropy", "FullSoftmax", "ItemLoss", "SampledSoftmax", "attention_divergence"]

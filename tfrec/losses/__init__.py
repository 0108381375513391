"""Losses over an item table, chosen at `compile`."""

from tfrec.losses.full_softmax import FullSoftmax
from tfrec.losses.item_loss import ItemLoss
from tfrec.losses.sampled_softmax import SampledSoftmax

__all__ = ["FullSoftmax", "ItemLoss", "SampledSoftmax"]

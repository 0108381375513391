"""Samplers of negatives: objects that draw ids and return the log probability of each."""

from tfrec.losses.negatives.in_batch import InBatch
from tfrec.losses.negatives.log_uniform import LogUniform
from tfrec.losses.negatives.names import SAMPLERS, sampler_of
from tfrec.losses.negatives.popularity_sampler import Popularity
from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.losses.negatives.uniform import Uniform

__all__ = ["SAMPLERS", "InBatch", "LogUniform", "NegativeSampler", "Popularity", "Uniform", "sampler_of"]

"""How the negatives of a loss are drawn: small objects that give ids and the log of how probable each one was."""

from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.losses.negatives.uniform import Uniform

__all__ = ["NegativeSampler", "Uniform"]

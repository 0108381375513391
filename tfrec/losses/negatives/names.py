"""The samplers by the names that losses and recipes use."""

from typing import Any

from tfrec.losses.negatives.in_batch import InBatch
from tfrec.losses.negatives.log_uniform import LogUniform
from tfrec.losses.negatives.popularity import Popularity
from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.losses.negatives.uniform import Uniform

SAMPLERS: dict[str, type[NegativeSampler]] = {
    "uniform": Uniform,
    "log-uniform": LogUniform,
    "popularity": Popularity,
    "in-batch": InBatch,
}


def sampler_of(negatives: Any) -> NegativeSampler:
    """A sampler by its name, where it needs no counts; one that is made already is handed through.

    Raises:
        ValueError: if there is no such sampler, or it needs counts.

    Example:
        >>> type(sampler_of("uniform")).__name__
        'Uniform'
    """
    if isinstance(negatives, NegativeSampler):
        return negatives
    kind = SAMPLERS.get(negatives) if isinstance(negatives, str) else None
    if kind is None:
        raise ValueError(f"negatives must be one of {', '.join(SAMPLERS)}, or a NegativeSampler, got {negatives!r}.")
    if kind.needs_counts:
        raise ValueError(
            f'negatives="{negatives}" must know how frequent items are: give negatives={kind.__name__}'
            "(spec.item_counts), of tfrec.losses.negatives. A recipe for tfrec train may give the name alone."
        )
    return kind()

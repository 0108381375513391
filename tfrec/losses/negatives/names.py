"""Registry of samplers by the names that losses and recipes use."""

from typing import Any

from tfrec.losses.negatives.in_batch import InBatch
from tfrec.losses.negatives.log_uniform import LogUniform
from tfrec.losses.negatives.popularity_sampler import Popularity
from tfrec.losses.negatives.sampler import NegativeSampler
from tfrec.losses.negatives.uniform import Uniform

SAMPLERS: dict[str, type[NegativeSampler]] = {
    "uniform": Uniform,
    "log-uniform": LogUniform,
    "popularity": Popularity,
    "in-batch": InBatch,
}


def sampler_of(negatives: Any) -> NegativeSampler:
    """Get a sampler by name, if it needs no counts; a sampler object is returned unchanged.

    Raises:
        ValueError: if the name is unknown, or the sampler needs counts.

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
            f'negatives="{negatives}" needs the item counts: pass negatives={kind.__name__}'
            "(spec.item_counts) from tfrec.losses.negatives. In a recipe for tfrec train, the name alone is enough."
        )
    return kind()

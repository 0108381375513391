"""Base class of the samplers of negatives."""

from typing import Any


class NegativeSampler:
    """Draws items with replacement and returns the log probability of each.

    Losses that correct for the sampling (logQ) need both: among N draws, item j is expected N x P(j) times.

    Subclasses implement `draw`, and `get_config` if they have arguments.

    Attributes:
        needs_counts: whether the constructor takes `counts`, the number of occurrences of each item.
    """

    needs_counts = False

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Draw item ids, 2 .. num_items + 1, and the log probability of each.

        Args:
            shape: shape of the ids.
            num_items: V.
            targets: (T,) ids of the batch; most samplers ignore them.
            seed: a `keras.random.SeedGenerator`.

        Returns:
            ids of shape `shape`, int32, and float32 log probabilities that broadcast against them.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments, by name."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "NegativeSampler":
        """Create a sampler from the output of `get_config`."""
        return cls(**config)

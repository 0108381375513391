"""What all samplers of negatives share."""

from typing import Any


class NegativeSampler:
    """Draws items, with replacement, and says how probable each was.

    Losses that correct for the sampling (logQ) need both: among N draws, item j is expected N x P(j) times.

    Subclasses write `draw`, and `get_config` where they have arguments.

    Attributes:
        needs_counts: whether the constructor takes `counts`, how often each item occurs.
    """

    needs_counts = False

    def draw(self, shape: tuple[Any, ...], num_items: int, targets: Any, seed: Any) -> tuple[Any, Any]:
        """Ids of items, 2 .. num_items + 1, and the log of the probability of each.

        Args:
            shape: of the ids.
            num_items: V.
            targets: (T,) ids of the batch; not all samplers look at them.
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

"""Base class of sequential models, whose item table is the embedding of their input."""

from typing import Any

import numpy as np

from tfrec.models.retrieval_model import RetrievalModel


class SequenceModel(RetrievalModel):
    """A retrieval model that scores items with the same vectors that embed its input.

    A subclass sets `embedding`, a layer with the item vectors in `items`, and stores every constructor argument as an
    attribute of the same name; `dtype` is stored as `dtype_policy`.
    """

    def item_table(self) -> Any:
        """The item embeddings, (num_items + 2, D)."""
        return self.embedding.items.all_rows()

    def share_attributes(self, attributes: np.ndarray) -> None:
        """Share vectors between items that have attributes in common. Call it before `compile`.

        Args:
            attributes: (num_items + 2, M) attribute ids for each item id, from 1 on, padded with 0, as returned by
                `tfrec.data.item_attributes`.

        Raises:
            ValueError: if the shape is wrong, or the model already shares attributes. See `tfrec.layers.ItemVectors`.
        """
        self.embedding.items.share(attributes, self.seed)

    def fold_attributes(self) -> None:
        """Add the shared vectors to the item vectors after training. Call `compile` again to continue training."""
        self.embedding.items.fold()
        # The traced functions still use the shared vectors.
        self.train_function = self.test_function = self.predict_function = None


def axes_of_blocks(num_blocks: int, positions: str = "history") -> dict[str, list[str]]:
    """`attention_axes` of self-attention blocks, named block_0, block_1 and so on."""
    return {f"block_{index}": ["head", positions, positions] for index in range(num_blocks)}

"""What the models that read histories share: item table, and the names of axes."""

from typing import Any

import numpy as np
from keras import ops

from tfrec.models.retrieval_model import RetrievalModel


class SequenceModel(RetrievalModel):
    """A retrieval model whose constructor's arguments are its attributes and whose item vectors are those of its input.

    A subclass sets `embedding`, a layer with the item vectors in `items`, and every argument of its constructor as an
    attribute of the same name; `dtype` becomes `dtype_policy`.
    """

    def item_table(self) -> Any:
        """The item embeddings, (num_items + 2, D)."""
        return self._embeddings()

    def share_attributes(self, attributes: np.ndarray) -> None:
        """Let items that have attributes in common learn from each other; before `compile`.

        Args:
            attributes: (num_items + 2, M) ids of attributes by id of the item, from 1 on, 0 for none, as
                `tfrec.data.item_attributes` gives them.

        Raises:
            ValueError: if they have another form, or the model shares some already. See `tfrec.layers.ItemVectors`.
        """
        self.embedding.items.share(attributes, self.seed)

    def fold_attributes(self) -> None:
        """Make plain item vectors of what is shared, when the training is done; `compile` again to train on."""
        self.embedding.items.fold()
        # What was traced adds what is no longer there.
        self.train_function = self.test_function = self.predict_function = None

    def _embeddings(self) -> Any:
        """All rows of the embedding, also where `quantize("int8")` has made integers of them."""
        layer = self.embedding.items
        rows = ops.convert_to_tensor(layer.embeddings)
        if layer.quantization_mode is None:
            return rows
        return ops.cast(rows, "float32") / ops.expand_dims(layer.embeddings_scale, -1)


def axes_of_blocks(num_blocks: int, positions: str = "history") -> dict[str, list[str]]:
    """`attention_axes` of blocks of self-attention, named block_0, block_1 and so on."""
    return {f"block_{index}": ["head", positions, positions] for index in range(num_blocks)}

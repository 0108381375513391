"""NAIS: item-to-item similarity with attention weights that depend on the candidate."""

from typing import Any

import keras
from keras import ops

from tfrec.layers import ItemSimilarityAttention, ItemVectors
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.ops import RESERVED_IDS, check_sizes, is_item


@keras.saving.register_keras_serializable(package="tfrec")
class NAIS(PairScoringModel):
    """Neural attentive item similarity: a candidate attends to the items of the user.

    Each item has two vectors, p as a candidate and q in a history:

    ```
    score(u, i) = b[i] + sum over the items j of u, without i, of a_ij (p[i] . q[j])
    ```

    `tfrec.layers.ItemSimilarityAttention` has the formula of the weights a. A user is represented by the set of items,
    in any order. There are no user vectors, so users who are not in the training data are scored like all others. A
    history without a known item gets the most popular items. Train with `tfrec.data.pairs(inputs=("history",))`, as
    `tfrec.training.train` does, and with `BinaryCrossEntropy(4)`: four negatives per pair, as in the paper.

    The score is not an inner product, so an export can only have the exact index.

    Args:
        num_items: size of the catalogue. Ids are 2 .. num_items + 1; 0 is padding, 1 an unknown item.
        max_length: L, the number of newest items of a history that the model reads.
        hidden_dim: D, width of the vectors.
        attention_dim: A, width of the hidden layer of the attention.
        beta: exponent of the normalisation of the weights. In the paper .5 is best; 1 is a softmax, which penalises
            long histories.
        pairing: the input of the attention for a pair of items: the "product" or the "concatenation" of their vectors.
        seed: seed of the initial weights and of the negatives.

    Shapes:
        `{"history": (B, L) int}`; output a dict of the ids (B, L) and the vectors (B, L, D) of the history, which
        `score_pairs` needs; scores (B, C) of (B, C) items.

    Raises:
        ValueError: if an argument is invalid.

    Reference:
        He et al., "NAIS: Neural Attentive Item Similarity Model for Recommendation", TKDE 2018, arXiv 1809.07053.
        Negatives are drawn from all items but the target. The vectors are not pre-trained by FISM.

    Example:
        >>> import numpy as np
        >>> model = NAIS(num_items=100, max_length=5, hidden_dim=8)
        >>> inputs = {"history": np.array([[0, 7, 9]])}
        >>> ids, scores = model.recommend(inputs, k=5)
        >>> model.attention_weights(inputs)["items"].shape  # of the best item
        TensorShape([1, 3])
    """

    objective = "user-item"
    pairs_at_once = 2**13  # each of them is compared with L items

    def __init__(
        self,
        num_items: int,
        max_length: int = 50,
        hidden_dim: int = 16,
        attention_dim: int = 16,
        beta: float = 0.5,
        pairing: str = "product",
        seed: int | None = None,
        dtype: Any = None,
        name: str = "nais",
        **kwargs: Any,
    ) -> None:
        sizes = check_sizes(
            num_items=num_items, max_length=max_length, hidden_dim=hidden_dim, attention_dim=attention_dim
        )
        super().__init__(seed=seed, dtype=dtype, name=name, **kwargs)
        self.num_items, self.max_length, self.hidden_dim, self.attention_dim = sizes
        self.beta = beta
        self.pairing = pairing

        # === Layers ===
        policy, rows = self.dtype_policy, self.num_items + RESERVED_IDS
        seeds = (None,) * 3 if seed is None else (seed, seed + 1, seed + 2)
        normal = keras.initializers.RandomNormal
        self.items = ItemVectors(
            rows, self.hidden_dim, embeddings_initializer=normal(0, 0.1, seeds[0]), dtype=policy, name="items"
        )
        self.history_items = keras.layers.Embedding(
            rows, self.hidden_dim, normal(0, 0.1, seeds[1]), dtype=policy, name="history_items"
        )
        self.item_bias = keras.layers.Embedding(rows, 1, "zeros", dtype=policy, name="item_bias")
        for table in (self.items, self.history_items, self.item_bias):
            table.build((None,))
        self.attention = ItemSimilarityAttention(
            self.attention_dim, beta, pairing, seeds[2], dtype=policy, name="attention"
        )
        vectors = (None, None, self.hidden_dim)
        self.attention.build(vectors, vectors, (None, None, None))
        self.attention_axes = {"items": ["history"]}
        self.built = True

    @property
    def input_names(self) -> tuple[str, ...]:
        """The only input is the history."""
        return ("history",)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        history = ops.cast(inputs["history"], "int32")[:, -self.max_length :]
        return {"ids": history, "vectors": self.history_items(history)}

    def score_pairs(self, state: Any, item_ids: Any, training: bool | None = None) -> Any:
        ids = ops.expand_dims(state["ids"], 1)
        others = ops.logical_and(is_item(ids), ops.not_equal(ids, ops.expand_dims(ops.cast(item_ids, "int32"), -1)))
        similarity = self.attention(self.items(item_ids), state["vectors"], others)
        return similarity + ops.squeeze(self.item_bias(item_ids), -1)

    def item_table(self) -> Any:
        """The vectors of all items as candidates, (num_items + 2, D)."""
        return self.items.all_rows()

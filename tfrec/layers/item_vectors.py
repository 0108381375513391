"""Item embeddings that can share attribute embeddings in training."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class ItemVectors(keras.layers.Embedding):
    """A table of item vectors that can share, while it is trained, what items have in common.

    After `share(attributes)` the vector of an item is its own plus those of its n attributes, its brand and categories
    for instance, so that items which are seldom met learn from those that are like them:

    ```
    v(i) = E[i] + 1 / sqrt(n) sum over the attributes a of i of A[a]
    ```

    `fold()` writes these sums into E, drops A from the weights and leaves it in `folded_attributes`, which places items
    of which nothing else is known. What is left, and what is saved before, is a plain table: models
    that were trained with attributes are served, quantized and grown like any other.

    Takes the arguments of `keras.layers.Embedding`: `input_dim`, the number of ids, and `output_dim`, D.

    Shapes:
        input (...,) integer ids; output (..., D).

    Example:
        >>> import numpy as np
        >>> table = ItemVectors(4, 8)
        >>> table.build()
        >>> table.share(np.array([[0, 0], [0, 0], [1, 2], [2, 0]]))  # ids 2 and 3 have attribute 2 in common
        >>> before = np.asarray(table(np.array([2, 3])))
        >>> table.fold()
        >>> bool(np.allclose(np.asarray(table(np.array([2, 3]))), before)), len(table.weights)
        (True, 1)
    """

    _attributes: np.ndarray | None = None  # (input_dim, M), 0 where there is none
    folded_attributes: np.ndarray | None = (
        None  # (number of attributes + 1, D) of what was folded last; row 0 is of none
    )

    def share(self, attributes: np.ndarray, seed: int | None = None) -> None:
        """Give the items attributes. To be called before the optimizer knows the weights.

        Args:
            attributes: (N, M) ids of attributes from 1 on, 0 for none; row i is of id i, and ids from N on have none.
            seed: of the initial vectors.

        Raises:
            ValueError: if `attributes` has another form, or the table cannot take any: it has some already, is not
                built, or quantized.
        """
        if not self.built or self._attributes is not None or self.quantization_mode is not None:
            raise ValueError("Attributes are given once, to a table that is built and not quantized.")
        attributes = np.asarray(attributes)
        if attributes.ndim != 2 or len(attributes) > self.input_dim or attributes.dtype.kind not in "iu":
            raise ValueError(
                f"attributes are integers, a row for each of at most {self.input_dim} ids: got {attributes.dtype} "
                f"{attributes.shape}."
            )
        if attributes.size and attributes.min() < 0:
            raise ValueError(f"attributes are ids from 1 on, and 0 for none: got {attributes.min()}.")
        full = np.zeros((self.input_dim, attributes.shape[1]), "int32")
        full[: len(attributes)] = attributes
        self._attributes = full
        self._share = (1 / np.sqrt(np.maximum((full > 0).sum(1, keepdims=True), 1)) * (full > 0)).astype("float32")
        self._tracker.unlock()  # as `enable_lora` of Keras does
        self.attribute_vectors = self.add_weight(
            shape=(int(full.max(initial=0)) + 1, self.output_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=seed),
            name="attribute_vectors",
        )
        self._tracker.lock()

    def fold(self) -> None:
        """Make a plain table of what is shared; nothing where nothing is."""
        if self._attributes is None:
            return
        folded = ops.convert_to_numpy(self.embeddings)
        self._attributes = None
        self.folded_attributes = ops.convert_to_numpy(self.attribute_vectors)
        self._embeddings.assign(folded)
        del self.attribute_vectors

    def save_own_variables(self, store: Any) -> None:
        """A plain table, which any copy of the model reads, and beside it what a table that shares goes on from."""
        if self._attributes is None:
            super().save_own_variables(store)
            return
        store["0"] = ops.convert_to_numpy(self.embeddings)
        store["own"] = ops.convert_to_numpy(self._embeddings)
        store["attribute_vectors"] = ops.convert_to_numpy(self.attribute_vectors)

    def load_own_variables(self, store: Any) -> None:
        """From a table that shared attributes or from a plain one, whichever this is itself."""
        names = set(store.keys())
        if self._attributes is None:
            super().load_own_variables({"0": store["0"]} if "own" in names else store)
        elif "own" in names:
            self._embeddings.assign(store["own"])
            self.attribute_vectors.assign(store["attribute_vectors"])
        else:
            self._embeddings.assign(store["0"] - ops.convert_to_numpy(self._of_attributes()))

    @property
    def embeddings(self) -> Any:
        """All rows, (input_dim, D)."""
        own = super().embeddings
        return own if self._attributes is None else ops.convert_to_tensor(own) + self._of_attributes()

    def _of_attributes(self) -> Any:
        rows, places = np.nonzero(self._attributes)  # far fewer than the padded table has
        parts = ops.take(self.attribute_vectors, self._attributes[rows, places], axis=0)
        parts = parts * ops.convert_to_tensor(self._share[rows, places][:, None], parts.dtype)
        return ops.segment_sum(parts, rows.astype("int32"), num_segments=self.input_dim)

    def call(self, inputs: Any) -> Any:
        if self._attributes is None:
            return super().call(inputs)
        inputs = ops.cast(inputs, "int32")
        parts = ops.take(self.attribute_vectors, ops.take(self._attributes, inputs, axis=0), axis=0)
        share = ops.cast(ops.take(self._share, inputs, axis=0), parts.dtype)
        rows = ops.take(super().embeddings, inputs, axis=0) + ops.sum(parts * ops.expand_dims(share, -1), axis=-2)
        return ops.cast(rows, self.compute_dtype)

    def quantize(self, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
        """As `keras.layers.Embedding` does."""
        if self._attributes is not None:
            raise ValueError("A table that shares attributes cannot be quantized: call `fold()` first.")
        super().quantize(mode, type_check=False, config=config)

"""Item embeddings that can share attribute embeddings in training."""

from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="tfrec")
class ItemVectors(keras.layers.Embedding):
    """An item embedding whose items can share attribute vectors in training.

    After `share(attributes)` the vector of an item is its own vector plus those of its n attributes, for instance brand
    and categories, so that rare items learn from similar ones:

    ```
    v(i) = E[i] + 1 / sqrt(n) sum over the attributes a of i of A[a]
    ```

    `fold()` writes these sums into E, removes A from the weights and keeps it in `folded_attributes`, which gives
    vectors to new items with known attributes. After `fold()`, and in saved files, this is a plain table: models
    trained with attributes are served, quantized and extended like all others.

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

    _attributes: np.ndarray | None = None  # (input_dim, M), padded with 0
    folded_attributes: np.ndarray | None = (
        None  # (number of attributes + 1, D) of the last fold; row 0 belongs to the padding
    )

    def share(self, attributes: np.ndarray, seed: int | None = None) -> None:
        """Give the items attributes. Call it before the optimizer is built.

        Args:
            attributes: (N, M) attribute ids from 1 on, padded with 0. Row i belongs to id i; ids from N on have no
                attributes.
            seed: seed of the initial vectors.

        Raises:
            ValueError: if `attributes` has a wrong shape or dtype, or if the table already has attributes, is not
                built, or is quantized.
        """
        if not self.built or self._attributes is not None or self.quantization_mode is not None:
            raise ValueError(
                "share() needs a table that is built, has no attributes yet and is not quantized: call it once, after "
                "build."
            )
        attributes = np.asarray(attributes)
        if attributes.ndim != 2 or len(attributes) > self.input_dim or attributes.dtype.kind not in "iu":
            raise ValueError(
                f"attributes must be integers, (N, M) with N at most {self.input_dim}: got {attributes.dtype} "
                f"{attributes.shape}."
            )
        if attributes.size and attributes.min() < 0:
            raise ValueError(f"attributes must hold ids from 1 on, and 0 as padding: got {attributes.min()}.")
        full = np.zeros((self.input_dim, attributes.shape[1]), "int32")
        full[: len(attributes)] = attributes
        self._attributes = full
        self._share = (1 / np.sqrt(np.maximum((full > 0).sum(1, keepdims=True), 1)) * (full > 0)).astype("float32")
        self._tracker.unlock()  # as in Keras' `enable_lora`
        self.attribute_vectors = self.add_weight(
            shape=(int(full.max(initial=0)) + 1, self.output_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02, seed=seed),
            name="attribute_vectors",
        )
        self._tracker.lock()

    def fold(self) -> None:
        """Add the attribute vectors to the item vectors and remove them; does nothing without attributes."""
        if self._attributes is None:
            return
        folded = ops.convert_to_numpy(self.embeddings)
        self._attributes = None
        self.folded_attributes = ops.convert_to_numpy(self.attribute_vectors)
        self._embeddings.assign(folded)
        del self.attribute_vectors

    def save_own_variables(self, store: Any) -> None:
        """Save a plain table, which every model can load, and the shared vectors, to continue training."""
        if self._attributes is None:
            super().save_own_variables(store)
            return
        store["0"] = ops.convert_to_numpy(self.embeddings)
        store["own"] = ops.convert_to_numpy(self._embeddings)
        store["attribute_vectors"] = ops.convert_to_numpy(self.attribute_vectors)

    def load_own_variables(self, store: Any) -> None:
        """Load a file saved with or without attributes, into a table with or without attributes."""
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

    def all_rows(self) -> Any:
        """The vectors of all ids, (input_dim, D), also where `quantize("int8")` has made integers of them."""
        rows = ops.convert_to_tensor(self.embeddings)
        if self.quantization_mode is None:
            return rows
        return ops.cast(rows, "float32") / ops.expand_dims(self.embeddings_scale, -1)

    def _of_attributes(self) -> Any:
        rows, places = np.nonzero(self._attributes)  # far fewer than the entries of the padded table
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
            raise ValueError("A table with shared attributes cannot be quantized: call `fold()` first.")
        super().quantize(mode, type_check=False, config=config)

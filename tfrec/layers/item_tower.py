"""Item vectors computed from ids and features, and kept as a table for serving."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tfrec.layers.feature_embedding import FeatureEmbedding
from tfrec.layers.feature_tables import FeatureTables
from tfrec.layers.hide_ids import HideIds
from tfrec.layers.item_vectors import ItemVectors
from tfrec.layers.tower import Tower
from tfrec.ops import UNKNOWN_ID, check_size

_CHUNK = 8192  # items that are computed at once


@keras.saving.register_keras_serializable(package="tfrec")
class ItemTower(keras.layers.Layer):
    """The vector of an item from its id and its features.

    ```
    y(i) = Tower([E[i], e_1(i), ..., e_F(i)]);   e_f as in `tfrec.layers.FeatureEmbedding`
    ```

    `fold()` computes the vectors of all items, in chunks, and keeps them in the table `items`. A folded tower reads the
    table, as indexes and exports do; saved files contain it. Call `unfold()` to continue training.

    An item that has only features has id 1. The vector of this id is trained on items whose id is hidden.

    Args:
        num_rows: number of ids, reserved ids included.
        features: flat dicts of item features, as described in `tfrec.models.feature_inputs`.
        output_dim: D.
        hidden_dims: see `tfrec.layers.Tower`.
        dropout: see `tfrec.layers.Tower`.
        normalize: see `tfrec.layers.Tower`.
        unseen_rate: share of the items whose id is hidden in a training step.
        seed: seed of the initial weights, the dropout and the hidden ids.

    Shapes:
        input (B,) ids; output (B, D).

    Example:
        >>> import numpy as np
        >>> tower = ItemTower(6, [], output_dim=4)
        >>> tower.build()
        >>> tower.fold()
        >>> bool(np.allclose(np.asarray(tower.all_rows())[[3, 5]], np.asarray(tower(np.array([3, 5]))), atol=1e-6))
        True
    """

    def __init__(
        self,
        num_rows: int,
        features: Sequence[Mapping[str, Any]],
        output_dim: int,
        hidden_dims: Sequence[int] = (),
        dropout: float = 0.0,
        normalize: bool = True,
        unseen_rate: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_rows = check_size("num_rows", num_rows)
        self.features = [dict(feature) for feature in features]
        self.output_dim = check_size("output_dim", output_dim)
        self.hidden_dims = list(hidden_dims)
        self.dropout, self.normalize, self.unseen_rate, self.seed = dropout, normalize, unseen_rate, seed
        policy = self.dtype_policy
        start = keras.initializers.RandomNormal(0, 0.05, seed)
        self.ids = keras.layers.Embedding(self.num_rows, self.output_dim, start, dtype=policy, name="ids")
        self.hide = HideIds(unseen_rate, UNKNOWN_ID, seed, name="hide")
        self.tables = FeatureTables(self.features, self.num_rows, dtype=policy, name="tables")
        self.embedding = FeatureEmbedding(self.features, self.output_dim, seed=seed, dtype=policy, name="embedding")
        self.tower = Tower(hidden_dims, dropout, normalize, seed, dtype=policy, name="tower")
        self.items = ItemVectors(self.num_rows, self.output_dim, "zeros", trainable=False, dtype=policy, name="items")
        self._is_folded = False

    def build(self, input_shape: Any = None) -> None:
        for part in (self.ids, self.items):
            part.build((None,))
        self.tables.build()
        self.embedding.build()
        self.embedding.built = True
        self.tower.build([(None, self.output_dim)] * (1 + len(self.features)))
        self.built = True

    def call(self, ids: Any, training: bool | None = None) -> Any:
        own = self.ids(self.hide(ids, training=training))
        of_features = self.embedding(self.tables(ids)) if self.features else {}
        return self.tower([own, *of_features.values()], training=training)

    def all_rows(self, training: bool | None = None) -> Any:
        """The vectors of all ids, (num_rows, D): from the table if it is folded and this is no training step."""
        if self._is_folded and not training:
            return self.items.all_rows()
        if training:
            return self(ops.arange(self.num_rows), training=True)
        parts = [self(ids) for ids in self._chunks()]
        return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=0)

    @property
    def is_folded(self) -> bool:
        """Whether the vectors are read from the table."""
        return self._is_folded

    def fold(self) -> None:
        """Write the vectors of all items into the table, and read them from there; does nothing if it is folded."""
        if not self._is_folded:
            self._write()
            self._is_folded = True

    def unfold(self) -> None:
        """Compute the vectors again whenever they are needed."""
        if self.items.quantization_mode is not None:
            raise ValueError(f"{self.name} is quantized, for inference only: train it before it is quantized.")
        self._is_folded = False

    def mark_folded(self) -> None:
        """Read the table: it was loaded with the other weights."""
        self._is_folded = True

    def start(self, ids: np.ndarray) -> None:
        """Set the vectors of new items, (N,) ids, to those of an unseen item with the same features."""
        if not len(ids):
            return
        own = ops.convert_to_numpy(self.ids.embeddings).copy()
        own[ids] = own[UNKNOWN_ID]
        self.ids.set_weights([own])
        if self._is_folded:
            rows = ops.convert_to_numpy(self.items.embeddings).copy()
            rows[ids] = ops.convert_to_numpy(self(np.asarray(ids, "int32")))
            self.items.set_weights([rows])

    def write(self) -> None:
        """Update the table before the weights are copied or saved."""
        if not self._is_folded:
            self._write()

    def _write(self) -> None:
        chunks = self._chunks()
        shown = len(chunks) > 1 and sys.stdout.isatty()
        bar = keras.utils.Progbar(len(chunks), unit_name="chunk of items") if shown else None
        rows = []
        for number, ids in enumerate(chunks, 1):
            rows.append(ops.convert_to_numpy(ops.cast(self(ids), "float32")))
            if bar is not None:
                bar.update(number)
        self.items.set_weights([np.concatenate(rows)])

    def _chunks(self) -> list[np.ndarray]:
        ids = np.arange(self.num_rows, dtype="int32")
        return [ids[start : start + _CHUNK] for start in range(0, self.num_rows, _CHUNK)]

    def save_own_variables(self, store: Any) -> None:
        """Save no variables of this layer itself, but update the table before it is saved."""
        self.write()
        super().save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """As in Keras; a saved tower is folded."""
        super().load_own_variables(store)
        self._is_folded = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        own = ("num_rows", "features", "output_dim", "hidden_dims", "dropout", "normalize", "unseen_rate", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}

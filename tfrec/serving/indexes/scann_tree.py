"""ScaNN through TensorFlow Recommenders: fast, and nothing that the stock server can load."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfrec.errors import InputError
from tfrec.ops.random_state import random_state_kept
from tfrec.serving.files.tensorflow_versions import minor_version
from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.exact import Exact
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN, Index
from tfrec.serving.indexes.index_measurements import measured_recall

BUILT_FOR = (2, 20)  # the TensorFlow of scann 1.4.2, which the extra installs
_FEW = 256  # items are too few to learn hashes from


class ScannTree(Index):
    """Candidates of TensorFlow Recommenders' `ScaNN` layer, ranked by their exact scores.

    Items are the leaves of a tree, about 2 sqrt(V) clusters. Those of the clusters nearest to a query are compared by
    hashes, 4 bits for two dimensions, and the 8 K best of them by the vectors themselves, which are held once: the
    layer's own reordering would hold a copy. Withdrawn items are not in the tree. Fewer than 256 items are left to the
    `BruteForce` layer, a product and a top-k.

    Args:
        exact: of the same items.
        leaves: how many clusters are read for a query.

    Raises:
        InputError: where scann or tensorflow-recommenders cannot be imported, with what to do.

    Reference:
        Guo et al., "Accelerating Large-Scale Inference with Anisotropic Vector Quantization", ICML 2020.
    """

    CANDIDATES = 8  # times K are scored exactly

    def __init__(self, exact: Exact, leaves: int) -> None:
        super().__init__(name="scann")
        layers = recommenders().layers.factorized_top_k
        self.num_items, self.exact = exact.num_items, exact
        codes = np.arange(self.num_items, dtype=np.int32)
        if exact.penalty is not None:
            codes = codes[exact.penalty.numpy() >= 0]
        if len(codes) < _FEW:
            self._layer = layers.BruteForce()
        else:
            most = self.all_leaves(len(codes))
            self._layer = layers.ScaNN(num_leaves=most, num_leaves_to_search=min(leaves, most))
        self._most = len(codes)
        self._layer.index(exact.vectors(tf.constant(codes)), tf.constant(codes))

    @staticmethod
    def all_leaves(num_items: int) -> int:
        """The clusters of so many items."""
        return max(1, round(2 * math.sqrt(num_items)))

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        wide = tf.minimum(self.CANDIDATES * k, self._most)
        near, codes = self._layer(tf.reshape(queries, (-1, queries.shape[-1])), k=wide)
        # ScaNN fills rows that have too few with item 0 and NaN, and leaves out columns that no row fills.
        codes = tf.where(tf.math.is_nan(near), UNKNOWN, codes)
        if own is not None:
            most = tf.repeat(self.CANDIDATES * own, queries.shape[1])  # a row for each interest
            codes = tf.where(tf.range(tf.shape(codes)[1]) < most[:, None], codes, UNKNOWN)
        codes = tf.pad(codes, [[0, 0], [0, wide - tf.shape(codes)[1]]], constant_values=UNKNOWN)
        codes = tf.sort(tf.reshape(codes, (tf.shape(queries)[0], queries.shape[1] * wide)), axis=1)
        again = tf.pad(codes[:, 1:] == codes[:, :-1], [[0, 0], [1, 0]])  # by another interest
        may = (codes >= 0) & ~again
        scores = tf.where(may, self.exact.scores_of(queries, tf.maximum(codes, 0)), FORBIDDEN)
        scores, codes = (
            tf.pad(one, [[0, 0], [0, tf.maximum(k - tf.shape(one)[1], 0)]], constant_values=nothing)
            for one, nothing in ((scores, FORBIDDEN), (codes, UNKNOWN))
        )
        best, at = block_top_k(scores, k)
        return best, tf.where(best > FORBIDDEN, tf.gather(codes, at, batch_dims=1), UNKNOWN)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        return self.exact.vectors(codes)


def recommenders() -> Any:
    """The package tensorflow_recommenders, with ScaNN; raises `InputError` that says what is missing."""
    missing = [name for name in ("scann", "tensorflow_recommenders", "tf_keras") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(
            f"The index scann needs {' and '.join(missing)}, which cannot be found here: pip install 'tfrec[scann]'."
        )
    if minor_version(tf.__version__) != BUILT_FOR:
        need = ".".join(map(str, BUILT_FOR))
        raise InputError(
            f"The operations of scann are built for TensorFlow {need}, and {tf.__version__} is installed: "
            f"pip install 'tfrec[scann]' 'tensorflow=={need}.*', or use the index ivf."
        )
    try:
        with random_state_kept():
            import tensorflow_recommenders
    except ImportError as error:
        raise InputError(
            "The index scann needs TensorFlow Recommenders, which refuses to load beside Keras 3: set the environment "
            f"variable TF_USE_LEGACY_KERAS=1 before TensorFlow is imported (`tfrec export` does). It said: {error}"
        ) from error
    return tensorflow_recommenders


def build_index(exact: Exact, queries: np.ndarray, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """A tree of which a sixteenth is read, or twice that and so on as the recall needs; a layer cannot be changed.

    See `tfrec.serving.indexes.build`.
    """
    recommenders()
    wanted = exact.search(tf.constant(queries), tf.constant(k))[1].numpy()
    most = ScannTree.all_leaves(exact.num_items)
    leaves = max(1, most // 16)
    while True:
        index = ScannTree(exact, leaves)
        found = measured_recall(index, queries, wanted)
        if found >= recall or leaves == most:
            return index, {"recall": found, "leaves": most, "leaves_read": leaves, "candidates": ScannTree.CANDIDATES}
        leaves = min(most, 2 * leaves)

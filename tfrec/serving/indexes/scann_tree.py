"""ScaNN through TensorFlow Recommenders: fast, but the stock server cannot load it."""

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
_FEW = 256  # fewer items are too few to train ScaNN's hashing


class ScannTree(Index):
    """Candidates of TensorFlow Recommenders' `ScaNN` layer, ranked by their exact scores.

    Items are grouped into about 2 sqrt(V) clusters, the leaves of a tree. A query is compared with the items of the
    nearest clusters by hashes of 4 bits per two dimensions, and with the 8 K best of them by their vectors. The layer's
    own reordering is off, because it would hold a copy of the vectors. Withdrawn items are not in the tree. For fewer
    than 256 items the `BruteForce` layer is used, a matrix product and a top-k.

    Args:
        exact: the exact index of the same items.
        leaves: number of clusters that a query reads.

    Raises:
        InputError: if scann or tensorflow-recommenders cannot be imported.

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
        """The number of clusters for a number of items."""
        return max(1, round(2 * math.sqrt(num_items)))

    def search(self, queries: tf.Tensor, k: tf.Tensor, own: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor]:
        wide = tf.minimum(self.CANDIDATES * k, self._most)
        near, codes = self._layer(tf.reshape(queries, (-1, queries.shape[-1])), k=wide)
        # ScaNN pads short rows with item 0 and NaN, and drops columns that are empty in all rows.
        codes = tf.where(tf.math.is_nan(near), UNKNOWN, codes)
        if own is not None:
            most = tf.repeat(self.CANDIDATES * own, queries.shape[1])  # one row per interest
            codes = tf.where(tf.range(tf.shape(codes)[1]) < most[:, None], codes, UNKNOWN)
        codes = tf.pad(codes, [[0, 0], [0, wide - tf.shape(codes)[1]]], constant_values=UNKNOWN)
        codes = tf.sort(tf.reshape(codes, (tf.shape(queries)[0], queries.shape[1] * wide)), axis=1)
        again = tf.pad(codes[:, 1:] == codes[:, :-1], [[0, 0], [1, 0]])  # found by another interest too
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
    """The package tensorflow_recommenders with ScaNN; raises `InputError` if something is missing."""
    missing = [name for name in ("scann", "tensorflow_recommenders", "tf_keras") if not importlib.util.find_spec(name)]
    if missing:
        raise InputError(
            f"The index scann needs packages that are not installed ({', '.join(missing)}): pip install 'tfrec[scann]'."
        )
    if minor_version(tf.__version__) != BUILT_FOR:
        need = ".".join(map(str, BUILT_FOR))
        raise InputError(
            f"scann is built for TensorFlow {need}, but {tf.__version__} is installed: "
            f"pip install 'tfrec[scann]' 'tensorflow=={need}.*', or use the index ivf."
        )
    try:
        with random_state_kept():
            import tensorflow_recommenders
    except ImportError as error:
        raise InputError(
            "The index scann needs TensorFlow Recommenders, which does not load together with Keras 3: set the "
            "environment variable TF_USE_LEGACY_KERAS=1 before TensorFlow is imported (`tfrec export` does so). Its "
            f"error: {error}"
        ) from error
    return tensorflow_recommenders


def build_index(exact: Exact, queries: np.ndarray, k: int, recall: float) -> tuple[Index, dict[str, Any]]:
    """Build trees that read a sixteenth of their leaves, an eighth and so on, until the recall is reached.

    See `tfrec.serving.indexes.build_index`.
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

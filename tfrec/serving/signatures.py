"""The graph of an export: vocabularies, the model, the seen-item filter and the ranking in one."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.models import RetrievalModel
from tfrec.ops import RESERVED_IDS, mask_items, top_items
from tfrec.serving.reference import popularity_scores


class RecommendModule(tf.Module):
    """`recommend`: histories of raw ids, and time stamps where the model reads them, to the K best raw ids.

    Args:
        model: a retrieval model.
        spec: what it was trained with.
        vocabulary: the file of the item vocabulary; it becomes an asset of the export.
        k: length of the lists, at most the number of items.
    """

    def __init__(self, model: RetrievalModel, spec: FeatureSpec, vocabulary: Path, k: int) -> None:
        super().__init__(name="recommend")
        path, whole, line = str(vocabulary), tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.codes = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(path, tf.string, whole, tf.int64, line), default_value=-1
        )
        self.tokens = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(path, tf.int64, line, tf.string, whole), default_value=""
        )
        # Only what the answers need: the state of dropout and of sampling losses stays behind.
        self.weights = [variable.value for variable in model.weights]
        self._score = model.score  # a bound method: a model that is an attribute would be saved once more
        self._popularity = popularity_scores(spec)
        self._max_length = spec.max_length
        self._k = min(k, spec.num_items)
        taken = [tf.TensorSpec((None, None), tf.string, name="history")]
        if "timestamps" in model.input_names:
            taken.append(tf.TensorSpec((None, None), tf.int64, name="timestamps"))
        self.recommend = tf.function(self._recommend, input_signature=taken, jit_compile=False)

    def _recommend(self, history: tf.Tensor, timestamps: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        """(B, L) raw ids, "" at padding on either side -> item_ids (B, K) strings and scores (B, K) float32.

        Time stamps are (B, L) seconds since 1970; what stands beside padding or an unknown id is ignored.
        """
        codes = self.codes.lookup(history)
        known = codes >= 0
        ids = tf.where(known, tf.cast(codes, tf.int32) + RESERVED_IDS, 0)
        # Known items move to the right in their order, which drops padding and unknown ids from between them.
        order = tf.argsort(tf.cast(known, tf.int32), axis=1, stable=True)
        ids = tf.pad(tf.gather(ids, order, batch_dims=1), [[0, 0], [1, 0]])  # a column at least, if only of padding
        inputs = {"history": ids}
        if timestamps is not None:
            message = "timestamps must have the shape of history: one for each item, in the same order."
            tf.debugging.assert_equal(tf.shape(timestamps), tf.shape(history), message)
            stamps = tf.where(known, timestamps, tf.zeros((), tf.int64))
            inputs["timestamps"] = tf.pad(tf.gather(stamps, order, batch_dims=1), [[0, 0], [1, 0]])
        scores = self._score({name: values[:, -self._max_length :] for name, values in inputs.items()})
        scores = tf.where(ids[:, -1:] >= RESERVED_IDS, scores, self._popularity)
        best_ids, best = top_items(mask_items(scores, ids), self._k)
        return {"item_ids": self.tokens.lookup(tf.cast(best_ids, tf.int64) - RESERVED_IDS), "scores": best}

"""The signature of a ranking model: scores of given items, from raw ids and raw features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.inference.shared_user_encoding import runs_once, scores_of
from tfrec.models import RankingModel
from tfrec.ops import UNKNOWN_ID
from tfrec.reserved_ids import RESERVED_IDS
from tfrec.serving.graph.event_inputs import RawEvents
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.named_inputs import Input, given_or, signature
from tfrec.serving.graph.raw_features import RawFeatures
from tfrec.serving.indexes.index import FORBIDDEN, UNKNOWN

HISTORY, ITEMS = Input("history"), Input("item_ids")


class RankingModule(tf.Module):
    """Raw ids and raw features in, one score per given item out.

    Args:
        model: a ranking model.
        spec: the spec that it was trained with.
        folder: where vocabulary files are written, for `tf.saved_model.save` to copy.
        prefix: prefix of the file names.
    """

    def __init__(self, model: RankingModel, spec: FeatureSpec, folder: Path, prefix: str = "") -> None:
        super().__init__(name="ranking")
        reads = model.input_names
        self.features = RawFeatures(
            [one for one in spec.features if one.group != "item" and one.column in reads], folder, prefix
        )
        self.codes, self.item_features, self.events = None, {}, None
        if spec.num_items:
            path = folder / f"{prefix}item.txt"
            Vocabulary([*spec.items.tokens, *spec.cold.ids.tokens]).save(path)
            self.codes = ItemCodes(path)
            # An item feature is stored once, whether the model reads it of candidates, of the history, or of both.
            of_items = {name: values for name, values in spec.item_features.items() if name in reads}
            of_events = {name: values for name, values in spec.item_features.items() if f"history_{name}" in reads}
            self.item_features = {
                name: tf.Variable(values, trainable=False, name=f"item_{place}")
                for place, (name, values) in enumerate({**of_items, **of_events}.items())
            }
            self._of_items, self._of_events = list(of_items), list(of_events)
            self._reads_item, self._num_items = "item" in reads, spec.num_items
        if "history" in reads:
            self.events = RawEvents(spec, "history_label" in reads)
        # Only the weights: the export does not need the state of dropout.
        self.weights = [variable.value for variable in model.weights]
        of_item = {feature["name"] for feature in model.features if feature["group"] == "item"}
        read: tuple[dict, dict] = {}, {}  # of users, of candidates
        for place, x in enumerate(model.inputs):
            read[x.name in of_item][x.name] = tf.TensorSpec(x.shape, x.dtype, name=f"input_{place}")
        self.once = runs_once(model)
        self._model = tf.function(
            lambda users, candidates, times: scores_of(model, users, candidates, times, self.once),
            input_signature=[*read, tf.TensorSpec((), tf.int32)],
            jit_compile=False,
            autograph=False,
        )

    @property
    def user_inputs(self) -> list[Input]:
        """The optional inputs: labels of the history, user and context features."""
        labels = [self.events.labels_input] if self.events is not None and self.events.labels_input else []
        return [*labels, *self.features.inputs]

    def signatures(self) -> dict[str, Any]:
        """Name -> `tf.function`, for `tf.saved_model.save`."""
        rank = self.signature()
        return {"serving_default": rank, "rank": rank}

    def signature(self) -> Any:
        """`rank` as a `tf.function`."""
        history = [HISTORY] if self.events is not None else []
        items = [ITEMS] if self.codes is not None else []
        return signature(self.rank, [*history, *items, *self.user_inputs])

    def rank(
        self, history: tf.Tensor | None = None, item_ids: tf.Tensor | None = None, **user: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """Histories, features and (B, N) raw ids -> scores (B, N) float32, -inf for ""; (B,) if rows have no items."""
        if item_ids is None:
            return {"scores": self._score(self._of_users(None, user, _most_rows(user.values())), None, tf.constant(1))}
        batch = tf.shape(item_ids if history is None else history)[0]
        item_ids = given_or(item_ids, batch, "item_ids")
        return {"scores": self.scores(item_ids, history, user)}

    def scores(self, item_ids: tf.Tensor, history: tf.Tensor | None, user: dict[str, tf.Tensor]) -> tf.Tensor:
        """(B, N) raw ids -> (B, N) float32, -inf for ""; `history` and `user` as for `rank`."""
        batch, width = tf.unstack(tf.shape(item_ids))
        rows = self._of_users(history, user, batch)
        at = tf.maximum(self.codes.encode(item_ids) + RESERVED_IDS, UNKNOWN_ID)  # code -1 becomes id 1, unknown
        scores = tf.reshape(self._score(rows, at, width), (batch, width))
        return tf.where(item_ids == "", FORBIDDEN, scores)

    def _score(self, rows: dict[str, tf.Tensor], at: tf.Tensor | None, width: tf.Tensor) -> tf.Tensor:
        """(B, ...) of users and (B, N) rows of item features, see `FeatureSpec.item_rows`, -> (B * N,)."""
        if at is None:
            return self._model(rows, {}, width)
        flat, candidates = tf.reshape(at, (-1,)), {}
        if self._reads_item:
            candidates["item"] = tf.where(flat < RESERVED_IDS + self._num_items, flat, UNKNOWN_ID)
        for name in self._of_items:
            candidates[name] = tf.gather(self.item_features[name].read_value(), flat)
        return self._model(rows, candidates, width)

    def _of_users(self, history: tf.Tensor | None, user: dict[str, tf.Tensor], batch: tf.Tensor) -> dict:
        """The model's inputs of each row, without candidates."""
        labels = user.get("history_labels")
        found = self.features.read(user, batch)
        if self.events is None:
            return found
        codes = self.codes.encode(history)
        found |= self.events.read(
            tf.where(codes < self._num_items, codes, UNKNOWN), labels
        )  # a cold item cannot be an event
        for name in self._of_events:
            found[f"history_{name}"] = tf.gather(self.item_features[name].read_value(), found["history"])
        return found


def _most_rows(tensors: Any) -> tf.Tensor:
    rows = tf.stack([tf.shape(one)[0] for one in tensors])
    # A single row for all may come with an empty batch.
    return tf.cond(tf.reduce_any(rows == 0), lambda: 0, lambda: tf.reduce_max(rows))

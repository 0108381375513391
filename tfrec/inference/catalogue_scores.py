"""Score the whole catalogue with a ranking model, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.inference.shared_user_encoding import runs_once, scores_of
from tfrec.models import RankingModel
from tfrec.reserved_ids import RESERVED_IDS

# Pairs of a user and an item, times the events of a history, that are scored at a time: about 300 MB of activations.
_EVENTS = 2**18
_NO_HISTORY = 16  # a pair without a history counts as this many events


class CatalogueScores:
    """Scores of all items of the vocabulary for encoded users.

    Pairs are scored in chunks of items, so memory does not grow with the catalogue. Where the model allows it, what
    depends on the user alone is computed once for each chunk and not once for each item; see
    `tfrec.inference.shared_user_encoding`.

    Args:
        model: a ranking model that reads items or item features.
        spec: the spec that it was trained with.

    Raises:
        InputError: if model and spec do not fit together, or nothing that the model reads differs between items.
    """

    def __init__(self, model: RankingModel, spec: FeatureSpec) -> None:
        spec.check_fits(model)
        self.model, self.spec = model, spec
        self.item_inputs = [one["name"] for one in model.features if one["group"] == "item"]
        self.user_inputs = [name for name in model.input_names if name not in self.item_inputs]
        if not spec.num_items or not set(self.item_inputs) & set(model.input_names):
            raise InputError(f"{model.name} reads no items and no item features, so it cannot rank a catalogue.")
        self.item_inputs = [name for name in self.item_inputs if name in model.input_names]
        self._shared = None
        if keras.backend.backend() == "tensorflow" and runs_once(model):
            self._shared = tf.function(
                lambda users, items, number: scores_of(model, users, items, number),
                autograph=False,
                reduce_retracing=True,
            )

    @property
    def users_at_a_time(self) -> int:
        """How many users to score at a time: as many as one chunk holds with all items, at least 1."""
        return max(1, self._pairs(self.spec.max_length) // self.spec.num_items)

    def __call__(self, users: Mapping[str, np.ndarray]) -> np.ndarray:
        """The scores of every id for B users.

        Args:
            users: the model's inputs of users, histories and context, (B, ...) each; see `user_inputs`.

        Returns:
            (B, V + 2) float32: click probabilities or ratings; -inf for ids 0 and 1.

        Raises:
            InputError: if a score is not finite.
        """
        rows = len(next(iter(users.values()))) if users else 1
        width = users["history"].shape[1] if "history" in users else 0
        number = max(1, self._pairs(width) // rows)
        found = np.full((rows, RESERVED_IDS + self.spec.num_items), -np.inf, np.float32)
        for first in range(RESERVED_IDS, found.shape[1], number):
            ids = np.arange(first, min(first + number, found.shape[1]), dtype=np.int32)
            found[:, ids] = self._scores(users, ids, rows)
        if not np.isfinite(found[:, RESERVED_IDS:]).all():
            raise InputError(
                f"{self.model.name} returns scores that are not finite: its training has diverged. Train it again with "
                "a lower learning rate, or with clipnorm=1.0 in the optimizer."
            )
        return found

    def _scores(self, users: Mapping[str, np.ndarray], ids: np.ndarray, rows: int) -> np.ndarray:
        given = {name: ids if name == "item" else self.spec.item_features[name][ids] for name in self.item_inputs}
        items = {name: np.tile(values, (rows, *[1] * (values.ndim - 1))) for name, values in given.items()}
        if self._shared is not None:
            of_users, of_items = (
                {name: tf.convert_to_tensor(values) for name, values in of.items()} for of in (users, items)
            )
            scores = self._shared(of_users, of_items, tf.constant(len(ids), tf.int32))
        else:
            repeated = {name: np.repeat(values, len(ids), axis=0) for name, values in users.items()}
            scores = self.model.score({**repeated, **items})
        return keras.ops.convert_to_numpy(scores).reshape(rows, len(ids))

    def _pairs(self, history: int) -> int:
        """How many pairs to score at a time."""
        reads = "history" in self.model.input_names
        return max(1, _EVENTS // (max(history, _NO_HISTORY) if reads else _NO_HISTORY))

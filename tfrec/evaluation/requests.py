"""Inputs of a ranking model that do not depend on the item, encoded from labelled rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tfrec.data import Examples, FeatureSpec, labelled
from tfrec.reserved_ids import PADDING_ID


class Requests:
    """The inputs of a ranking model for one request of each user, without those of items.

    A request comes after all known rows, so that its history holds all of them. It has the features of the user.
    Features of the context are missing values: the context of a held-back row would reveal its item.

    Args:
        users: distinct codes of users in `table`, ascending.
        table: rows with the features of the users.
        known: rows from which histories are built.
        spec: the spec of the model.
        inputs: names of the inputs that the model reads, except those of items.
    """

    def __init__(
        self, users: np.ndarray, table: Examples, known: Examples, spec: FeatureSpec, inputs: Sequence[str]
    ) -> None:
        self.users, self.inputs = users, {}
        if not inputs:
            return
        rows = dataclasses.replace(
            table,
            labels=np.zeros(len(users), np.float32),
            user_codes=users.astype(np.int32),
            item_codes=None,
            times=None if known.times is None else np.full(len(users), known.times.max() + 1),
            context=pd.DataFrame(index=range(len(users))),
            parts=None,
        )
        batch, _ = next(iter(labelled(rows, spec, known, len(users), inputs=inputs)))
        self.inputs = {name: np.asarray(values) for name, values in batch.items()}
        self._of_events = {one["name"] for one in spec.model_features() if one["group"] == "history"}

    def of(self, users: np.ndarray) -> dict[str, np.ndarray]:
        """The inputs of some of the users, (B, ...) each, with histories as wide as the longest of them."""
        at = np.searchsorted(self.users, users)
        found = {name: values[at] for name, values in self.inputs.items()}
        if "history" not in found:
            return found
        longest = int((found["history"] != PADDING_ID).sum(axis=1).max())
        longest = min(max(2, longest), found["history"].shape[1])  # Keras warns of a softmax over one position
        return {name: values[:, -longest:] if name in self._of_events else values for name, values in found.items()}

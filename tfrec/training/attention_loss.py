"""The table `[attention_loss]` of a recipe: attention is learned from a teacher or a column of the data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from tfrec import presets
from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.models import RankingModel, Recommender
from tfrec.models.attention_supervision import check_weight
from tfrec.models.known_ids import differing, hashes_read_by
from tfrec.ops.random_state import random_state_kept


@dataclasses.dataclass(frozen=True)
class AttentionLoss:
    """The entries of the table; see `tfrec.models.Recommender.supervise_attention`.

    Attributes:
        weight: λ, 0 or above.
        teacher: name or folder of a preset; "" for none.
        column: column of the data with a number of at least 0 for each interaction, or "rating"; "" for none.
        attentions: names of the attentions to supervise; empty means all that have a target.
    """

    weight: float = 0.0
    teacher: str = ""
    column: str = ""
    attentions: tuple[str, ...] = ()

    @classmethod
    def of(cls, entries: Mapping[str, Any]) -> Self:
        """Read the table; without entries, λ is 0.

        Raises:
            InputError: if an entry is unknown or has a wrong type, or the target is missing or named twice.

        Example:
            >>> AttentionLoss.of({"weight": 0.1, "column": "seconds"})
            AttentionLoss(weight=0.1, teacher='', column='seconds', attentions=())
        """
        if not entries:
            return cls()
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in entries if name not in known]
        if unknown:
            raise InputError(
                f"The recipe's attention_loss has an unknown entry '{unknown[0]}'. It takes: {', '.join(known)}."
            )
        if "weight" not in entries:
            raise InputError("The recipe's attention_loss has no weight: add one, such as weight = 0.1.")
        check_weight(entries["weight"])
        for name in ("teacher", "column"):
            value = entries.get(name, "")
            if not isinstance(value, str) or (name in entries and not value):
                raise InputError(f"The recipe's attention_loss.{name} must be a name, got {value!r}.")
        if ("teacher" in entries) == ("column" in entries):
            raise InputError(
                "The recipe's attention_loss needs either a teacher, the name or folder of a preset, or a column of "
                f"the data, {'not both' if 'teacher' in entries else 'but names neither'}."
            )
        attentions = entries.get("attentions", [])
        if not isinstance(attentions, list | tuple) or not all(isinstance(name, str) for name in attentions):
            raise InputError(f"The recipe's attention_loss.attentions must be a list of names, got {attentions!r}.")
        return cls(**{**entries, "weight": float(entries["weight"]), "attentions": tuple(attentions)})

    def supervise(self, model: Recommender, spec: FeatureSpec) -> tuple[str, ...]:
        """Add the loss to the model, before `compile`.

        Returns:
            the inputs that batches need: those of the model, and of its teacher.

        Raises:
            InputError: if the teacher does not exist or has another vocabulary, or the model has no attention to
                supervise.
        """
        names = tuple(model.input_names)
        if not self.weight:
            return names
        teacher = None
        if self.teacher:
            with random_state_kept():  # so that the run draws what it would draw without a teacher
                preset = presets.load(self.teacher)
            teacher = preset.model
            self._check_spec(preset.spec, spec, teacher, isinstance(model, RankingModel))
            names += tuple(name for name in teacher.input_names if name not in names)
        try:
            model.supervise_attention(self.weight, teacher, list(self.attentions) or None)
        except InputError as error:
            raise InputError(f"The recipe's attention_loss: {error}") from error
        return names

    def _check_spec(self, own: FeatureSpec, other: FeatureSpec, teacher: Recommender, ranks: bool) -> None:
        if isinstance(teacher, RankingModel) != ranks:
            kinds = ("ranking", "retrieval") if ranks else ("retrieval", "ranking")
            raise InputError(
                f"The recipe's attention_loss.teacher '{self.teacher}' is a {kinds[1]} model, but the recipe trains a "
                f"{kinds[0]} model: name a {kinds[0]} model."
            )
        wrong = differing(hashes_read_by(teacher.input_names, own.vocabulary_hashes), other.vocabulary_hashes)
        if wrong:
            raise InputError(
                f"The recipe's attention_loss.teacher '{self.teacher}' was trained with another vocabulary: the ids of "
                f"{', '.join(map(repr, wrong))} differ from those of this data. Train the teacher on the same data, "
                "with the same split."
            )
        there = [one["name"] for one in other.model_features()]
        absent = [name for name in teacher.input_names if name not in there] if ranks else []
        if absent:
            raise InputError(
                f"The recipe's attention_loss.teacher '{self.teacher}' reads '{absent[0]}', which this recipe has no "
                "feature for: use the teacher's features and history."
            )

"""Recipes of ranking models: labels, features, history, model and loss in one TOML file."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd

from tfrec import models
from tfrec.data import ByTime, Examples, FeatureSpec, Fixed, History, Interactions, Random
from tfrec.data.features.fitting import ITEM_COUNT
from tfrec.data.tables.side_columns import to_side_table
from tfrec.errors import InputError
from tfrec.models.compiled_losses import ranking_loss
from tfrec.models.constructor import arguments_of
from tfrec.training.recipe_features import check_features, read_features
from tfrec.training.recipe_file import RecipeFile, class_named, construct

_SPLITS = {"random": Random, "by-time": ByTime, "fixed": Fixed}
# The loss of a task if the recipe names none.
_LOSSES = {"click": "BinaryCrossentropy", "rating": "MeanSquaredError"}
# The metrics that may choose the best epoch, the default first.
_MONITORS = {"click": ("auc", "log_loss"), "rating": ("rmse",)}


@dataclasses.dataclass(frozen=True)
class RankingRecipe(RecipeFile):
    """The settings of `tfrec train` for a ranking model.

    Attributes:
        task: "click" or "rating".
        positive: for clicks from a table of ratings: the lowest rating that counts as a click. 0 means that labels are
            already 0 and 1.
        unseen_rate: share of the training rows whose user, and likewise whose item, is replaced by the unseen id, so
            that the model learns to handle new users and items; see `tfrec.data.labelled`.
        split: {"rule": "random", "valid": ..., "test": ..., "seed": ...} or {"rule": "by-time", "valid": ..., "test":
            ...} or {"rule": "fixed"}, the split that the data come with. If empty, data that come with a split keep
            it, and others are split at random.
        features: column -> {"kind": "categorical" | "numeric" | "multivalued" | "vector", further arguments}; an empty
            table takes all columns that can be features. `{"kind": "skip"}` excludes a column. `group = "item"` or
            "user" moves a column of the rows to the items or users: each gets the newest value of its training rows,
            histories may include it, and an export stores it. See `tfrec.data.tables.side_columns`.
        history: arguments of `tfrec.data.History`; an empty table means no history. Histories hold training rows. With
            `known = "past"` they hold all rows before the time of the row, including held-back ones, like a server that
            logs all events. That needs times, and `take = "earlier"`.
        model: {"class": a name in `tfrec.models`, further constructor arguments}; the default is AutoInt, which needs
            no history.
        loss: {"class": a name in `keras.losses`, further constructor arguments}; "package>Name" names a loss of your
            own that is registered with Keras. The default is cross-entropy for clicks and squared error for ratings.
            Click losses always get logits.
        optimizer: {"class": a name in `keras.optimizers`, further constructor arguments}.
        schedule: see `RecipeFile`.
        batch_size: rows per batch.
        epochs: maximum number of epochs.
        monitor: the validation metric that chooses the best epoch: "auc", which measures the order of clicks, or
            "log_loss", which also measures the probabilities; for ratings "rmse". "" means the first.
        patience: stop after this many epochs without improvement, and restore the best weights.
        seed: seed of all random numbers.
        weights: "float32", or "float16" for weights in half the space; see `RecipeFile`.
        attention_loss: see `RecipeFile`.

    Raises:
        InputError: if a table or key is unknown, or a value has a wrong type or is out of range.

    Example:
        >>> RankingRecipe.from_toml('''
        ... task = "rating"
        ... [features]
        ... age = {kind = "numeric"}
        ... [model]
        ... class = "DeepFM"
        ... ''').features
        {'age': {'kind': 'numeric'}}
    """

    default_split: ClassVar[Mapping[str, Any]] = {"rule": "random"}

    task: str = "click"
    positive: float = 0.0
    unseen_rate: float = 0.05
    split: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    features: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    history: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    model: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "AutoInt"})
    loss: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "Adam", "learning_rate": 1e-3})
    batch_size: int = 1024
    epochs: int = 20
    monitor: str = ""
    patience: int = 3

    def __post_init__(self) -> None:
        for name in ("positive", "unseen_rate"):
            if isinstance(getattr(self, name), int) and not isinstance(getattr(self, name), bool):
                object.__setattr__(self, name, float(getattr(self, name)))
        super().__post_init__()
        if self.task not in _MONITORS:
            raise InputError(f"The recipe's task must be one of {', '.join(_MONITORS)}, got {self.task!r}.")
        if self.monitor not in ("", *_MONITORS[self.task]):
            raise InputError(
                f"The recipe's monitor must be one of {', '.join(_MONITORS[self.task])} for the task {self.task}, "
                f"got {self.monitor!r}."
            )
        if not 0 <= self.unseen_rate < 1:
            raise InputError(f"The recipe's unseen_rate must be at least 0 and below 1, got {self.unseen_rate}.")
        if self.positive and self.task == "rating":
            raise InputError("The recipe's positive converts ratings to clicks: remove it if the task is rating.")
        check_features(self.features)
        given = {"features": "the table [features] and the data", "task": "the recipe's own task"}
        for name in given.keys() & self.model.keys():
            raise InputError(f"The recipe's model.{name} is set by {given[name]}: remove it from [model].")

    def build_examples(self, table: Interactions | Examples, all_known: bool = False) -> Examples:
        """Labelled rows, converted from a table of ratings if necessary, with columns of items and users moved to their
        side tables as the recipe says.

        Args:
            table: the rows.
            all_known: whether to take features of users from all rows; for rows to predict, where none are held back
                and the preset knows the items. By default, features of users and items come from the training rows of
                `build_split`.

        Raises:
            InputError: if the task is clicks and a label is neither 0 nor 1, or the rows lack the column of items or
                users that a feature belongs to.
        """
        if isinstance(table, Interactions):
            table = Examples.from_interactions(table, self.positive or None)
        elif self.positive:
            table = dataclasses.replace(table, labels=(table.labels >= self.positive).astype(np.float32))
        values = np.unique(table.labels)
        if self.task == "click" and not set(values.tolist()) <= {0.0, 1.0}:
            raise InputError(
                f"Click labels must be 0 or 1, but these range from {values[0]:g} to {values[-1]:g}. Set the "
                'lowest rating that counts as a click (positive = 4), or predict ratings: task = "rating".'
            )
        if len(values) < 2:
            raise InputError(f"All labels equal {values[0]:g}; training needs at least two distinct labels.")
        for group, side in (("user", table.users), ("item", table.items)):
            there = [] if side is None else list(side.columns)
            named = [name for name, entry in self.features.items() if entry.get("group") == group]
            columns = [name for name in named if name in table.context and name not in there]
            if columns and all_known and group == "user":
                table = to_side_table(table, group, columns)
            elif columns and not all_known:
                is_valid, is_test = self.build_split().masks(table.times, len(table), table.parts)
                table = to_side_table(table, group, columns, known=~is_valid & ~is_test)
        return table

    def build_split(self) -> Random | ByTime | Fixed:
        """The split rule of the recipe, or the default one."""
        arguments = dict(self.split or self.default_split)
        rule = arguments.pop("rule", None)
        if rule not in list(_SPLITS):
            raise InputError(f"The recipe's split.rule must be one of {', '.join(_SPLITS)}, got {rule!r}.")
        return construct(_SPLITS[rule], arguments, "split")

    def build_spec(self, train: Examples) -> FeatureSpec:
        """The feature spec, fitted on the training part."""
        arguments = {name: value for name, value in self.history.items() if name != "known"}
        history = construct(History, arguments, "history") if arguments else None
        entries, column = dict(self.features), self.joint_loss.column
        if column in train.context and all(entry["kind"] == "skip" for entry in entries.values()):
            entries[column] = {"kind": "skip"}  # it tells what to attend to, which a server does not know
        return FeatureSpec.fit(train, features=read_features(entries, train), history=history)

    def known_rows(self, examples: Examples, train: Examples) -> Examples:
        """The rows that histories are built from: the training part, or all rows with `known = "past"`."""
        if self.history.get("known", "training") == "training":
            return train
        if self.history["known"] != "past":
            raise InputError(f"The recipe's history.known must be training or past, got {self.history['known']!r}.")
        if examples.times is None or self.history.get("take", "earlier") != "earlier":
            raise InputError('The recipe\'s history.known = "past" needs rows with times, and take = "earlier".')
        return examples

    def build_model(self, spec: FeatureSpec, train: Examples) -> models.RankingModel:
        """The model of the recipe, with the mean label as initial output, and ratings clipped to their range."""
        mean = float(np.mean(train.labels, dtype=np.float64))
        if self.task == "click":
            mean, limits = float(np.log(mean / (1 - mean))) if 0 < mean < 1 else 0.0, None
        else:
            limits = [float(train.labels.min()), float(train.labels.max())]
        kind = class_named(models, self.model.get("class"), "model", models.RankingModel)
        taken, given = arguments_of(kind), {name: value for name, value in self.model.items() if name != "class"}
        from_data = {"seed": self.seed, "output_bias": mean, "rating_range": limits, **_cold(spec, taken)}
        from_data = {name: value for name, value in from_data.items() if name in taken}
        decided = {"features": spec.model_features(), "task": self.task}
        return construct(kind, {**from_data, **given, **decided}, "model")

    @property
    def monitored_metric(self) -> str:
        """The validation metric that chooses the best epoch."""
        return self.monitor or _MONITORS[self.task][0]

    def build_metrics(self) -> list[keras.metrics.Metric]:
        """The metrics that are computed after every epoch."""
        if self.task == "click":
            return [keras.metrics.AUC(1000, name="auc"), keras.metrics.BinaryCrossentropy(name="log_loss")]
        return [keras.metrics.RootMeanSquaredError(name="rmse")]

    def to_json(self) -> dict[str, Any]:
        """The entries as a dict that JSON can hold; no `loss` if the recipe names none, as in earlier versions."""
        return {name: value for name, value in super().to_json().items() if name != "loss" or value}

    def build_loss(self) -> keras.losses.Loss:
        """The loss that the recipe names; without one, cross-entropy of clicks or the squared error of ratings.

        Raises:
            InputError: if there is no such loss, or it does not fit the task.
        """
        arguments = dict(self.loss) or {"class": _LOSSES[self.task]}
        kind = class_named(keras.losses, arguments.pop("class", None), "loss", keras.losses.Loss)
        logits = {"from_logits": True} if "from_logits" in inspect.signature(kind).parameters else {}
        loss = construct(kind, {**logits, **arguments}, "loss")
        try:
            return ranking_loss(loss, None, self.task)[0]
        except ValueError as error:
            raise InputError(f"The recipe's loss does not fit the task {self.task}: {error}") from error


def _cold(spec: FeatureSpec, taken: Mapping[str, Any]) -> dict[str, float]:
    """For a model that simulates unseen items: their count, on the scale of the spec."""
    counts = next((one for one in spec.features if one.column == ITEM_COUNT), None)
    if counts is None or "cold_count" not in taken:
        return {}
    return {"cold_count": float(counts.encode(pd.Series([0]))[0])}

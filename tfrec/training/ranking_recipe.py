"""A recipe of a ranking model: labels, features, history, model, loss, in one TOML file."""

from __future__ import annotations

import dataclasses
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
from tfrec.models.constructor import arguments_of
from tfrec.training.recipe_features import check_features, read_features
from tfrec.training.recipe_file import RecipeFile, class_named, construct

_SPLITS = {"random": Random, "by-time": ByTime, "fixed": Fixed}
# What may decide which epoch is the best, the default first.
_MONITORS = {"click": ("auc", "log_loss"), "rating": ("rmse",)}


@dataclasses.dataclass(frozen=True)
class RankingRecipe(RecipeFile):
    """What `tfrec train` does for a ranking model.

    Attributes:
        task: "click" or "rating".
        positive: for clicks of a table of ratings: a rating of at least this is one. 0 says that labels are 0 and 1.
        unseen_rate: the share of training rows whose user, and whose item, is said to be unseen; see
            `tfrec.data.labelled`. So new users and items meet a model that has learned what to make of them.
        split: {"rule": "random", "valid": ..., "test": ..., "seed": ...} or {"rule": "by-time", "valid": ..., "test":
            ...} or {"rule": "fixed"}, the split that the data come with. If empty, data that come with a split keep
            it, and others are split at random.
        features: column -> {"kind": "categorical" | "numeric" | "multivalued" | "vector", further arguments}; an empty
            table takes all columns that can be features. `{"kind": "skip"}` leaves a column out of those. `group =
            "item"`, or "user", of a column of the rows says that it is a value of the item: the newest one of its
            training rows is taken, histories may tell it, and an export knows it. See `tfrec.data.tables.side_columns`.
        history: arguments of `tfrec.data.History`; an empty table means none. Histories are made of training rows;
            `known = "past"` makes them of all rows before the row's own time, also of such as are held back: what a
            server knows that keeps its log. That needs times, and `take = "earlier"`.
        model: {"class": a name in `tfrec.models`, further constructor arguments}; where nothing is said an AutoInt,
            which needs no history.
        optimizer: {"class": a name in `keras.optimizers`, further constructor arguments}.
        schedule: see `RecipeFile`.
        batch_size: rows of a batch.
        epochs: at most.
        monitor: what makes an epoch better than another on the validation rows: "auc", the order of the clicks, or
            "log_loss", which also asks that probabilities can be believed; for ratings "rmse". "" takes the first.
        patience: stop after so many epochs without a better validation, and go back to the best.
        seed: of everything random.

    Raises:
        InputError: where a table or a key is unknown or a value has the wrong type or cannot train.

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
                f"The recipe's monitor must be one of {', '.join(_MONITORS[self.task])} where the task is {self.task}, "
                f"got {self.monitor!r}."
            )
        if not 0 <= self.unseen_rate < 1:
            raise InputError(f"The recipe's unseen_rate is at least 0 and below 1, got {self.unseen_rate}.")
        if self.positive and self.task == "rating":
            raise InputError("The recipe's positive makes clicks of ratings: leave it out where the task is rating.")
        check_features(self.features)
        given = {"features": "the table [features] and the data", "task": "the recipe's own task"}
        for name in given.keys() & self.model.keys():
            raise InputError(f"The recipe's model.{name} is set by {given[name]}: leave it out of [model].")

    def build_examples(self, table: Interactions | Examples, all_known: bool = False) -> Examples:
        """Labelled rows: those given, or those of a table of ratings; with what the recipe says is of items or users
        in their side tables.

        Args:
            table: the rows.
            all_known: of the rows a preset is asked about where none is held back: each tells what its user is, and
                what its item is the preset knows itself. Else the rows that `build_split` leaves to training tell both.

        Raises:
            InputError: where the task is clicks and a label is neither 0 nor 1, or there are no items or users to which
                something could belong.
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
        """The rule that the recipe names, or the default one."""
        arguments = dict(self.split or self.default_split)
        rule = arguments.pop("rule", None)
        if rule not in list(_SPLITS):
            raise InputError(f"The recipe's split.rule must be one of {', '.join(_SPLITS)}, got {rule!r}.")
        return construct(_SPLITS[rule], arguments, "split")

    def build_spec(self, train: Examples) -> FeatureSpec:
        """The feature spec, fitted on the training part."""
        arguments = {name: value for name, value in self.history.items() if name != "known"}
        history = construct(History, arguments, "history") if arguments else None
        return FeatureSpec.fit(train, features=read_features(self.features, train), history=history)

    def known_rows(self, examples: Examples, train: Examples) -> Examples:
        """The rows that histories are made of: the training part, or all where only the past of a row is taken."""
        if self.history.get("known", "training") == "training":
            return train
        if self.history["known"] != "past":
            raise InputError(f"The recipe's history.known is training or past, got {self.history['known']!r}.")
        if examples.times is None or self.history.get("take", "earlier") != "earlier":
            raise InputError('A history of the past needs rows with times, and take = "earlier".')
        return examples

    def build_model(self, spec: FeatureSpec, train: Examples) -> models.RankingModel:
        """The model that the recipe names: its output begins at the mean label, and its ratings stay in their range."""
        mean = float(np.mean(train.labels, dtype=np.float64))
        if self.task == "click":
            mean, limits = float(np.log(mean / (1 - mean))) if 0 < mean < 1 else 0.0, None
        else:
            limits = [float(train.labels.min()), float(train.labels.max())]
        kind = class_named(models, self.model.get("class"), "model", models.RankingModel)
        taken, given = arguments_of(kind), {name: value for name, value in self.model.items() if name != "class"}
        told = {"seed": self.seed, "output_bias": mean, "rating_range": limits, **_cold(spec, taken)}
        told = {name: value for name, value in told.items() if name in taken}
        decided = {"features": spec.model_features(), "task": self.task}
        return construct(kind, {**told, **given, **decided}, "model")

    @property
    def monitored_metric(self) -> str:
        """The metric of the validation rows by which the best epoch is chosen."""
        return self.monitor or _MONITORS[self.task][0]

    def build_metrics(self) -> list[keras.metrics.Metric]:
        """What is measured after every epoch."""
        if self.task == "click":
            return [keras.metrics.AUC(1000, name="auc"), keras.metrics.BinaryCrossentropy(name="log_loss")]
        return [keras.metrics.RootMeanSquaredError(name="rmse")]

    def build_loss(self) -> keras.losses.Loss:
        """Cross-entropy of clicks, or the squared error of ratings."""
        if self.task == "click":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return keras.losses.MeanSquaredError()


def _cold(spec: FeatureSpec, taken: Mapping[str, Any]) -> dict[str, float]:
    """For a model that plays unseen items: what their count is, on the scale of the spec."""
    counts = next((one for one in spec.features if one.column == ITEM_COUNT), None)
    if counts is None or "cold_count" not in taken:
        return {}
    return {"cold_count": float(counts.encode(pd.Series([0]))[0])}

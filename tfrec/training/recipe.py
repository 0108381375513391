"""Recipes of retrieval models: all settings of a training run in one TOML file."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import tensorflow as tf

from tfrec import losses, models
from tfrec.data import (
    Attributes,
    ByTime,
    FeatureSpec,
    Fixed,
    Interactions,
    LeaveLastOut,
    Split,
    item_attributes,
    masked_items,
    pairs,
    sequences,
    side_features,
)
from tfrec.data.features.history_rule import RULES, rule_name
from tfrec.errors import InputError
from tfrec.losses import negatives
from tfrec.models.constructor import arguments_of
from tfrec.models.sequential.sequence_model import SequenceModel
from tfrec.training.recipe_features import check_features, read_features
from tfrec.training.recipe_file import RecipeFile, build, class_named, construct

_SPLITS = {"leave-last-out": LeaveLastOut, "by-time": ByTime, "fixed": Fixed}


@dataclasses.dataclass(frozen=True)
class Recipe(RecipeFile):
    """The settings of `tfrec train`. The defaults suit tables of ten thousand to a million interactions.

    The default patience is high, because with few users a model learns only popularity in its first dozen epochs.

    Attributes:
        split: {"rule": "leave-last-out"} or {"rule": "by-time", "valid": ..., "test": ...} or {"rule": "fixed"}, the
            split that the data comes with. If empty, data with a split keeps it, and other data is split by
            leave-last-out.
        max_length: number of newest items of a history that the model reads.
        model: {"class": a name in `tfrec.models`, further constructor arguments}. "package>Name" names your own class,
            registered with Keras.
        loss: {"class": a name in `tfrec.losses`, further constructor arguments}. For `SampledSoftmax`, `negatives` is a
            name or a table, {"name": "popularity", "power": 0.75}; counts come from the data, as for `InBatchSoftmax`.
        optimizer: {"class": a name in `keras.optimizers`, further constructor arguments}.
        schedule: "constant", or "cosine": the learning rate rises linearly over the first twentieth of all steps, then
            falls to 0 along a cosine.
        masking: {"probability": ..., "last_only": ...} of `tfrec.data.masked_items`, only for models that are trained
            on masked items.
        batch_size: rows per batch.
        pairs: {"take": "all" or "earlier"} of `tfrec.data.pairs`, only for models that are trained on pairs of a
            user and an item.
        features: only for models that read features of users and items, such as `TwoTower`: side column ->
            {"kind": "categorical" | "numeric" | "multivalued" | "vector", further arguments}; an empty table takes all
            columns that can be features. `{"kind": "skip"}` excludes a column.
        item_attributes: column of the item table -> {arguments of `tfrec.data.Attributes`}: attributes whose vectors
            items share in training; see `tfrec.layers.ItemVectors`.
        windows: "newest" trains on the newest items of each user, "all" on the whole history in windows; see
            `tfrec.data.sequences`.
        group_by_length: see `tfrec.data.sequences`.
        epochs: maximum number of epochs.
        patience: stop after this many epochs without a better NDCG@10 on the validation items, and restore the best
            weights.
        seed: seed of all random numbers.
        weights: "float32", or "float16" for weights in half the space; see `RecipeFile`.
        attention_loss: see `RecipeFile`.

    Raises:
        InputError: if a table or key is unknown, or a value has a wrong type or is out of range.

    Example:
        >>> Recipe.from_toml('''
        ... epochs = 3
        ... [model]
        ... class = "SASRec"
        ... hidden_dim = 32
        ... ''').model
        {'class': 'SASRec', 'hidden_dim': 32}
    """

    default_split: ClassVar[Mapping[str, Any]] = {"rule": "leave-last-out"}

    split: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    max_length: int = 50
    model: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "SASRec"})
    loss: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "FullSoftmax"})
    masking: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    pairs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    features: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    item_attributes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    windows: str = "newest"
    group_by_length: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [name for name in self.masking if name not in ("probability", "last_only")]
        if unknown:
            raise InputError(
                f"The recipe's masking has an unknown entry '{unknown[0]}'. It takes: probability, last_only."
            )
        unknown = [name for name in self.pairs if name != "take"]
        if unknown or rule_name(self.pairs.get("take", "all")) not in RULES:
            wrong = f"an unknown entry '{unknown[0]}'" if unknown else f"take = {self.pairs['take']!r}"
            raise InputError(f"The recipe's pairs have {wrong}: expected take = one of {', '.join(RULES)}.")
        self.attribute_columns()
        check_features(self.features)
        elsewhere = {"max_length": "the recipe's own max_length", "num_items": "the data", "num_users": "the data"}
        for name in elsewhere.keys() & self.model.keys():
            raise InputError(f"The recipe's model.{name} is set by {elsewhere[name]}: remove it from [model].")
        if self.windows not in ("newest", "all"):
            raise InputError(f"The recipe's windows must be newest or all, got {self.windows!r}.")

    @property
    def monitored_metric(self) -> str:
        """The validation metric that chooses the best epoch."""
        return "ndcg@10"

    def build_split(self) -> LeaveLastOut | ByTime | Fixed:
        """The split rule of the recipe, or the default one."""
        arguments = dict(self.split or self.default_split)
        rule = arguments.pop("rule", None)
        if rule not in list(_SPLITS):
            raise InputError(f"The recipe's split.rule must be one of {', '.join(_SPLITS)}, got {rule!r}.")
        return construct(_SPLITS[rule], arguments, "split")

    def build_spec(self, train: Interactions) -> FeatureSpec:
        """The feature spec, fitted on the training part.

        It has user ids if the model's constructor takes `num_users`, and features if the model has `take_features`.
        """
        kind, features = self._model_class(), None
        if hasattr(kind, "take_features"):
            features = read_features(self.features, train) or side_features(train)
        elif self.features:
            raise InputError(f"The recipe has features, but {kind.__name__} reads none: remove the table [features].")
        return FeatureSpec.fit(train, self.max_length, features=features, users="num_users" in arguments_of(kind))

    def build_model(self, spec: FeatureSpec) -> models.RetrievalModel:
        """The model of the recipe, with the sizes of a spec."""
        kind = self._model_class()
        sizes = {name: getattr(spec, name) for name in ("num_items", "num_users", "max_length")} | {"seed": self.seed}
        taken = arguments_of(kind)
        given = {name: value for name, value in self.model.items() if name != "class"}
        taken_sizes = {name: value for name, value in sizes.items() if name in taken and name not in given}
        if hasattr(kind, "take_features"):
            if "features" in given:
                raise InputError("The recipe's model.features is set by the table [features] and the data: remove it.")
            taken_sizes["features"] = spec.model_features()
        model = construct(kind, {**taken_sizes, **given}, "model")
        if hasattr(model, "take_features"):
            model.take_features(spec)
        if self.item_attributes:
            if not isinstance(model, SequenceModel):
                raise InputError(
                    f"The recipe has item_attributes, which {kind.__name__} does not support: remove them, or derive "
                    "the model from a sequential model of tfrec.models."
                )
            model.share_attributes(item_attributes(spec, self.attribute_columns()))
        return model

    def _model_class(self) -> type[models.RetrievalModel]:
        return class_named(models, self.model.get("class"), "model", models.RetrievalModel)

    def attribute_columns(self) -> list[Attributes]:
        """The attribute columns that items share; raises `InputError` if an entry of the recipe is invalid."""
        not_tables = [name for name, entry in self.item_attributes.items() if not isinstance(entry, Mapping)]
        if not_tables:
            wrong = self.item_attributes[not_tables[0]]
            raise InputError(f"The recipe's item_attributes.{not_tables[0]} must be a table, got {wrong!r}.")
        return [
            construct(Attributes, {**entry, "column": name}, f"item_attributes.{name}")
            for name, entry in self.item_attributes.items()
        ]

    def build_batches(
        self, batches: tf.data.Dataset, model: models.RetrievalModel, spec: FeatureSpec
    ) -> tf.data.Dataset:
        """Batches of `sequences` for the model's objective: unchanged, or with masked items.

        Batches of `pairs` are not changed.
        """
        if model.objective == "masked-item":
            arguments = {"batches": batches, "mask_id": spec.mask_id, "seed": self.seed}
            return construct(masked_items, {**arguments, **self.masking}, "masking")
        if self.masking:
            raise InputError(
                f"The recipe has a masking, but {type(model).__name__} is not trained on masked items: remove it."
            )
        return batches

    def build_parts(
        self, split: Split, model: models.RetrievalModel, spec: FeatureSpec, inputs: Collection[str] | None = None
    ) -> tuple[tf.data.Dataset, tf.data.Dataset]:
        """Batches of the training part and of the validation part, of the kind that the model learns from.

        Args:
            split: the parts of the table.
            model: the model.
            spec: vocabulary and length.
            inputs: names of the inputs of a batch; None means those of the model.
        """
        how: dict[str, Any] = {"inputs": inputs or model.input_names, "seed": self.seed}
        joint = self.joint_loss
        if joint.weight and joint.column:
            if model.objective == "user-item":
                raise InputError(
                    f"The recipe's attention_loss.column needs batches of sequences, but {type(model).__name__} learns "
                    "from pairs of a user and an item: name a teacher instead."
                )
            how["attention"] = joint.column
        if model.objective == "user-item":
            train = pairs(split.train, spec, self.batch_size, **how, **self.pairs)
            return self.build_batches(train, model, spec), pairs(split.valid, spec, min(self.batch_size, 256), **how)
        if self.pairs:
            raise InputError(
                f"The recipe has pairs, but {type(model).__name__} learns from the order of histories: remove them."
            )
        how["group_by_length"] = self.group_by_length
        train = sequences(split.train, spec, self.batch_size, windows=self.windows, **how)
        return self.build_batches(train, model, spec), sequences(split.valid, spec, 2 * self.batch_size, **how)

    def build_loss(self, spec: FeatureSpec) -> losses.ItemLoss:
        """The loss of the recipe; losses and samplers of negatives that take item counts get those of the spec."""
        arguments = dict(self.loss)
        if "counts" in arguments_of(class_named(losses, arguments.get("class"), "loss", losses.ItemLoss)):
            if "counts" in arguments:
                raise InputError("The recipe's loss.counts come from the data: remove them.")
            arguments["counts"] = spec.item_counts
        if "negatives" in arguments:
            arguments["negatives"] = _build_sampler(arguments["negatives"], spec)
        return build(losses, arguments, "loss", losses.ItemLoss)


def _build_sampler(wanted: Any, spec: FeatureSpec) -> negatives.NegativeSampler:
    arguments = dict(wanted) if isinstance(wanted, Mapping) else {"name": wanted}
    name = arguments.pop("name", None)
    if name not in list(negatives.SAMPLERS):
        known = ", ".join(negatives.SAMPLERS)
        raise InputError(f"The recipe's loss.negatives must be one of {known}, got {name!r}.")
    kind = negatives.SAMPLERS[name]
    if "counts" in arguments:
        raise InputError("The recipe's loss.negatives.counts come from the data: remove them.")
    counts = {"counts": spec.item_counts} if kind.needs_counts else {}
    return construct(kind, {**arguments, **counts}, "loss.negatives")

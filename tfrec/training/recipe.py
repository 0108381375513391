"""A recipe: everything that decides about a training run, in one TOML file."""

from __future__ import annotations

import dataclasses
import inspect
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfrec import losses, models
from tfrec.data import ByTime, FeatureSpec, LeaveLastOut, masked_items
from tfrec.errors import InputError
from tfrec.losses import negatives
from tfrec.training import ranges

_SPLITS = {"leave-last-out": LeaveLastOut, "by-time": ByTime}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What `tfrec train` does. The defaults suit tables of ten thousand to a million interactions.

    They are patient, since a model of few users knows popularity alone for the first dozen epochs.

    Attributes:
        split: {"rule": "leave-last-out"} or {"rule": "by-time", "valid": ..., "test": ...}.
        max_length: newest items of a history that the model reads.
        model: {"class": a name in `tfrec.models`, further constructor arguments}.
        loss: {"class": a name in `tfrec.losses`, further constructor arguments}. In `SampledSoftmax`,
            `negatives` is a name or a table, {"name": "popularity", "power": 0.75}; counts come from the data.
        optimizer: {"class": a name in `keras.optimizers`, further constructor arguments}.
        schedule: "constant", or "cosine": the learning rate rises linearly over the first twentieth of all steps, then
            falls to 0 along a cosine.
        masking: {"probability": ..., "last_only": ...} of `tfrec.data.masked_items`, for a model that is trained on
            masked items; others take none.
        batch_size: rows of a batch.
        windows: "newest" learns from each user's newest items alone, "all" from the whole history in windows; see
            `tfrec.data.sequences`.
        group_by_length: see `tfrec.data.sequences`.
        epochs: at most.
        patience: stop after so many epochs without a better NDCG@10 on the validation items, and go back to the best.
        seed: of everything random.

    Raises:
        InputError: where a table or a key is unknown or a value has the wrong type or cannot train.

    Example:
        >>> Recipe.from_toml('''
        ... epochs = 3
        ... [model]
        ... class = "SASRec"
        ... hidden_dim = 32
        ... ''').model
        {'class': 'SASRec', 'hidden_dim': 32}
    """

    split: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"rule": "leave-last-out"})
    max_length: int = 50
    model: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "SASRec"})
    loss: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "FullSoftmax"})
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "Adam", "learning_rate": 2e-3})
    masking: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    schedule: str = "cosine"
    batch_size: int = 32
    windows: str = "newest"
    group_by_length: bool = True
    epochs: int = 60
    patience: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, default = getattr(self, field.name), _default(field)
            kind = Mapping if isinstance(default, Mapping) else type(default)
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                wanted = "a table" if kind is Mapping else kind.__name__
                raise InputError(f"The recipe's {field.name} must be {wanted}, got {value!r}.")
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"The recipe's schedule must be constant or cosine, got {self.schedule!r}.")
        unknown = [name for name in self.masking if name not in ("probability", "last_only")]
        if unknown:
            raise InputError(
                f"The recipe's masking has an unknown entry '{unknown[0]}'. It takes: probability, last_only."
            )
        if self.windows not in ("newest", "all"):
            raise InputError(f"The recipe's windows must be newest or all, got {self.windows!r}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"The recipe's seed must lie between 0 and 2**32 - 1, got {self.seed}.")
        for name in ("max_length", "batch_size", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"The recipe's {name} must be at least 1, got {getattr(self, name)}.")
        ranges.check({name: value for name, value in vars(self).items() if isinstance(value, Mapping)})

    @classmethod
    def from_toml(cls, text: str) -> Recipe:
        """Read a recipe from TOML."""
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"The recipe is not valid TOML: {error}") from error
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in content if name not in known]
        if unknown:
            raise InputError(f"The recipe has an unknown entry '{unknown[0]}'. Known are: {', '.join(known)}.")
        return cls(**content)

    @classmethod
    def load(cls, path: str | Path) -> Recipe:
        """Read a recipe from a file."""
        try:
            return cls.from_toml(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The recipe {path} cannot be read: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The entries as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    def to_toml(self) -> str:
        """The recipe as a file that `load` reads."""
        entries = self.to_json()
        lines = [f"{name} = {_toml(value)}" for name, value in entries.items() if not isinstance(value, Mapping)]
        for name, table in entries.items():
            if isinstance(table, Mapping) and table:
                lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"

    def build_split(self) -> LeaveLastOut | ByTime:
        """The rule that the recipe names."""
        arguments = dict(self.split)
        rule = arguments.pop("rule", None)
        if rule not in _SPLITS:
            raise InputError(f"The recipe's split.rule must be one of {', '.join(_SPLITS)}, got {rule!r}.")
        return _construct(_SPLITS[rule], arguments, "split")

    def build_model(self, spec: FeatureSpec) -> models.RetrievalModel:
        """The model that the recipe names, sized for a spec."""
        arguments = {"seed": self.seed, **self.model, "num_items": spec.num_items, "max_length": spec.max_length}
        return _build(models, arguments, "model", models.RetrievalModel)

    def build_batches(
        self, batches: tf.data.Dataset, model: models.RetrievalModel, spec: FeatureSpec
    ) -> tf.data.Dataset:
        """Batches of `sequences` as the model's objective wants them: as they are, or with items hidden."""
        if model.objective == "masked-item":
            arguments = {"batches": batches, "mask_id": spec.mask_id, "seed": self.seed}
            return _construct(masked_items, {**arguments, **self.masking}, "masking")
        if self.masking:
            raise InputError(f"The recipe has a masking, but {type(model).__name__} learns next items: leave it out.")
        return batches

    def build_loss(self, spec: FeatureSpec) -> losses.ItemLoss:
        """The loss that the recipe names; where it draws negatives by counts, by those of a spec."""
        arguments = dict(self.loss)
        if "negatives" in arguments:
            arguments["negatives"] = _build_sampler(arguments["negatives"], spec)
        return _build(losses, arguments, "loss", losses.ItemLoss)

    def build_optimizer(self, total_steps: int) -> keras.optimizers.Optimizer:
        """The optimizer that the recipe names, with its schedule spread over all steps of a run."""
        optimizer = _build(keras.optimizers, dict(self.optimizer), "optimizer", keras.optimizers.Optimizer)
        if self.schedule == "cosine":
            warmup = max(1, total_steps // 20)
            optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
                0.0, max(1, total_steps - warmup), warmup_target=float(optimizer.learning_rate), warmup_steps=warmup
            )
        return optimizer


def _build_sampler(wanted: Any, spec: FeatureSpec) -> negatives.NegativeSampler:
    arguments = dict(wanted) if isinstance(wanted, Mapping) else {"name": wanted}
    name = arguments.pop("name", None)
    if name not in list(negatives.SAMPLERS):
        known = ", ".join(negatives.SAMPLERS)
        raise InputError(f"The recipe's loss.negatives must be one of {known}, got {name!r}.")
    kind = negatives.SAMPLERS[name]
    counts = {"counts": spec.item_counts} if kind.needs_counts else {}
    return _construct(kind, {**arguments, **counts}, "loss.negatives")


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
    return json.dumps(value)  # a JSON scalar is a TOML scalar


def _default(field: dataclasses.Field) -> Any:
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()


def _build(module: Any, arguments: dict[str, Any], what: str, base: type) -> Any:
    name = arguments.pop("class", None)
    known = sorted(
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    )
    if name not in known:
        raise InputError(f"The recipe's {what}.class must be one of {', '.join(known)}, got {name!r}.")
    return _construct(getattr(module, name), arguments, what)


def _construct(kind: type, arguments: dict[str, Any], what: str) -> Any:
    takes = [
        name
        for name, parameter in inspect.signature(kind).parameters.items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name != "name"  # reports go by the name
    ]
    unknown = [name for name in arguments if name not in takes]
    if unknown:
        raise InputError(
            f"The recipe's {what} has an unknown entry '{unknown[0]}'. {kind.__name__} takes: {', '.join(takes)}."
        )
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(f"The recipe's {what} cannot be used: {error}") from error

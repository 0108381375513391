"""Base class of recipes: settings common to all, and reading and writing TOML."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import keras
import tomli_w

from tfrec.data import Examples, Interactions
from tfrec.errors import InputError
from tfrec.models import Recommender
from tfrec.models.constructor import arguments_of
from tfrec.presets.stored_weights import DTYPES
from tfrec.training import recipe_ranges
from tfrec.training.attention_loss import AttentionLoss

_DEEPEST = 10
_FIXED = {"rule": "fixed"}
_USUAL_WEIGHTS = ("weights", "float32")


@dataclasses.dataclass(frozen=True)
class RecipeFile:
    """Entries that every recipe has, checked against the types of their defaults.

    Attributes:
        optimizer: {"class": a name in `keras.optimizers`, further constructor arguments}.
        schedule: "constant", or "cosine": the learning rate rises linearly over the first twentieth of all steps, then
            falls to 0 along a cosine.
        batch_size: rows per batch.
        epochs: maximum number of epochs.
        patience: stop after this many epochs without improvement, and restore the best weights.
        seed: seed of all random numbers.
        weights: how the preset stores its weights, "float32", or "float16" in half the space; the metrics are those of
            the stored weights. See `tfrec.presets.convert`.
        attention_loss: {"weight": λ, "teacher": name or folder of a preset, or "column": a column of the data}: a loss
            on the attention weights beside that of the prediction; see `tfrec.training.attention_loss`.
    """

    default_split: ClassVar[Mapping[str, Any]] = {}

    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=lambda: {"class": "Adam", "learning_rate": 2e-3})
    schedule: str = "cosine"
    batch_size: int = 32
    epochs: int = 60
    patience: int = 15
    seed: int = 0
    weights: str = "float32"
    attention_loss: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value, default = getattr(self, field.name), _default(field)
            kind = Mapping if isinstance(default, Mapping) else type(default)
            if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
                wanted = "a table" if kind is Mapping else kind.__name__
                raise InputError(f"The recipe's {field.name} must be {wanted}, got {recipe_ranges.brief(value)}.")
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"The recipe's schedule must be constant or cosine, got {self.schedule!r}.")
        if not 0 <= self.seed < 2**32:
            raise InputError(
                f"The recipe's seed must lie between 0 and 2**32 - 1, got {recipe_ranges.brief(self.seed)}."
            )
        if self.weights not in DTYPES:
            wrong = recipe_ranges.brief(self.weights)
            raise InputError(f"The recipe's weights must be {' or '.join(DTYPES)}, got {wrong}.")
        for name in ("max_length", "batch_size", "epochs", "patience"):
            value = getattr(self, name, 1)
            if not 1 <= value <= recipe_ranges.LARGEST:
                limit = f"at most {recipe_ranges.LARGEST:,}" if value > 0 else "at least 1"
                raise InputError(f"The recipe's {name} must be {limit}, got {recipe_ranges.brief(value)}.")
        recipe_ranges.check({name: value for name, value in vars(self).items() if isinstance(value, Mapping)})
        self.joint_loss  # noqa: B018 - raises the error of an invalid table

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Read a recipe from TOML."""
        content = read_toml(text)
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in content if name not in known]
        if unknown:
            raise InputError(f"The recipe has an unknown entry '{unknown[0]}'. Known entries: {', '.join(known)}.")
        return cls(**content)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a recipe from a file."""
        try:
            return cls.from_toml(Path(path).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The recipe {path} cannot be read: {error}") from error

    def with_split_of(self, table: Interactions | Examples) -> Self:
        """The recipe with its split filled in, if it has none: that of the table if it comes with one, or the default.

        An explicit split is kept, even if the table comes with another.
        """
        if self.split:
            return self
        return dataclasses.replace(self, split=dict(_FIXED if table.parts is not None else self.default_split))

    def split_note(self, table: Interactions | Examples) -> str | None:
        """One sentence on which split is used, for a table that came with one; None for other tables."""
        if table.parts is None:
            return None
        if self.with_split_of(table).split["rule"] == _FIXED["rule"]:
            return 'Split: the data\'s own. A recipe may name another, such as [split] rule = "by-time".'
        return f"Split: {self.split['rule']}, as the recipe says. The data's own split is not used."

    @property
    def joint_loss(self) -> AttentionLoss:
        """The entries of `attention_loss`."""
        return AttentionLoss.of(self.attention_loss)

    def to_json(self) -> dict[str, Any]:
        """The entries as a JSON-compatible dict, without `weights` and `attention_loss` if they have the default."""
        entries = dataclasses.asdict(self).items()
        return {name: value for name, value in entries if (name, value) not in (_USUAL_WEIGHTS, ("attention_loss", {}))}

    def to_toml(self) -> str:
        """The recipe as TOML, for `from_toml`; raises `InputError` if TOML cannot represent an entry, such as None."""
        entries = self.to_json()
        try:
            return tomli_w.dumps({name: value for name, value in entries.items() if value != {}})
        except (TypeError, ValueError) as error:  # None, or a value that is no number, text, list or table
            raise InputError(f"TOML cannot hold this recipe: {error}. Leave out entries that are None.") from None

    def build_optimizer(self, total_steps: int) -> keras.optimizers.Optimizer:
        """The optimizer of the recipe, with its schedule over all steps of the run."""
        optimizer = build(keras.optimizers, dict(self.optimizer), "optimizer", keras.optimizers.Optimizer)
        if self.schedule == "cosine":
            warmup = max(1, total_steps // 20)
            optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
                0.0, max(1, total_steps - warmup), warmup_target=float(optimizer.learning_rate), warmup_steps=warmup
            )
        return optimizer


def read_toml(text: str) -> dict[str, Any]:
    """The entries of a recipe; raises `InputError` if the text is not valid TOML, or nested too deeply."""
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise InputError("The recipe is nested too deeply to be read.") from None
    except ValueError as error:  # TOMLDecodeError, or a number with too many digits for Python
        raise InputError(f"The recipe is not valid TOML: {error}") from error
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, dict | list)]
    if level:
        raise InputError(f"The recipe is nested more than {_DEEPEST} levels deep; no entry needs that.")
    return content


def _default(field: dataclasses.Field) -> Any:
    return field.default if field.default is not dataclasses.MISSING else field.default_factory()


def build(module: Any, arguments: dict[str, Any], what: str, base: type) -> Any:
    """An instance of the class named by `arguments["class"]`, built with the other arguments.

    The name is a class of the module, or "package>Name" of your own class, registered with Keras.

    Raises:
        InputError: if there is no such class, or an argument is unknown.
    """
    return construct(class_named(module, arguments.pop("class", None), what, base), arguments, what)


def class_named(module: Any, name: Any, what: str, base: type) -> type:
    """The class that a recipe names; see `build`."""
    known = sorted(
        key
        for key, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    )
    if name in known:
        return getattr(module, name)
    if isinstance(name, str) and ">" in name:
        found = keras.saving.get_registered_object(name)
        if inspect.isclass(found) and issubclass(found, base):
            return found
        raise InputError(
            f"The recipe's {what}.class {name!r} is "
            + (f"no {base.__name__}." if found is not None else "not registered with Keras in this process.")
            + " Import the module that defines it: in Python before the recipe is used, on the command line with "
            "--import MODULE."
        )
    raise InputError(
        f'The recipe\'s {what}.class must be one of {", ".join(known)}, or a class of your own as "package>Name", got '
        f"{name!r}."
    )


def construct(kind: type, arguments: dict[str, Any], what: str) -> Any:
    """`kind(**arguments)`; raises `InputError` if an argument is unknown or invalid."""
    takes = {
        name: parameter
        for name, parameter in _parameters(kind).items()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD and name != "name"  # reports use the name
    }
    unknown = [name for name in arguments if name not in takes]
    if unknown:
        raise InputError(
            f"The recipe's {what} has an unknown entry '{unknown[0]}'. {kind.__name__} takes: {', '.join(takes)}."
        )
    for name, value in arguments.items():
        _check_type(takes[name], value, f"{what}.{name}")
    try:
        return kind(**arguments)
    except (TypeError, ValueError, AttributeError, LookupError, OverflowError, ZeroDivisionError) as error:
        raise InputError(f"The recipe's {what} is invalid: {error}") from error


def _parameters(kind: type) -> Mapping[str, inspect.Parameter]:
    """The parameters of a class or function; for a model including those passed on to its base classes."""
    is_model = inspect.isclass(kind) and issubclass(kind, Recommender)
    return arguments_of(kind) if is_model else inspect.signature(kind).parameters


def _check_type(parameter: inspect.Parameter, value: Any, what: str) -> None:
    """Raise `InputError` if a value has a wrong type: in Python the text "false" is truthy, and true is a number."""
    usual, type_name = parameter.default, str(parameter.annotation)
    if isinstance(usual, bool) or type_name in ("bool", "<class 'bool'>"):
        wanted, fits = "true or false", isinstance(value, bool)
    elif isinstance(usual, int | float) or type_name in ("int", "float", "<class 'int'>", "<class 'float'>"):
        wanted, fits = "a number", isinstance(value, int | float) and not isinstance(value, bool)
    else:
        return
    if not fits and not (value is None or isinstance(value, Mapping)) and isinstance(value, bool | int | float | str):
        raise InputError(f"The recipe's {what} must be {wanted}, got {value!r}.")

"""Build the config of a model from its constructor's signature and the arguments of the call."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_GRAPH_ARGUMENTS = ("inputs", "outputs", "attention", "attention_labels")  # passed to RankingModel by a subclass


def arguments_of(kind: type) -> dict[str, inspect.Parameter]:
    """The named arguments of `kind(...)`: its own, and those of its base classes if it passes `**kwargs` on.

    Example:
        >>> class Base:
        ...     def __init__(self, width, rate=0.1): ...
        >>> class Wider(Base):
        ...     def __init__(self, height=1, **kwargs): ...
        >>> list(arguments_of(Wider))
        ['height', 'width', 'rate']
    """
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        if base.__module__.startswith("keras."):
            break
        if "__init__" not in vars(base):
            continue
        parameters = _parameters(base)
        skipped = _GRAPH_ARGUMENTS if base.__module__ == "tfrec.models.ranking_model" else ()
        own = {one.name: one for one in parameters if one.kind in _NAMED and one.name not in skipped}
        found |= {name: parameter for name, parameter in own.items() if name not in found}
        if not _takes_any(parameters):
            break
    return found


def takes(kind: type, name: str) -> bool:
    """Whether `kind(...)` takes an argument of this name, possibly by `**kwargs`."""
    parameters = _parameters(kind)
    return _takes_any(parameters) or any(one.name == name and one.kind in _NAMED for one in parameters)


def config_of(model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that create the same model again.

    Arguments in the constructor's signature are read from the attributes of the same name. Arguments passed on by
    `*args` and `**kwargs` are taken from the call, because a base class may store them under any name.

    Args:
        model: an instance.
        args: positional arguments that its constructor was called with.
        kwargs: keyword arguments that its constructor was called with.
    """
    parameters = _parameters(type(model))
    positional = [one.name for one in parameters if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    given = {**dict(zip(positional, args, strict=False)), **kwargs}
    own = [one for one in parameters if one.kind in _NAMED]
    config = {one.name: _own(model, one, given) for one in own}
    passed_on = {**_further(type(model), args[len(positional) :]), **kwargs}
    return config | {name: _plain(value) for name, value in passed_on.items() if name not in config}


def _own(model: Any, parameter: inspect.Parameter, given: Mapping[str, Any]) -> Any:
    name = parameter.name
    if name == "dtype":
        return keras.dtype_policies.serialize(model.dtype_policy)
    value = getattr(model, name, inspect.Parameter.empty)
    if value is inspect.Parameter.empty or (isinstance(value, keras.layers.Layer) and value is not given.get(name)):
        # No attribute, or one built from the argument, as in `self.dropout = keras.layers.Dropout(dropout)`.
        return _plain(given.get(name, parameter.default))
    return value


def _further(kind: type, args: Sequence[Any]) -> dict[str, Any]:
    """Names of the further arguments: those of the base class's constructor, which gets `*args`."""
    if not args:
        return {}
    later = kind.__mro__[next(at for at, base in enumerate(kind.__mro__) if "__init__" in vars(base)) + 1 :]
    following = next(base for base in later if "__init__" in vars(base))
    names = [one.name for one in _parameters(following) if one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    return dict(zip(names, args, strict=False))


def _plain(value: Any) -> Any:
    if isinstance(value, keras.DTypePolicy):
        return keras.dtype_policies.serialize(value)
    return value.item() if isinstance(value, np.generic) else value


def _takes_any(parameters: Sequence[inspect.Parameter]) -> bool:
    return any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)


def _parameters(kind: type) -> list[inspect.Parameter]:
    return list(inspect.signature(kind.__init__).parameters.values())[1:]

"""Register the classes of tfrec with Keras when both packages are imported, in either order."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import warnings
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_PACKAGES = ("tfrec.layers", "tfrec.losses", "tfrec.models")  # where classes are registered with Keras


class _Finder(MetaPathFinder):
    """An import hook that registers the classes when the import of Keras is complete.

    A class is registered when its module is imported. `import tfrec` must not import Keras, so the import of Keras
    triggers the registration. If a package of tfrec imports Keras first, that package is completed before.
    """

    def __init__(self) -> None:
        self._under_way = 0

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module spec of the next finder, for Keras and the packages of tfrec; None for all others."""
        if fullname != "keras" and not fullname.startswith("tfrec."):
            return None
        others = [finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec")]
        spec = next((spec for finder in others if (spec := finder.find_spec(fullname, path, target))), None)
        if spec is not None and spec.loader is not None:
            self._watch(spec.loader)
        return spec

    def _watch(self, loader: object) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            self._under_way += 1
            try:
                execute(module)
            finally:
                self._under_way -= 1
            if not self._under_way and "keras" in sys.modules and self in sys.meta_path:
                sys.meta_path.remove(self)
                _register()

        loader.exec_module = exec_module


def register_with_keras() -> None:
    """Register layers, losses and models with Keras: now if Keras is imported, otherwise when it is imported."""
    if "keras" in sys.modules:
        _register()
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register() -> None:
    try:
        for name in _PACKAGES:
            importlib.import_module(name)
    except ImportError as error:  # a program's `import keras` must not fail because of tfrec
        warnings.warn(f"tfrec could not register its classes with Keras: {error}", ImportWarning, stacklevel=2)

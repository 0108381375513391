"""The classes are registered when the import of Keras is complete, no matter which module started it."""

import importlib.machinery
import sys
import types

import pytest

from tfrec import registration


class _Loader:
    def create_module(self, spec):
        return None

    def exec_module(self, module):
        if module.__name__ == "tfrec.first":
            __import__("keras")


class _Modules:
    """Finds empty modules of these names."""

    def find_spec(self, name, path=None, target=None):
        known = name in ("keras", "tfrec.first", "other")
        return importlib.machinery.ModuleSpec(name, _Loader()) if known else None


@pytest.fixture
def imports(monkeypatch):
    """`imports` lists the registrations; Keras is not imported yet."""
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] in ("keras", "tfrec")}
    for name in kept:
        monkeypatch.delitem(sys.modules, name)
    tfrec = types.ModuleType("tfrec")
    tfrec.__path__ = []
    monkeypatch.setitem(sys.modules, "tfrec", tfrec)
    monkeypatch.setattr(sys, "meta_path", [_Modules()])
    done = []
    monkeypatch.setattr(registration, "_register", lambda: done.append("keras" in sys.modules))
    yield done
    for name in ("keras", "tfrec.first", "other"):
        sys.modules.pop(name, None)
    sys.modules.update(kept)


def test_after_keras_and_only_once(imports):
    registration.register_with_keras()
    registration.register_with_keras()
    __import__("other")
    assert imports == []
    __import__("keras")
    assert imports == [True] and len(sys.meta_path) == 1


def test_not_before_the_package_that_imports_keras_is_complete(imports):
    registration.register_with_keras()
    __import__("tfrec.first")
    assert imports == [True]


def test_classes_are_registered_at_once_if_keras_is_imported(imports, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    registration.register_with_keras()
    assert imports == [True] and len(sys.meta_path) == 1


def test_looking_for_keras_does_not_use_the_finder_up(imports):
    registration.register_with_keras()
    finder = sys.meta_path[0]
    assert finder.find_spec("keras") is not None
    __import__("keras")
    assert imports == [True]


def test_a_failed_import_registers_nothing(imports, monkeypatch):
    def fail(self, module):
        raise ImportError("broken")

    monkeypatch.setattr(_Loader, "exec_module", fail)
    registration.register_with_keras()
    with pytest.raises(ImportError):
        __import__("keras")
    assert imports == []

"""The examples in docstrings run and print what they show; public methods that are not overrides have a docstring."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = {"keras_hub", "keras_tuner", "matplotlib", "scann", "tensorflow_recommenders", "tensorflow_serving"}


def _modules(text):
    """Names of the modules whose source contains `text`. The scripts of serving/runtime are not made to be imported."""
    return sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "tfrec").rglob("*.py")
        if text in path.read_text("utf-8") and path.parent.name != "runtime"
    )


def _module(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name.split(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{name} needs the extra package {missing.name}")


pytestmark = pytest.mark.tensorflow  # shapes print as TensorShape there


@pytest.mark.parametrize("name", _modules(">>>"))
def test_examples(name, tmp_path, monkeypatch):
    module = _module(name)
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted and not results.failed


@pytest.mark.parametrize("name", _modules("\nclass "))
def test_methods_are_documented(name):
    assert not _undocumented(_module(name))


def _undocumented(module):
    """Public methods and properties without a docstring, except overrides of a base class's own."""
    return [
        f"{kind.__name__}.{name}"
        for kind in vars(module).values()
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not kind.__name__.startswith("_")
        for name, member in vars(kind).items()
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property))
        if not member.__doc__ and not any(hasattr(base, name) for base in kind.__mro__[1:])
    ]

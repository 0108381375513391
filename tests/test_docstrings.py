"""Every example in a docstring runs and shows what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXTRAS = {"keras_hub", "keras_tuner", "matplotlib", "scann", "tensorflow_recommenders", "tensorflow_serving"}
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "tfrec").rglob("*.py")
    if ">>>" in path.read_text("utf-8")
)

pytestmark = pytest.mark.tensorflow  # shapes print as TensorShape there


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name.split(".")[0] not in EXTRAS:
            raise
        pytest.skip(f"{name} needs the extra package {missing.name}")
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted and not results.failed

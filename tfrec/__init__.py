"""tfrec: a Keras 3 model zoo of attention-based recommenders.

Packages load when they are first used, so `import tfrec` is quick, and layers, losses and models never pull in
TensorFlow's data and serving parts when Keras runs on another backend.

Once tfrec and Keras are both imported, `keras.models.load_model` finds the classes of tfrec by themselves.
"""

import importlib
from types import ModuleType

from tfrec.registration import register_with_keras

__version__ = "0.1.0"
__all__ = [
    "data",
    "errors",
    "evaluation",
    "inference",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "presets",
    "runner",
    "serving",
    "training",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"tfrec.{name}")
    raise AttributeError(f"module 'tfrec' has no attribute {name!r}; it has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


register_with_keras()

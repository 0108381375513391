"""tfrec: a Keras 3 model zoo of attention-based recommenders.

Packages are imported on first use, so `import tfrec` is fast. On other backends of Keras, layers, losses and models
work without TensorFlow's data and serving packages.

After tfrec and Keras are imported, `keras.models.load_model` finds the classes of tfrec.
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
    "measure",
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

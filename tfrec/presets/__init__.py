"""Presets: folders with a trained model and everything it needs, verified when they are loaded.

```
preset.json        format, versions, and the hash and size of every other file
config.json        the model's class and constructor arguments
model.weights.h5   its weights, as float32 or float16
spec.json, vocabularies/item.txt, vocabularies/item_counts.txt, items.csv      the feature spec
item_features.npz, vocabularies/cold_items.txt, cold_items.csv      the features of the items, if the model reads any
vocabularies/user.txt, user_features.npz      the users of models that read user ids, and their features
metrics.json       the measured metrics
README.md          the model card
```

Files that come later have no hash: seeds.json, the results of further seeds, and published.toml, the
data's name and what others publish on it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfrec.presets.additions import add_files
    from tfrec.presets.bundled import find, find_recipe, zoo
    from tfrec.presets.catalogue import with_items
    from tfrec.presets.finite import check_finite
    from tfrec.presets.int8 import in_int8
    from tfrec.presets.preset import Preset, check_target, load, save
    from tfrec.presets.seed_results import gather as gather_seeds
    from tfrec.presets.stored_weights import convert, round_weights
    from tfrec.presets.zoo_results import Result, results

# Name -> (module, name in it). Modules load on first use, so the stored results are read without TensorFlow.
_HOMES = {
    "Preset": ("preset", "Preset"),
    "Result": ("zoo_results", "Result"),
    "add_files": ("additions", "add_files"),
    "check_finite": ("finite", "check_finite"),
    "check_target": ("preset", "check_target"),
    "convert": ("stored_weights", "convert"),
    "find": ("bundled", "find"),
    "find_recipe": ("bundled", "find_recipe"),
    "gather_seeds": ("seed_results", "gather"),
    "in_int8": ("int8", "in_int8"),
    "load": ("preset", "load"),
    "results": ("zoo_results", "results"),
    "round_weights": ("stored_weights", "round_weights"),
    "save": ("preset", "save"),
    "with_items": ("catalogue", "with_items"),
    "zoo": ("bundled", "zoo"),
}
__all__ = [
    "Preset",
    "Result",
    "add_files",
    "check_finite",
    "check_target",
    "convert",
    "find",
    "find_recipe",
    "gather_seeds",
    "in_int8",
    "load",
    "results",
    "round_weights",
    "save",
    "with_items",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tfrec.presets' has no attribute {name!r}; it has: {', '.join(__all__)}")
    module, attribute = _HOMES[name]
    found = getattr(importlib.import_module(f"tfrec.presets.{module}"), attribute)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return [*globals(), *__all__]

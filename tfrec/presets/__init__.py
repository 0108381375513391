"""A preset: a folder with a trained model and all it needs to be used, verified when it is loaded.

```
preset.json        format, versions, and the hash and size of every other file
config.json        the model's class and constructor arguments
model.weights.h5   its weights
spec.json, vocabularies/item.txt, vocabularies/item_counts.txt, items.csv      the feature spec
item_features.npz, vocabularies/cold_items.txt, cold_items.csv      of ranking models: what is known of the items
metrics.json       what was measured
README.md          the model card
```

Beside these may stand what came later, without a hash: seeds.json, the results of further seeds, and shelf.toml, the
data's name and what others publish on it.
"""

from tfrec.presets.catalogue import with_items
from tfrec.presets.int8 import in_int8
from tfrec.presets.measured import Result, results
from tfrec.presets.seeds import gather as gather_seeds
from tfrec.presets.shelf import find, zoo
from tfrec.presets.store import Preset, check_target, load, save

__all__ = [
    "Preset",
    "Result",
    "check_target",
    "find",
    "gather_seeds",
    "in_int8",
    "load",
    "results",
    "save",
    "with_items",
    "zoo",
]

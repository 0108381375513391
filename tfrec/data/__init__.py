"""From a table of interactions to batches: `Interactions` -> split -> `FeatureSpec` -> `sequences`."""

from tfrec.data.feature_spec import FeatureSpec
from tfrec.data.interactions import Interactions
from tfrec.data.masking import masked_items
from tfrec.data.pipelines import sequences
from tfrec.data.readers import read
from tfrec.data.splits import ByTime, Holdout, LeaveLastOut, Split
from tfrec.data.synthetic import generate_world
from tfrec.data.vocabulary import Vocabulary

__all__ = [
    "ByTime",
    "FeatureSpec",
    "Holdout",
    "Interactions",
    "LeaveLastOut",
    "Split",
    "Vocabulary",
    "generate_world",
    "masked_items",
    "read",
    "sequences",
]

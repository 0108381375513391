"""From a table to batches: split, `FeatureSpec`, then `sequences` of `Interactions` or `labelled` rows of examples."""

from tfrec.data.examples import Examples, ExampleSplit
from tfrec.data.feature_spec import FeatureSpec
from tfrec.data.features import Categorical, MultiValued, Numeric, Vector
from tfrec.data.fixed_split import Fixed
from tfrec.data.history_rule import History
from tfrec.data.interactions import Interactions
from tfrec.data.item_attributes import Attributes, item_attributes, named_attributes
from tfrec.data.labelled import labelled
from tfrec.data.masking import masked_items
from tfrec.data.pipelines import sequences
from tfrec.data.readers import is_labelled, read, read_examples
from tfrec.data.splits import ByTime, Holdout, LeaveLastOut, Random, Split
from tfrec.data.synthetic import generate_world
from tfrec.data.vocabulary import Vocabulary

__all__ = [
    "Attributes",
    "ByTime",
    "Categorical",
    "ExampleSplit",
    "Examples",
    "FeatureSpec",
    "Fixed",
    "History",
    "Holdout",
    "Interactions",
    "LeaveLastOut",
    "MultiValued",
    "Numeric",
    "Random",
    "Split",
    "Vector",
    "Vocabulary",
    "generate_world",
    "is_labelled",
    "item_attributes",
    "labelled",
    "masked_items",
    "named_attributes",
    "read",
    "read_examples",
    "sequences",
]

"""From tables to batches: read and split data, fit a `FeatureSpec`, make `sequences` or `labelled` batches."""

from tfrec.data.batches.labelled import labelled
from tfrec.data.batches.masking import masked_items
from tfrec.data.batches.pairs import known_pairs, pairs
from tfrec.data.batches.sequence_batches import sequences
from tfrec.data.datasets.synthetic import generate_world
from tfrec.data.features import Categorical, MultiValued, Numeric, Vector
from tfrec.data.features.fitting import side_features
from tfrec.data.features.history_rule import History
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.fixed_split import Fixed
from tfrec.data.readers import is_labelled, read, read_examples
from tfrec.data.spec.feature_spec import FeatureSpec
from tfrec.data.spec.item_attributes import Attributes, item_attributes, named_attributes
from tfrec.data.splits import ByTime, Holdout, LeaveLastOut, Random, Split
from tfrec.data.tables.examples import Examples, ExampleSplit
from tfrec.data.tables.interactions import Interactions

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
    "known_pairs",
    "labelled",
    "masked_items",
    "named_attributes",
    "pairs",
    "read",
    "read_examples",
    "sequences",
    "side_features",
]

"""Features of ranking models: how columns become numbers, and how missing values are encoded."""

from tfrec.data.features.categorical import Categorical
from tfrec.data.features.feature import Feature
from tfrec.data.features.feature_files import load_features, save_features
from tfrec.data.features.infer import infer_features, unread_columns
from tfrec.data.features.multivalued import MultiValued
from tfrec.data.features.numeric import Numeric
from tfrec.data.features.tokens import Tokens
from tfrec.data.features.vector import Vector

__all__ = [
    "Categorical",
    "Feature",
    "MultiValued",
    "Numeric",
    "Tokens",
    "Vector",
    "infer_features",
    "load_features",
    "save_features",
    "unread_columns",
]

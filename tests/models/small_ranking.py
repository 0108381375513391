"""Every ranking model of the zoo with small sizes, for test_ranking_meaning.py."""

import functools

import numpy as np

from tfrec import models

# name -> (class, arguments other than features)
VARIANTS = {
    "afm": (models.AFM, {"embedding_dim": 4, "attention_dim": 4}),
    "attention-matcher": (models.AttentionMatcher, {"embedding_dim": 4, "hidden_dims": [8], "dropout": 0.0}),
    "attention-matcher-linear": (
        models.AttentionMatcher,
        {"embedding_dim": 4, "head": "linear", "user_layers": 0, "may_abstain": False, "dropout": 0.0},
    ),
    "attention-matcher-user-to-item": (
        models.AttentionMatcher,
        {"embedding_dim": 4, "direction": "user-to-item", "head": "residual", "hidden_dims": [8, 8], "dropout": 0.0},
    ),
    "attention-matcher-both": (
        models.AttentionMatcher,
        {"embedding_dim": 4, "direction": "both", "head": "dense", "hidden_dims": [8], "dropout": 0.0},
    ),
    "attention-matcher-joint": (
        models.AttentionMatcher,
        {"embedding_dim": 4, "encoder": "joint", "may_abstain": False, "hidden_dims": [8], "dropout": 0.0},
    ),
    "autoint": (models.AutoInt, {"embedding_dim": 4, "num_layers": 2, "head_dim": 4}),
    "autoint-deep": (
        models.AutoInt,
        {"embedding_dim": 4, "num_layers": 1, "head_dim": 4, "qk_norm": True, "hidden_dims": [8]},
    ),
    "biasedmf": (models.BiasedMF, {"embedding_dim": 4, "embedding_l2": 0.001, "task": "click"}),
    "bst": (models.BST, {"embedding_dim": 4, "hidden_dims": [8]}),
    "dcnv2": (models.DCNv2, {"embedding_dim": 4, "num_cross_layers": 2, "hidden_dims": [8]}),
    "dcnv2-parallel": (
        models.DCNv2,
        {"embedding_dim": 4, "num_cross_layers": 2, "projection_dim": 4, "structure": "parallel", "hidden_dims": [8]},
    ),
    "deepfm": (models.DeepFM, {"embedding_dim": 4, "hidden_dims": [8]}),
    "dien": (models.DIEN, {"embedding_dim": 4, "hidden_dims": [8]}),
    "din": (models.DIN, {"embedding_dim": 4, "hidden_dims": [8], "attention_dims": [8]}),
    "expert-fusion": (models.ExpertFusion, {"embedding_dim": 4, "hidden_dims": [8]}),
    "fm": (models.DeepFM, {"embedding_dim": 4, "hidden_dims": []}),
}
# Variants that slow tests skip, because another variant of the same class is tested.
DIRECTIONS = {f"attention-matcher-{which}" for which in ("user-to-item", "both", "joint")}
SIBLINGS = {*DIRECTIONS, "attention-matcher-linear", "autoint-deep", "dcnv2-parallel", "fm"}
# Attention whose weights do not sum to 1, by name of the variant.
NOT_NORMALISED = {"attention-matcher", "attention-matcher-both", "din"}

LENGTH = 6
FEATURES = [
    {"name": "user", "kind": "categorical", "group": "user", "size": 12},
    {"name": "age", "kind": "numeric", "group": "user"},
    {"name": "item", "kind": "categorical", "group": "item", "size": 20},
    {"name": "genres", "kind": "multivalued", "group": "item", "size": 7, "length": 3},
    {"name": "year", "kind": "numeric", "group": "item"},
    {"name": "text", "kind": "vector", "group": "item", "dim": 5},
    {"name": "hour", "kind": "categorical", "group": "context", "size": 6},
    {"name": "history", "kind": "sequence", "group": "history", "length": LENGTH, "of": "item"},
    {"name": "history_label", "kind": "sequence", "group": "history", "length": LENGTH, "size": 4},
    {"name": "history_genres", "kind": "sequence", "group": "history", "length": LENGTH, "of": "genres"},
]


def build(name, features=FEATURES, **kwargs):
    """The variant with a seed and small sizes, or the given arguments."""
    kind, arguments = VARIANTS[name]
    return kind(features, **{"seed": 0, **arguments, **kwargs})


def made(name, seed=0, **kwargs):
    """The variant with weights that are all far from where they begin."""
    model = build(name, **kwargs)
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        drawn = rng.normal(0, 0.4, weight.shape)
        weight.assign(np.abs(drawn) + 0.5 if weight.path.endswith("variance") else drawn)
    return model


@functools.cache
def kept(name):
    """`made(name)`, shared by all tests that do not change the model."""
    return made(name)


def rows(count=8, seed=0, missing=0.0, features=FEATURES, lengths=None):
    """Generated inputs of every kind; each value is missing with the given probability.

    Histories have the lengths given, or from 1 to L; what goes with them is padded where they are.
    """
    rng = np.random.default_rng(seed)
    by_name = {feature["name"]: feature for feature in features}
    lengths = rng.integers(1, LENGTH + 1, count) if lengths is None else np.asarray(lengths)
    is_padding = np.arange(LENGTH) < (LENGTH - lengths)[:, None]

    def values(feature, shape):
        kind = feature["kind"]
        if kind == "numeric":
            drawn, nothing = rng.normal(size=shape).astype("float32"), np.nan
        elif kind == "vector":
            drawn, nothing = rng.normal(size=(*shape, feature["dim"])).astype("float32"), np.nan
        elif kind == "multivalued":
            drawn, nothing = rng.integers(1, feature["size"], (*shape, feature["length"])).astype("int32"), 0
        else:
            drawn, nothing = rng.integers(1, feature["size"], shape).astype("int32"), 0
        drawn[rng.random(shape) < missing] = nothing
        return drawn, nothing

    given = {}
    for name, feature in by_name.items():
        if feature["kind"] != "sequence":
            given[name] = values(feature, (count,))[0]
            continue
        of = by_name[feature["of"]] if feature.get("of") else {**feature, "kind": "categorical"}
        drawn, nothing = values(of, (count, LENGTH))
        if name == "history":
            drawn = np.maximum(drawn, 1)  # a missing item is not a position of the history
        drawn[is_padding] = nothing
        given[name] = drawn
    return given


def given(model, inputs):
    """The inputs that a model reads."""
    return {name: inputs[name] for name in model.input_names}

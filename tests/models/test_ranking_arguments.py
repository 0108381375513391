"""Invalid arguments of ranking models raise an error that names them, before a graph is built."""

import json

import numpy as np
import pytest
from small_ranking import FEATURES, build

from tfrec.models import AFM, BST, DIEN, DIN, AttentionMatcher, AutoInt, DCNv2, DeepFM, ExpertFusion

KINDS = [AFM, BST, DIEN, DIN, AttentionMatcher, AutoInt, DCNv2, DeepFM, ExpertFusion]


@pytest.mark.parametrize("kind", KINDS)
def test_all_ranking_models_use_the_same_argument_names_for_width_and_penalty(kind):
    for width in (0, -8, 8.0, "8"):
        with pytest.raises(ValueError, match=f"embedding_dim must be a positive integer, got {width!r}"):
            kind(FEATURES, embedding_dim=width)
    for weight in (-1e-3, float("nan"), "small"):
        with pytest.raises(ValueError, match=f"embedding_l2 is a loss weight.* at least 0, got {weight!r}"):
            kind(FEATURES, embedding_l2=weight)


@pytest.mark.parametrize(
    ("kind", "argument", "least"),
    [
        (AFM, "attention_dim", 1), (AutoInt, "num_layers", 1), (AutoInt, "num_heads", 1), (AutoInt, "head_dim", 1),
        (BST, "num_heads", 1), (DCNv2, "num_cross_layers", 1), (DCNv2, "projection_dim", 1), (DIEN, "state_dim", 1),
        (AttentionMatcher, "num_heads", 1), (AttentionMatcher, "user_layers", 0), (AttentionMatcher, "item_layers", 0),
        (ExpertFusion, "num_heads", 1),
    ],
)  # fmt: skip
def test_sizes_must_be_integers(kind, argument, least):
    for size in (least - 1, 1.0):
        with pytest.raises(ValueError, match=f"{argument} must be an? .*integer.*, got {size}"):
            kind(FEATURES, **{argument: size})


@pytest.mark.parametrize(
    ("kind", "arguments", "says"),
    [
        (
            AttentionMatcher,
            {"embedding_dim": 8, "num_heads": 3},
            "num_heads must divide embedding_dim: got num_heads=3",
        ),
        (ExpertFusion, {"embedding_dim": 8, "num_heads": 3}, "num_heads must divide embedding_dim: got num_heads=3"),
        (BST, {"num_heads": 5}, "num_heads must divide event_width"),
        (DIEN, {"auxiliary_weight": -1.0}, "auxiliary_weight is a loss weight.* at least 0, got -1.0"),
        (DIN, {"attention_dims": []}, "attention_dims must hold at least one width"),
        (DIN, {"attention_dims": [8, 0]}, "Each of attention_dims must be a positive integer, got 0"),
        (
            ExpertFusion,
            {"count_feature": "genres"},
            "count_feature must name a numeric .* but 'genres' has the kind multivalued",
        ),
        (ExpertFusion, {"count_feature": "age"}, "but 'age' has the kind numeric and the group user"),
    ],
)
def test_invalid_arguments_raise_an_error(kind, arguments, says):
    with pytest.raises(ValueError, match=says):
        kind(FEATURES, **arguments)


@pytest.mark.parametrize("name", ["din", "attention-matcher-linear", "dcnv2-parallel"])
def test_numpy_integers_are_valid_sizes(name):
    plain = build(name).get_config()
    sizes = {key: value for key, value in plain.items() if key.endswith(("_dim", "_dims", "_layers", "_heads"))}
    model = build(
        name, **{key: np.int64(value) if np.ndim(value) == 0 else np.array(value) for key, value in sizes.items()}
    )
    assert json.dumps(model.get_config()) == json.dumps(plain)

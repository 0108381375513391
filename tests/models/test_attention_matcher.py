"""Tests of AttentionMatcher only. Tests of all ranking models are in test_ranking_meaning.py."""

import keras
import numpy as np
import pytest
from keras import ops
from one_epoch import fit_often
from small_ranking import FEATURES, given, kept, made, rows
from test_attention_supervision import compiled, reading_world, small

from tfrec.models import AttentionMatcher


@pytest.mark.slow
def test_learns_to_attend_to_the_event_that_matches_the_candidate():
    inputs, labels, where = reading_world(1500)
    keras.utils.set_random_seed(0)
    model = compiled(small(head="dense", hidden_dims=[16]))
    fit_often(model, inputs, labels, 16, batch_size=64)
    test, expected, where = reading_world(200, seed=1)
    assert np.mean((ops.convert_to_numpy(model.score(test)) > 0.5) == expected) > 0.95
    weights = ops.convert_to_numpy(model.attention_weights(test)["cross"])[:, 0, 0]
    assert np.mean(weights.argmax(axis=1) == where.argmax(axis=1)) > 0.9


def test_a_causal_user_encoder_does_not_look_ahead():
    inputs = rows(4, lengths=[6, 6, 3, 2])
    for causal in (True, False):
        model = made("attention-matcher", causal=causal)
        weights = ops.convert_to_numpy(model.attention_weights(given(model, inputs))["user_0"])
        ahead = weights * np.triu(np.ones((6, 6)), 1)
        assert (ahead.max() > 0.01) != causal


def test_positions_make_the_order_matter():
    inputs = rows(4, lengths=[6, 6, 6, 6])
    turned = {key: values[:, ::-1] if key.startswith("history") else values for key, values in inputs.items()}
    for use_positions in (True, False):
        model = made("attention-matcher", use_positions=use_positions)
        one, other = (ops.convert_to_numpy(model(given(model, rows_))) for rows_ in (inputs, turned))
        assert (np.abs(one - other).max() > 1e-3) == use_positions


def test_attention_weights_have_labels_for_each_axis():
    model = made("attention-matcher")
    assert model.attention_axes["item_0"] == ["head", "feature", "feature"]
    assert model.attention_labels["feature"] == ["item", "genres", "year", "text"]


DIRECTIONS = {
    "item-to-user": "attention-matcher",
    "user-to-item": "attention-matcher-user-to-item",
    "both": "attention-matcher-both",
    "joint": "attention-matcher-joint",
}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_different_items_get_different_scores(direction):
    """All attention weights that involve the item change with the item, and so does the score."""
    model, inputs = kept(DIRECTIONS[direction]), rows(4, lengths=[6, 6, 3, 2])
    other = {**inputs, **{key: rows(4, seed=5)[key] for key in ("item", "genres", "year", "text")}}
    before, after = (model.attention_weights(given(model, one)) for one in (inputs, other))
    for name in set(before) - {"user_0"}:
        moved = np.abs(ops.convert_to_numpy(before[name]) - ops.convert_to_numpy(after[name])).max(axis=-1)
        assert (moved.reshape(4, -1).max(axis=1) > 1e-3).all(), name
    one, two = (ops.convert_to_numpy(model.score(given(model, one))) for one in (inputs, other))
    assert (np.abs(one - two) > 1e-3).all()


def test_the_user_attends_to_the_features_as_in_the_formula():
    """The whole model in float64, without encoders: user -> features, and the residual head."""
    model = made("attention-matcher-user-to-item", user_layers=0, item_layers=0, num_heads=1)
    inputs = rows(5, lengths=[0, 1, 3, 6, 6])
    w = {v.path: ops.convert_to_numpy(v).astype("float64") for v in model.weights}
    vectors = {
        name: ops.convert_to_numpy(one).astype("float64")
        for name, one in model.get_layer("embedding")(given(model, inputs)).items()
    }

    def dense(x, name):
        return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0)

    mask = inputs["history"] != 0
    thing = vectors["history"] + vectors["history_genres"]
    events = thing + vectors["history_label"] + thing * vectors["history_label"]
    pooled = (events * mask[..., None]).sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
    u = pooled + (vectors["user"] + vectors["age"]) / 2
    x = np.stack([vectors[name] for name in ("item", "genres", "year", "text")], axis=1)
    centred = u - u.mean(axis=1, keepdims=True)
    norm = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-6) * w["ask_norm/gamma"] + w["ask_norm/beta"]
    scores = np.einsum("bd,bjd->bj", dense(norm, "cross/query_map"), dense(x, "cross/key_map")) / np.sqrt(4)
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.attention_weights(given(model, inputs))["features"][:, 0], shares, atol=1e-5)
    c = dense(np.einsum("bj,bjd->bd", shares, dense(x, "cross/value_map")), "cross/output_map")
    h = np.concatenate([u, c, u * c, vectors["user"], vectors["age"], vectors["hour"],
                        vectors["user"] * vectors["item"]], axis=1)  # fmt: skip
    for i in range(2):
        h = h + dense(np.maximum(dense(h, f"residual/expand_{i}"), 0), f"residual/contract_{i}")
    static = {name: inputs[name] for name in ("user", "age", "item", "genres", "year", "text", "hour")}
    bias = sum(ops.convert_to_numpy(one) for one in model.get_layer("biases")(static).values())
    np.testing.assert_allclose(ops.convert_to_numpy(model(given(model, inputs))), dense(h, "score") + bias, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [{"direction": "user-to-item"}, {"direction": "both"}, {"encoder": "joint"}], ids=str
)
def test_finds_the_feature_that_a_user_decides_by(arguments):
    """Half of the users decide by the colour, half by the shape; the user's attention shows which."""
    features = [
        {"name": "user", "kind": "categorical", "group": "user", "size": 12},
        *({"name": name, "kind": "categorical", "group": "item", "size": 6} for name in ("colour", "shape")),
        {"name": "item", "kind": "categorical", "group": "item", "size": 40},
        {"name": "history", "kind": "sequence", "group": "history", "length": 2, "of": "item"},
    ]
    rng = np.random.default_rng(0)
    inputs = {one["name"]: rng.integers(2, one["size"], 1200).astype("int32") for one in features[:4]}
    inputs["history"] = rng.integers(2, 40, (1200, 2)).astype("int32")
    decides = inputs["user"] % 2  # 0: by the colour
    labels = (np.where(decides, inputs["shape"], inputs["colour"]) % 2).astype("float32")
    keras.utils.set_random_seed(0)
    sizes = {"embedding_dim": 8, "num_heads": 1, "dropout": 0.0, "user_layers": 0, "hidden_dims": [16], "head": "dense"}
    model = compiled(AttentionMatcher(features, seed=0, **{**sizes, **arguments}))
    fit_often(model, {k: v[200:] for k, v in inputs.items()}, labels[200:], 10, batch_size=50)
    test = {name: values[:200] for name, values in inputs.items()}
    assert np.mean((ops.convert_to_numpy(model.score(test)) > 0.5) == labels[:200]) > 0.95
    if arguments == {"direction": "user-to-item"}:
        weights = ops.convert_to_numpy(model.attention_weights(test)["features"])[:, 0]
        assert model.attention_labels["feature"][:2] == ["colour", "shape"]
        by_colour, by_shape = (weights[decides[:200] == one].mean(axis=0) for one in (0, 1))
        assert by_colour[0] > 0.8 and by_shape[1] > 0.8


def test_a_sigmoid_head_stays_in_the_range_of_ratings():
    model = made("attention-matcher", head="sigmoid", task="rating", rating_range=[1, 5], output_bias=3.5)
    inputs = rows(32)
    model.get_layer("score").bias.assign([3.0])
    logits = made("attention-matcher", head="dense", task="rating")
    logits.set_weights(model.get_weights())
    found, wanted = (ops.convert_to_numpy(one(given(one, inputs))) for one in (model, logits))
    np.testing.assert_allclose(found, 1 + 4 / (1 + np.exp(-wanted)), atol=1e-5)
    fresh = AttentionMatcher(FEATURES, 4, head="sigmoid", task="rating", rating_range=[1, 5], output_bias=3.5, seed=0)
    np.testing.assert_allclose(ops.convert_to_numpy(fresh(inputs)).mean(), 3.5, atol=0.2)


@pytest.mark.parametrize("more", [{"task": "click"}, {"task": "rating"}])
def test_a_sigmoid_head_needs_a_range(more):
    with pytest.raises(ValueError, match='head="sigmoid" keeps ratings within rating_range: it needs task="rating"'):
        AttentionMatcher(FEATURES, head="sigmoid", **more)


def test_the_head_residual_of_old_files_is_the_head_skip():
    inputs = rows(4)
    old = made("attention-matcher", head="skip")
    config = {name: value for name, value in old.get_config().items() if name not in ("direction", "encoder")}
    again = AttentionMatcher.from_config({**config, "head": "residual"})
    again.set_weights(old.get_weights())
    np.testing.assert_array_equal(*(ops.convert_to_numpy(one(given(one, inputs))) for one in (old, again)))
    assert again.head == "skip" and again.get_config() == old.get_config()
    new = made("attention-matcher", head="residual")
    assert AttentionMatcher.from_config(new.get_config()).head == "residual"
    assert AttentionMatcher.from_config(new.get_config()).get_config() == new.get_config()


@pytest.mark.tensorflow
def test_an_old_preset_with_the_head_residual_has_the_head_skip():
    from tfrec import presets

    assert presets.load("matcher_ml100k").model.head == "skip"


@pytest.mark.parametrize(("name", "axis"), [("joint", "joint_0"), ("both", "features"), ("user-to-item", "features")])
def test_new_attentions_can_be_supervised_and_padding_counts_nothing(name, axis):
    inputs = rows(8, lengths=[1, 2, 3, 4, 5, 6, 6, 6])
    model = compiled(made(DIRECTIONS[name], attention_supervision=1.0), eagerly=True)
    own, labels = given(model, inputs), np.zeros(8, "float32")
    plain = model.evaluate(own, labels, batch_size=8, verbose=0)
    shape = model.attention_weights(own)[axis].shape[2:]  # without the heads
    wanted = np.random.default_rng(0).random((8, *shape)).astype("float32")
    real = np.ones((8, *shape), bool)
    for place, one in enumerate(model.attention_axes[axis][1:]):
        if one.startswith("history"):
            mask = np.pad(inputs["history"] > 0, ((0, 0), (0, shape[place] - 6)), constant_values=True)
            real &= mask.reshape(8, *(shape[place] if at == place else 1 for at in range(len(shape))))
    with_padding, without = (
        model.evaluate({**own, f"given_{axis}": one}, labels, batch_size=8, verbose=0)
        for one in (wanted, np.where(real, wanted, 0))
    )
    assert with_padding > plain + 1e-3
    np.testing.assert_allclose(with_padding, without, rtol=1e-6)


def test_invalid_arguments_raise_an_error():
    with pytest.raises(ValueError, match="head must be one of linear, dense, skip, residual, sigmoid, got 'deep'"):
        AttentionMatcher(FEATURES, head="deep")
    with pytest.raises(ValueError, match="direction must be one of item-to-user, user-to-item, both, got 'up'"):
        AttentionMatcher(FEATURES, direction="up")
    with pytest.raises(ValueError, match="encoder must be one of separate, joint, got 'one'"):
        AttentionMatcher(FEATURES, encoder="one")
    with pytest.raises(ValueError, match='causal=True needs encoder="separate"'):
        AttentionMatcher(FEATURES, encoder="joint", causal=True)
    with pytest.raises(ValueError, match="sequence 'history'"):
        AttentionMatcher([one for one in FEATURES if one["group"] != "history"])

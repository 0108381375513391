"""Tests of every ranking model: a planted interaction, missing values, padding, saving and loading."""

import functools
import json

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often
from small_ranking import FEATURES, LENGTH, NOT_NORMALISED, SIBLINGS, VARIANTS, build, given, kept, made, rows

ON_JAX = keras.backend.backend() == "jax"

pytestmark = pytest.mark.parametrize("name", VARIANTS)


def output_of(model, inputs):
    return ops.convert_to_numpy(model(given(model, inputs)))


def compiled(model, rate=0.01, eagerly=False):
    loss = keras.losses.BinaryCrossentropy(from_logits=True) if model.task == "click" else "mean_squared_error"
    model.compile(Adam(rate), loss, jit_compile=ON_JAX, run_eagerly=eagerly and not ON_JAX)
    return model


@pytest.mark.slow
def test_finds_a_planted_interaction(name):
    """The label depends on whether both user and item are odd, so a linear model cannot learn it."""
    if name in SIBLINGS - {"fm"}:
        pytest.skip("another variant of its class learns")
    keras.utils.set_random_seed(0)
    of_pair = [one for one in FEATURES if one["name"] in ("user", "item", "hour", "history")]
    inputs = rows(1200, features=of_pair)
    labels = (inputs["user"] % 2 == inputs["item"] % 2).astype("float32")
    seen, unseen = slice(200, None), slice(200)

    one_hot = np.concatenate([np.eye(20)[inputs[key]] for key in ("user", "item", "hour")], axis=1)
    linear = np.linalg.lstsq(one_hot[seen], labels[seen], rcond=None)[0]
    assert np.mean((one_hot[unseen] @ linear > 0.5) == labels[unseen]) < 0.65

    model = compiled(build(name, of_pair), rate=0.03)
    known = {key: values[seen] for key, values in given(model, inputs).items()}
    fit_often(model, known, labels[seen], 25, batch_size=125)
    found = output_of(model, {key: values[unseen] for key, values in inputs.items()})[:, 0] > 0
    assert np.mean(found == labels[unseen]) > 0.9


def test_every_feature_affects_the_score(name):
    model, inputs = kept(name), rows(8)
    others = rows(8, seed=1, lengths=(inputs["history"] > 0).sum(axis=1))
    # One batch: the rows as they are, then again for each feature with other values of it.
    batch = {key: np.concatenate([values] * (1 + len(model.input_names))) for key, values in inputs.items()}
    for place, feature in enumerate(model.input_names, start=1):
        batch[feature][8 * place : 8 * place + 8] = others[feature]
    found = output_of(model, batch)
    assert found.shape == (8 * (1 + len(model.input_names)), 1) and found.dtype == np.float32
    before, *changed = np.split(found, 1 + len(model.input_names))
    for feature, after in zip(model.input_names, changed, strict=True):
        assert np.abs(after - before).max() > 1e-3, feature


def test_an_empty_batch_has_empty_scores(name):
    model = kept(name)
    none = {key: values[:0] for key, values in given(model, rows(2)).items()}
    assert tuple(model.score(none).shape) == (0,) and tuple(model(none, training=True).shape) == (0, 1)
    if model.attention_axes:
        assert all(weights.shape[0] == 0 for weights in model.attention_weights(none).values())


def test_missing_values_give_finite_scores_and_gradients(name):
    model, inputs, nothing = kept(name), rows(8, missing=0.4), rows(1, missing=1.0, lengths=[0])
    assert any(np.isnan(values).any() for values in inputs.values() if values.dtype == np.float32)
    plain = output_of(model, inputs)
    assert np.isfinite(plain).all() and np.isfinite(output_of(model, nothing)).all()
    both = {key: np.concatenate([values, nothing[key]]) for key, values in inputs.items()}
    np.testing.assert_allclose(output_of(model, both)[:8], plain, atol=2e-5)


@pytest.mark.slow
def test_every_weight_is_trained_if_values_are_missing(name):
    """In half precision, where rounding errors are largest."""
    if name in SIBLINGS:
        pytest.skip("another variant of its class learns")
    keras.utils.set_random_seed(0)
    inputs, nothing = rows(63, missing=0.4), rows(1, missing=1.0, lengths=[0])
    inputs = {key: np.concatenate([values, nothing[key]]) for key, values in inputs.items()}
    model = build(name, dtype="mixed_float16")
    before = [weight.copy() for weight in model.get_weights()]
    compiled(model, eagerly=True)
    labels = (inputs["user"] % 2).astype("float32")
    losses = [float(model.train_on_batch(given(model, inputs), labels)) for _ in range(5)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for weight, old in zip(model.weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.isfinite(new).all() and (not weight.trainable or (new != old).any()), weight.path


def test_rows_of_a_batch_do_not_see_each_other(name):
    model, inputs = kept(name), rows(4, missing=0.2)
    alone = [output_of(model, {key: values[row : row + 1] for key, values in inputs.items()}) for row in range(4)]
    np.testing.assert_allclose(output_of(model, inputs), np.concatenate(alone), atol=2e-5)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_changes_no_score(name, side):
    model = positioned() if name == "attention-matcher-linear" else kept(name)
    inputs = rows(6, lengths=[0, 1, 2, 3, 5, 6])
    if "history" not in model.input_names:
        pytest.skip("reads no history")
    lengths = (inputs["history"] > 0).sum(axis=1)

    def padded(key, values):
        if not key.startswith("history"):
            return values
        width = [(0, 0), (4, 0), *[(0, 0)] * (values.ndim - 2)]
        longer = np.pad(values, width, constant_values=np.nan if values.dtype == np.float32 else 0)
        if side == "left":
            return longer
        return np.stack([np.roll(row, length, axis=0) for row, length in zip(longer, lengths, strict=True)])

    longer = {key: padded(key, values) for key, values in inputs.items()}
    assert longer["history"].shape == (6, LENGTH + 4) and (longer["history"][1:, 0] > 0).all() == (side == "right")
    plain = output_of(model, inputs)
    assert np.isfinite(plain).all()
    np.testing.assert_allclose(output_of(model, longer), plain, atol=2e-5)


@functools.cache
def positioned():
    """The matcher with positions."""
    return made("attention-matcher-linear", use_positions=True, user_layers=1)


def test_attention_weights_have_names_and_axes(name):
    model, inputs = kept(name), rows(5, missing=0.3, lengths=[1, 2, 3, 5, 6])
    if not model.attention_axes:
        with pytest.raises(ValueError, match="has no attention"):
            model.attention_weights(given(model, inputs))
        return
    found = model.attention_weights(given(model, inputs))
    assert set(found) == set(model.attention_axes)
    for key, axes in model.attention_axes.items():
        weights = ops.convert_to_numpy(found[key])
        assert weights.dtype == np.float32 and weights.ndim == 1 + len(axes) and np.isfinite(weights).all()
        for size, axis in zip(weights.shape[1:], axes, strict=True):
            is_free = axis == "head" or axis.startswith("history")
            assert is_free or size == len(model.attention_labels[axis]), (key, axis)
        if name not in NOT_NORMALISED:
            assert (weights >= 0).all()
            np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)


def test_a_rating_starts_at_its_mean_and_stays_in_its_range(name):
    inputs = rows(32)
    keras.utils.set_random_seed(0)
    model = build(name, task="rating", output_bias=3.5, rating_range=[1, 5])
    np.testing.assert_allclose(output_of(model, inputs).mean(), 3.5, atol=0.3)
    model.set_weights(kept(name).get_weights())
    assert np.abs(output_of(model, inputs) - 3).max() > 2
    scores = ops.convert_to_numpy(model.score(given(model, inputs)))
    assert scores.shape == (32,) and scores.min() >= 1 and scores.max() <= 5


def test_a_seed_fixes_the_initial_weights(name):
    inputs = rows(8)
    one, same, other = (output_of(build(name, seed=seed), inputs) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@pytest.mark.tensorflow
def test_a_saved_model_gives_the_same_scores(name, tmp_path):
    model, inputs = made(name, task="rating", rating_range=(1, 5)), rows(8, missing=0.3)
    json.dumps(model.get_config())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    np.testing.assert_array_equal(output_of(loaded, inputs), output_of(model, inputs))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("dtype", "close"), [("mixed_bfloat16", 0.2), ("mixed_float16", 0.03)])
def test_half_precision_gives_similar_scores(name, dtype, close):
    inputs = rows(8, missing=0.3)
    exact, half = output_of(kept(name), inputs), output_of(made(name, dtype=dtype), inputs)
    assert half.dtype == np.float32 and np.isfinite(half).all()
    np.testing.assert_allclose(half, exact, atol=close * max(1, np.abs(exact).max()))

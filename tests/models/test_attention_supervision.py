"""Given attention weights: their part of the loss, and that they are learned."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often
from small_ranking import given as inputs_of
from small_ranking import made, rows

from tfrec.models import DIN, AttentionMatcher, DeepFM

GENRES, LENGTH = 6, 5
FEATURES = [
    {"name": "item", "kind": "categorical", "group": "item", "size": GENRES + 2},
    {"name": "history", "kind": "sequence", "group": "history", "length": LENGTH, "of": "item"},
    {"name": "history_label", "kind": "sequence", "group": "history", "length": LENGTH, "size": 4},
]


def reading_world(count=768, seed=0):
    """A history holds the candidate once, with the label as its mark: only this event is relevant."""
    rng = np.random.default_rng(seed)
    history = np.stack([rng.permutation(GENRES)[:LENGTH] + 2 for _ in range(count)]).astype("int32")
    place, every = rng.integers(0, LENGTH, count), np.arange(count)
    marks = rng.integers(2, 4, (count, LENGTH)).astype("int32")
    inputs = {"item": history[every, place], "history": history, "history_label": marks}
    return inputs, (marks[every, place] - 2).astype("float32"), np.eye(LENGTH, dtype="float32")[place]


def divergence(model, inputs, given):
    """The formula in float64, for the weights that the model returns."""
    weights = ops.convert_to_numpy(model.attention_weights(inputs)["cross"]).astype("float64")
    some = np.broadcast_to(given[:, None, None], weights.shape) > 0
    shares = np.broadcast_to((given / given.sum(axis=1, keepdims=True))[:, None, None], weights.shape)
    each = np.where(some, shares * (np.log(np.where(some, shares, 1)) - np.log(np.maximum(weights, 1e-7))), 0)
    return each.sum(axis=-1).mean(axis=(1, 2))


def small(**kwargs):
    sizes = {"embedding_dim": 8, "user_layers": 0, "item_layers": 0, "num_heads": 1, "dropout": 0.0, "hidden_dims": [8]}
    return AttentionMatcher(FEATURES, seed=0, **{**sizes, **kwargs})


def compiled(model, rate=0.02, eagerly=False):
    """The model, ready to be trained; `eagerly` where a graph would be made for a few batches."""
    on_jax = keras.backend.backend() == "jax"
    model.compile(
        Adam(rate),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=on_jax,
        run_eagerly=eagerly and not on_jax,
    )
    return model


@pytest.mark.slow
def test_the_given_attention_is_learned():
    inputs, labels, given = reading_world()
    test, _, wanted = reading_world(128, seed=1)
    found = {}
    for weight in (0.0, 1.0):
        keras.utils.set_random_seed(0)
        model = compiled(small(attention_supervision=weight))
        fit_often(model, {**inputs, "given_cross": given}, labels, 8, batch_size=64)
        found[weight] = divergence(model, test, wanted).mean()
    # The event must be found anyway, so that the prediction alone comes near: not as near.
    assert found[1.0] < 0.01 < 0.03 < found[0.0]


@pytest.mark.parametrize("heads", [1, 2])
def test_the_loss_is_the_prediction_loss_plus_the_divergence_from_the_given_attention(heads):
    inputs, labels, given = reading_world(16)
    given[:4] = 0  # these four are not supervised
    given[4:8] = [0.5, 0.5, 1.0, 0.0, 0.0]
    model = compiled(small(attention_supervision=0.7, num_heads=heads), eagerly=True)
    plain = model.evaluate(inputs, labels, batch_size=16, verbose=0)
    both = model.evaluate({**inputs, "given_cross": given}, labels, batch_size=16, verbose=0)
    expected = np.concatenate([np.zeros(4), divergence(model, {k: v[4:] for k, v in inputs.items()}, given[4:])])
    np.testing.assert_allclose(both - plain, 0.7 * expected.mean(), atol=1e-5)


def test_every_attention_can_be_supervised_and_padding_is_ignored():
    inputs = rows(8, lengths=[1, 2, 3, 4, 5, 6, 6, 6])
    # Of layers that draw with dropout none is left, so that weights are those of the prediction.
    model = compiled(made("attention-matcher", attention_supervision=1.0), eagerly=True)
    own, labels = inputs_of(model, inputs), np.zeros(8, "float32")
    shares = np.random.default_rng(0).random((8, 6)).astype("float32")
    plain = model.evaluate(own, labels, batch_size=8, verbose=0)
    assert {"cross", "user_0"} <= set(model.attention_axes)
    for name in ("cross", "user_0"):
        with_padding, without = (
            model.evaluate({**own, f"given_{name}": given}, labels, batch_size=8, verbose=0)
            for given in (shares, np.where(inputs["history"] > 0, shares, 0))
        )
        assert with_padding > plain + 1e-3
        np.testing.assert_allclose(with_padding, without, rtol=1e-6)


@pytest.mark.tensorflow
def test_it_survives_saving_and_adds_no_input_for_inference(tmp_path):
    import tensorflow as tf

    inputs, labels, given = reading_world(64)
    model = compiled(small(attention_supervision=0.5))
    batches = tf.data.Dataset.from_tensor_slices(({**inputs, "given_cross": given}, labels)).batch(16)
    model.fit(batches, epochs=1, verbose=0)
    assert set(model.input_names) == set(inputs)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.attention_supervision == 0.5 and loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(ops.convert_to_numpy(loaded.score(inputs)), ops.convert_to_numpy(model.score(inputs)))
    with_given = ops.convert_to_numpy(loaded({**inputs, "given_cross": given}))
    np.testing.assert_allclose(with_given, ops.convert_to_numpy(loaded(inputs)), atol=1e-6)


@pytest.mark.parametrize(("model", "weight"), [(DeepFM, 0.5), (AttentionMatcher, -1.0)])
def test_it_needs_a_model_with_attention_and_a_weight_of_at_least_0(model, weight):
    with pytest.raises(ValueError, match="attention_supervision must be at least 0"):
        model([*FEATURES, {"name": "age", "kind": "numeric", "group": "user"}], attention_supervision=weight)


def test_attention_without_softmax_cannot_be_supervised():
    with pytest.raises(ValueError, match="softmax=True"):
        DIN(FEATURES, attention_supervision=1.0)
    assert DIN(FEATURES, attention_supervision=1.0, softmax=True).attention_supervision == 1.0

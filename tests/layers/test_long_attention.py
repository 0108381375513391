"""Requirements of every attention for long histories: padding, the past, precision, config, and linear cost."""

import functools

import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops
from whole import call, whole

from tfrec.layers import BlockSparseAttention, LinearAttention, SegmentRecurrentAttention

D = 8
VARIANTS = {
    "block_sparse": (BlockSparseAttention, {"block_size": 3, "random_blocks": 1}),
    "segment_recurrent": (SegmentRecurrentAttention, {"segment_size": 4}),
    "linear": (LinearAttention, {"chunk_size": 5}),
}

pytestmark = pytest.mark.parametrize("variant", VARIANTS)
tensorflow = functools.partial(pytest.param, marks=pytest.mark.tensorflow)  # JAX compiles each for seconds
both_ways = pytest.mark.parametrize("causal", [True, tensorflow(False)])


def made(variant, seed=0, **kwargs):
    """A layer whose weights are all far from their initial values."""
    layer_class, own = VARIANTS[variant]
    layer = layer_class(**{"num_heads": 2, **own, **kwargs})
    layer.build((None, None, D))
    return drawn(layer, seed)


def batch(length=22, lengths=(22, 9, 1, 0), seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(length) >= length - np.array(lengths)[:, None]
    return rng.normal(size=(len(lengths), length, D)).astype("float32"), mask


def run(layer, x, mask, **kwargs):
    return call(layer, x, x, mask, **kwargs)


@both_ways
def test_values_at_padding_have_no_effect(variant, causal):
    layer, (x, mask) = made(variant, causal=causal), batch()
    junk = np.where(mask[..., None], x, 70.0).astype("float32")
    y = run(layer, junk, mask)
    np.testing.assert_array_equal(y[mask], run(layer, x, mask)[mask])
    assert np.isfinite(y).all()


@both_ways
@pytest.mark.parametrize("wider", [4, tensorflow(1), tensorflow(17)])
def test_more_left_padding_changes_nothing(variant, causal, wider):
    layer, (x, mask) = made(variant, causal=causal), batch()
    expected = run(layer, x, mask)
    padded = np.pad(x, ((0, 0), (wider, 0), (0, 0)), constant_values=7.0)
    y = run(layer, padded, np.pad(mask, ((0, 0), (wider, 0))))[:, wider:]
    np.testing.assert_allclose(y[mask], expected[mask], atol=1e-6)
    narrow = run(layer, x[1:, -9:], mask[1:, -9:])  # and cut to the width of the rows that are left
    np.testing.assert_allclose(narrow[mask[1:, -9:]], expected[1:, -9:][mask[1:, -9:]], atol=1e-6)


def test_a_later_item_changes_no_earlier_output(variant):
    layer, (x, mask) = made(variant), batch()
    base = run(layer, x, mask)
    for s in (13, 16, 17, 21):
        changed = x.copy()
        changed[:, s] += 1.0
        difference = np.abs(run(layer, changed, mask) - base).max(axis=-1)
        np.testing.assert_array_equal(difference[:, :s][mask[:, :s]], 0.0)
        assert difference[:2, s].min() > 1e-4


def test_non_causal_attention_looks_ahead(variant):
    layer, (x, mask) = made(variant, causal=False), batch()
    changed = x.copy()
    changed[:, -1] += 1.0
    difference = np.abs(run(layer, changed, mask) - run(layer, x, mask)).max(axis=-1)
    assert difference[0, -2] > 1e-4 and difference[1, -2] > 1e-4


@both_ways
@pytest.mark.tensorflow
def test_rows_do_not_mix(variant, causal):
    layer, (x, mask) = made(variant, causal=causal), batch()
    together = run(layer, x, mask)
    for row in (0, 2):
        alone = run(layer, x[row : row + 1], mask[row : row + 1])
        np.testing.assert_allclose(alone[0, mask[row]], together[row, mask[row]], atol=1e-6)


@pytest.mark.tensorflow
def test_dropout_is_applied_only_in_training(variant):
    layer, (x, mask) = made(variant, dropout=0.5), batch()
    still = run(layer, x, mask, training=False)
    np.testing.assert_allclose(still, run(made(variant), x, mask), atol=1e-6)
    assert np.abs(run(layer, x, mask, training=True) - still).max() > 0.01


@both_ways
def test_gradients_are_finite(variant, causal, value_and_gradients):
    layer, (x, mask) = made(variant, causal=causal), batch()
    total = whole(lambda x: ops.sum(ops.square(layer(x, x, mask)) * mask[..., None]))
    _, [gradient] = value_and_gradients(total, x)
    assert np.isfinite(gradient).all() and not gradient[~mask].any()
    assert (np.abs(gradient[mask]).max(axis=-1) > 1e-5).all()


@pytest.mark.parametrize(("dtype", "close"), [("mixed_bfloat16", 0.1), tensorflow("mixed_float16", 0.02)])
@both_ways
def test_half_precision_gives_similar_outputs(variant, causal, dtype, close):
    layer, half = made(variant, causal=causal), made(variant, causal=causal, dtype=dtype)
    x, mask = batch(300, (300, 41, 0))
    expected, y = run(layer, x, mask), run(half, x, mask)
    assert half(x, x, mask).dtype in ("bfloat16", "float16")
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y[mask], expected[mask], atol=close * np.abs(expected[mask]).max())


def test_survives_its_config(variant):
    layer = made(variant, causal=False, dropout=0.1, name="mine")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    x, mask = batch()
    np.testing.assert_array_equal(run(again, x, mask), run(layer, x, mask))


@pytest.mark.tensorflow
def test_can_be_saved_and_loaded_with_a_dynamic_length(variant, tmp_path):
    vectors, real = keras.Input((None, D)), keras.Input((None,), dtype="bool")
    model = keras.Model([vectors, real], made(variant)(vectors, vectors, real))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for length in (4, 22):
        x, mask = batch(length, (length, 2))
        y = loaded.predict([x, mask], verbose=0)
        np.testing.assert_allclose(y, run(made(variant), x, mask), atol=1e-6)


def test_heads_must_divide_the_width(variant):
    with pytest.raises(ValueError, match="num_heads must divide width: got num_heads=3, width=8"):
        made(variant, num_heads=3)


@both_ways
@pytest.mark.tensorflow
def test_cost_grows_linearly_with_the_length(variant, causal):
    """Counts the numbers that a step forward and back makes, op by op, in the graph that would run."""
    import tensorflow as tf

    layer = made(variant, causal=causal)

    def numbers(length):
        def step(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = tf.reduce_sum(tf.square(layer(x, x, tf.ones((1, length), tf.bool))))
            return tape.gradient(y, x)

        graph = tf.function(step, autograph=False).get_concrete_function(tf.TensorSpec((1, length, D))).graph
        sizes = [out.shape.num_elements() for op in graph.get_operations() for out in op.outputs]
        assert max(filter(None, sizes)) < length**2 / 4
        return sum(filter(None, sizes))

    assert numbers(1920) < 2.05 * numbers(960)

import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import AdditivePooling

D, E = 4, 3


def made(seed=0, **kwargs):
    layer = AdditivePooling(**kwargs)
    layer.build((None, None, E), (None, None, D), (None, None))
    return drawn(layer, seed, 0.7)


def run(layer, queries, context, mask):
    return ops.convert_to_numpy(layer(queries.astype("float32"), context.astype("float32"), mask))


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [5]])  # lengths 5, 2, 0
    return rng.normal(size=(3, 5, E)), rng.normal(size=(3, 5, D)), mask


def oracle(layer, queries, context, mask):
    """The formula of the docstring, a pair at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    y = np.zeros_like(context)
    for b, t, s in np.ndindex(*context.shape[:2], context.shape[1]):
        if s <= t and mask[b, s]:
            total = queries[b, t] @ w["query_map/kernel"] + context[b, s] @ w["key_map/kernel"]
            total = total + w.get("query_map/bias", 0.0)
            y[b, t] += w["vector"] @ (1 / (1 + np.exp(-total))) * context[b, s]
    return y


@pytest.mark.parametrize("kwargs", [{}, {"use_bias": False}, {"inner_dim": 16}], ids=str)
def test_equals_the_formula(kwargs):
    layer, batch = made(**kwargs), padded_batch()
    assert len(layer.weights) == (3 if kwargs.get("use_bias") is False else 4)
    np.testing.assert_allclose(run(layer, *batch), oracle(layer, *batch), atol=5e-6)


def test_padding_is_inert():
    layer, (queries, context, mask) = made(), padded_batch()
    expected = run(layer, queries, context, mask)
    np.testing.assert_array_equal(run(layer, queries, np.where(mask[..., None], context, 7.0), mask), expected)
    longer = [np.concatenate([np.full((3, 4, x.shape[-1]), 7.0), x], axis=1) for x in (queries, context)]
    with_more = run(layer, *longer, np.pad(mask, ((0, 0), (4, 0))))
    np.testing.assert_allclose(with_more[:, 4:], expected, atol=1e-6)
    assert not with_more[:, :4].any() and not expected[2].any()


def test_does_not_look_ahead():
    layer, (queries, context, mask) = made(), padded_batch()
    later, asked = context.copy(), queries.copy()
    later[:, -1] += 1.0
    asked[:, -1] += 1.0
    for changed in ((queries, later), (asked, context)):
        difference = np.abs(run(layer, *changed, mask) - run(layer, queries, context, mask))
        assert (difference[:2, -1].max(axis=-1) > 0.01).all() and (difference[:, :-1] == 0).all()


def test_survives_its_config():
    layer, batch = made(inner_dim=5, use_bias=False), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch), run(layer, *batch))

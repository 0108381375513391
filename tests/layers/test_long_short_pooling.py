import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import LongShortPooling

D = 5


def made(short_term, seed=0, **kwargs):
    layer = LongShortPooling(short_term, **kwargs)
    layer.build((None, None, D), (None, None, D), (None, None))
    return drawn(layer, seed, 0.7)


def run(layer, queries, context, mask):
    return ops.convert_to_numpy(layer(queries.astype("float32"), context.astype("float32"), mask))


def padded_batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [1], [4], [5]])  # lengths 5, 4, 1, 0
    return rng.normal(size=(4, 5, D)), rng.normal(size=(4, 5, D)), mask


def oracle(layer, queries, context, mask):
    """The formula of the docstring, a position at a time, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}

    def pooled(query, vectors, level):
        keys = [np.maximum(x @ w[f"{level}/kernel"] + w[f"{level}/bias"], 0) for x in vectors]
        shares = np.exp([query @ key for key in keys])
        return sum(share * x for share, x in zip(shares / shares.sum(), vectors, strict=True))

    y = np.zeros_like(context)
    for b, t in zip(*np.nonzero(mask), strict=True):
        seen = [context[b, s] for s in range(t + 1) if mask[b, s]]
        old, new = seen[: -layer.short_term], seen[-layer.short_term :]
        y[b, t] = pooled(queries[b, t], [pooled(queries[b, t], old, "long_keys"), *new] if old else new, "short_keys")
    return y


@pytest.mark.parametrize("short_term", [1, 2, 9])
def test_equals_the_formula(short_term):
    layer, batch = made(short_term), padded_batch()
    np.testing.assert_allclose(run(layer, *batch), oracle(layer, *batch), atol=5e-6)


def test_weights_of_the_items_up_to_a_position_sum_to_one():
    layer, (queries, _, _) = made(2), padded_batch()
    mask = np.arange(5) >= np.array([[0], [1], [4], [5]])
    shares = run(layer, 3 * queries, np.tile(np.eye(D), (4, 1, 1)), mask)  # item j is axis j: y shows the shares
    is_seen = np.tril(np.ones((5, 5), bool)) & mask[:, None, :]
    assert (shares[is_seen] > 0).all() and (shares[~is_seen] == 0).all()
    np.testing.assert_allclose(shares.sum(-1), mask, atol=1e-6)


def test_padding_is_inert():
    layer, (queries, context, mask) = made(2), padded_batch()
    expected = run(layer, queries, context, mask)
    np.testing.assert_array_equal(run(layer, queries, np.where(mask[..., None], context, 7.0), mask), expected)
    longer = [np.concatenate([np.full((4, 3, D), 7.0), x], axis=1) for x in (queries, context)]
    with_more = run(layer, *longer, np.pad(mask, ((0, 0), (3, 0))))
    np.testing.assert_allclose(with_more[:, 3:], expected, atol=1e-6)
    assert not with_more[:, :3].any()


def test_does_not_look_ahead():
    layer, (queries, context, mask) = made(2), padded_batch()
    later, asked = context.copy(), queries.copy()
    later[:, -1] += 1.0
    asked[:, -1] += 1.0
    for changed in ((queries, later), (asked, context)):
        difference = np.abs(run(layer, *changed, mask) - run(layer, queries, context, mask))
        assert (difference[:2, -1].max(axis=-1) > 0.01).all() and (difference[:, :-1] == 0).all()


@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_short_term_must_be_a_positive_integer(bad):
    with pytest.raises(ValueError, match=f"short_term must be a positive integer, got {bad}"):
        LongShortPooling(bad)


def test_survives_its_config():
    layer, batch = made(3, activation="tanh"), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch), run(layer, *batch))

import keras
import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import SelfAttentionBlock, TimeIntervalAttention

D = 6
R = 5


def run(layer, x, mask, intervals):
    x = x.astype("float32")
    return ops.convert_to_numpy(layer(x[0], x[1], mask, intervals))


def made(seed=0, **kwargs):
    """A layer whose weights are all far from where they begin."""
    layer = TimeIntervalAttention(**{"max_length": 7, "num_buckets": R, **kwargs})
    layer.build((None, None, D))
    return drawn(layer, seed, 0.5)


def padded_batch(seed=1):
    """Queries and context (2, B, L, D), mask, intervals."""
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [3], [4]])  # lengths 5, 2, 1
    return rng.normal(size=(2, 3, 5, D)), mask, rng.integers(0, R, (3, 5, 5)).astype("int32")


def oracle(layer, x, mask, intervals):
    """The paper's form: a key and a value for each pair of positions, (L, L, D), in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    length, heads, size = x.shape[2], layer.num_heads, D // layer.num_heads

    def dense(v, name):
        return v @ w[f"{name}/kernel"] + w[f"{name}/bias"]

    y = np.zeros_like(x[0])
    newest = slice(layer.max_length - length, None)
    for b in range(len(mask)):
        queries = dense(x[0, b], "query")
        keys = (dense(x[1, b], "key") + w["position_keys"][newest]) + w["interval_keys"][intervals[b]]
        values = (dense(x[1, b], "value") + w["position_values"][newest]) + w["interval_values"][intervals[b]]
        assert keys.shape == values.shape == (length, length, D)
        for t in np.flatnonzero(mask[b]):
            seen = [s for s in np.flatnonzero(mask[b]) if s <= t]
            parts = []
            for part in (slice(h * size, (h + 1) * size) for h in range(heads)):
                logits = keys[t, seen, part] @ queries[t, part] / np.sqrt(size)
                parts.append(np.exp(logits) / np.exp(logits).sum() @ values[t, seen, part])
            y[b, t] = dense(np.concatenate(parts), "output")
    return y


@pytest.mark.parametrize("num_heads", [1, 3])
def test_equals_the_formula_of_the_paper(num_heads):
    layer, batch = made(num_heads=num_heads), padded_batch()
    mask = batch[1]
    np.testing.assert_allclose(run(layer, *batch)[mask], oracle(layer, *batch)[mask], atol=5e-6)


def test_padding_is_inert():
    layer, (x, mask, intervals) = made(num_heads=2), padded_batch()
    expected = run(layer, x, mask, intervals)[mask]
    junk = np.where(mask[..., None], x, 7.0)
    both = mask[:, :, None] & mask[:, None]
    np.testing.assert_array_equal(run(layer, junk, mask, np.where(both, intervals, 4))[mask], expected)
    longer = np.pad(x, ((0, 0), (0, 0), (2, 0), (0, 0)), constant_values=7.0)
    more = np.pad(mask, ((0, 0), (2, 0)))
    with_more = run(layer, longer, more, np.pad(intervals, ((0, 0), (2, 0), (2, 0)), constant_values=4))
    np.testing.assert_allclose(with_more[more], expected, atol=1e-6)
    assert np.isfinite(with_more).all()


def test_a_later_item_and_its_intervals_change_no_earlier_output():
    layer, (x, mask, intervals) = made(), padded_batch()
    changed, others = x.copy(), intervals.copy()
    changed[:, :, -1] += 1.0
    others[:, -1], others[:, :, -1] = 0, 0
    before, after = run(layer, x, mask, intervals), run(layer, changed, mask, others)
    np.testing.assert_array_equal(after[:, :-1][mask[:, :-1]], before[:, :-1][mask[:, :-1]])
    assert np.abs(after - before)[:, -1].max() > 0.1


def test_intervals_affect_the_weights():
    layer, (x, mask, intervals) = made(), padded_batch()
    others = intervals.copy()
    others[0, 3, 1] = (others[0, 3, 1] + 1) % R
    difference = np.abs(run(layer, x, mask, others) - run(layer, x, mask, intervals)).max(axis=-1)
    assert difference[0, 3] > 0.01 and np.count_nonzero(difference) == 1


def test_gradients_equal_those_of_the_naive_implementation(value_and_gradients):
    """Looking up and summing by bucket are each other's gradient; with one-hot buckets both are plain products."""
    layer, (x, mask, intervals) = made(num_heads=2), padded_batch()
    x, one_hot = x.astype("float32"), np.eye(R, dtype="float32")[intervals]

    def total(y):
        return ops.sum(ops.where(mask[..., None], ops.sin(y), 0.0))

    def naive(queries, context):
        w = {v.path.split("/", 1)[1]: ops.convert_to_tensor(v) for v in layer.weights}
        newest = slice(2, None)

        def dense(v, name):
            return ops.matmul(v, w[f"{name}/kernel"]) + w[f"{name}/bias"]

        def heads(v):
            return ops.reshape(v, (*v.shape[:-1], 2, D // 2))

        key = ops.expand_dims(dense(context, "key") + w["position_keys"][newest], 1)
        value = ops.expand_dims(dense(context, "value") + w["position_values"][newest], 1)
        key = heads(key + ops.matmul(one_hot, w["interval_keys"]))
        value = heads(value + ops.matmul(one_hot, w["interval_values"]))
        logits = ops.einsum("bihd,bijhd->bhij", heads(dense(queries, "query")), key) / (D // 2) ** 0.5
        allowed = mask[:, None, None] & np.tri(5, dtype=bool)
        weights = ops.softmax(ops.where(allowed, logits, -1e9))
        attended = ops.reshape(ops.einsum("bhij,bijhd->bihd", weights, value), (3, 5, D))
        return total(dense(attended, "output"))

    value, gradients = value_and_gradients(lambda q, c: total(layer(q, c, mask, intervals)), x[0], x[1])
    expected, expected_gradients = value_and_gradients(naive, x[0], x[1])
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    for found, wanted in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_block_passes_the_intervals_to_its_attention():
    layer, (x, mask, intervals) = made(), padded_batch()
    block = SelfAttentionBlock(layer, residual="pre-norm")
    x = x[0].astype("float32")
    found = block(x, mask, intervals)
    normed = block.attention_norm(x)
    hidden = x + layer(normed, normed, mask, intervals)
    expected = hidden + block.feed_forward(block.feed_forward_norm(hidden))
    np.testing.assert_allclose(ops.convert_to_numpy(found)[mask], ops.convert_to_numpy(expected)[mask], atol=1e-6)


def test_invalid_sizes_raise_an_error():
    with pytest.raises(ValueError, match=r"num_heads=4.*6"):
        TimeIntervalAttention(5, num_heads=4).build((None, None, D))
    x, mask, intervals = padded_batch()
    with pytest.raises(ValueError, match=r"5 positions.*max_length=4"):
        run(made(max_length=4), x, mask, intervals)


def test_survives_its_config():
    layer, batch = made(num_heads=2, dropout=0.1), padded_batch()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(run(again, *batch), run(layer, *batch))

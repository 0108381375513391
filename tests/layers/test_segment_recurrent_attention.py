import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops
from whole import call, whole

from tfrec.layers import SegmentRecurrentAttention

D = 6


def made(seed=0, **kwargs):
    """A layer whose weights are all far from their initial values."""
    layer = SegmentRecurrentAttention(**kwargs)
    layer.build((None, None, D))
    return drawn(layer, seed)


def batch(length=11, lengths=(11, 6, 1), seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(length) >= length - np.array(lengths)[:, None]
    return *rng.normal(size=(2, len(lengths), length, D)), mask


def run(layer, queries, context, mask):
    return call(layer, queries.astype("float32"), context.astype("float32"), mask)


def oracle(layer, queries, context, mask):
    """The formula of the docstring over all pairs of positions of a history, in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    length, width, size = mask.shape[1], D // layer.num_heads, layer.segment_size
    t, s = np.arange(length)[:, None], np.arange(length)
    segment = (length - 1 - np.arange(length)) // size  # 0 is the newest
    back = segment - segment[:, None]
    sees = (back >= 0) & (back <= layer.memory_segments) & mask[:, None]
    if layer.causal:
        sees &= s <= t
    waves = 10000.0 ** (-np.arange(0, D, 2) / D)
    r = np.concatenate([np.sin((t - s)[..., None] * waves), np.cos((t - s)[..., None] * waves)], axis=-1)
    r = r @ w["distance/kernel"]  # (L, L, D)
    y = np.zeros_like(queries)
    for b in range(len(mask)):
        q, k, v = queries[b] @ w["query/kernel"], context[b] @ w["key/kernel"], context[b] @ w["value/kernel"]
        for head in range(layer.num_heads):
            part = slice(head * width, (head + 1) * width)
            by_content = (q[:, part] + w["content_bias"][head, 0, 0]) @ k[:, part].T
            by_distance = np.einsum("td,tsd->ts", q[:, part] + w["distance_bias"][head, 0, 0], r[..., part])
            weights = np.exp((by_content + by_distance) / np.sqrt(width)) * sees[b]
            y[b, :, part] = (weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)) @ v[:, part]
    return y @ w["merge/kernel"]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("num_heads", "size", "memory"), [(1, 4, 1), (3, 3, 2), (2, 1, 1), (1, 16, 1), (3, 2, 9)])
def test_equals_the_formula(causal, num_heads, size, memory):
    layer = made(num_heads=num_heads, causal=causal, segment_size=size, memory_segments=memory)
    queries, context, mask = batch()
    expected = oracle(layer, queries, context, mask)
    np.testing.assert_allclose(run(layer, queries, context, mask)[mask], expected[mask], atol=1e-5)


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_memory_is_attended_to_and_gets_gradients_only_if_enabled(stop_gradient, value_and_gradients):
    layer = made(segment_size=4, memory_segments=1, stop_gradient=stop_gradient)
    queries, context, mask = (x.astype("float32") for x in batch(8, (8,)))

    @whole
    def newest_segment(context):
        return ops.sum(ops.square(layer(queries, context, mask > 0)[:, 4:]))

    value, [gradient] = value_and_gradients(newest_segment, context)
    strength = np.abs(gradient).max(axis=-1)[0]
    assert (strength[4:] > 1e-4).all() and ((strength[:4] == 0) == stop_gradient).all()
    moved = context.copy()
    moved[:, 3] += 1.0
    assert abs(float(newest_segment(moved)) - float(value)) > 1e-2


@pytest.mark.tensorflow
def test_the_projections_get_gradients_from_the_memory():
    import tensorflow as tf

    gradients = []
    for stop_gradient in (True, False):  # neither the values nor the gradients of the maps may depend on it
        layer = made(segment_size=4, memory_segments=1, stop_gradient=stop_gradient)
        queries, context, mask = (x.astype("float32") for x in batch(8, (8,)))
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(tf.square(layer(queries, context, mask > 0)[:, 4:]))
        gradients.append(tape.gradient(y, [layer.key.kernel.value, layer.value.kernel.value]))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_attends_to_the_memory_and_no_further():
    layer, (queries, context, mask) = made(segment_size=4, memory_segments=1), batch(16, (16,))
    changed = context.copy()
    changed[:, 7] += 1.0  # the last of the second segment
    moved = np.abs(run(layer, queries, changed, mask) - run(layer, queries, context, mask)).max(axis=-1)[0]
    assert (moved[7:12] > 1e-4).all() and not moved[:7].any() and not moved[12:].any()


def test_invalid_sizes_raise_an_error():
    with pytest.raises(ValueError, match=r"segment_size must be a positive integer, got 2\.5"):
        SegmentRecurrentAttention(segment_size=2.5)
    with pytest.raises(ValueError, match="memory_segments must be a positive integer, got 0"):
        SegmentRecurrentAttention(memory_segments=0)

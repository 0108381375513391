import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops
from whole import call

from tfrec.layers import BlockSparseAttention

D = 6


def made(seed=0, **kwargs):
    """A layer whose weights are all far from their initial values."""
    layer = BlockSparseAttention(**{"block_size": 2, **kwargs})
    layer.build((None, None, D))
    return drawn(layer, seed)


def batch(length=31, lengths=(31, 16, 7, 1), seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(length) >= length - np.array(lengths)[:, None]
    return *rng.normal(size=(2, len(lengths), length, D)), mask


def run(layer, queries, context, mask):
    return call(layer, queries.astype("float32"), context.astype("float32"), mask)


def seen_blocks(layer, head, own, count):
    """The blocks that the block `own` of a row of `count` blocks attends to, by their distance from the newest."""
    w, g, r = layer.window_blocks, layer.global_blocks, layer.random_blocks
    every = [b for b in range(count) if b >= own or not layer.causal]
    oldest = {b for b in every if b >= count - g}
    if own in oldest and not layer.causal:
        return set(every), set()
    near = {b for b in every if abs(b - own) <= w}
    rest = [b for b in every if b not in near | oldest]
    random = set()
    for i in range(r):
        stretch = rest[len(rest) * i // r : len(rest) * (i + 1) // r]
        if stretch:
            random.add(stretch[layer.draws[head, own, i] % len(stretch)])
    return near | oldest | random, random


def sees(layer, head, mask):
    """(L, L) for one row."""
    length = len(mask)
    block = (length - 1 - np.arange(length)) // layer.block_size
    count = block[np.argmax(mask)] + 1
    seen = np.zeros((length, length), bool)
    for t in np.flatnonzero(mask):
        seen[t] = mask & np.isin(block, list(seen_blocks(layer, head, block[t], count)[0]))
        if layer.causal:
            seen[t, t + 1 :] = False
    return seen


def oracle(layer, queries, context, mask):
    """Softmax over the pairs of positions that the pattern allows, computed in float64."""
    w = {v.path.split("/", 1)[1]: ops.convert_to_numpy(v).astype("float64") for v in layer.weights}
    width, y = D // layer.num_heads, np.zeros_like(queries)
    for b in range(len(mask)):
        q, k, v = (
            x[b] @ w[f"{name}/kernel"] + w[f"{name}/bias"]
            for x, name in ((queries, "query"), (context, "key"), (context, "value"))
        )
        for head in range(layer.num_heads):
            part = slice(head * width, (head + 1) * width)
            weights = np.exp(q[:, part] @ k[:, part].T / np.sqrt(width)) * sees(layer, head, mask[b])
            y[b, :, part] = (weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)) @ v[:, part]
    return y @ w["merge/kernel"] + w["merge/bias"]


PATTERNS = [(1, 1, 2), (1, 1, 0), (1, 0, 2), (0, 0, 0), (2, 3, 1), (0, 2, 5), (9, 1, 1)]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_equals_full_attention_with_the_rest_masked(causal, pattern):
    window, oldest, random = pattern
    layer = made(
        num_heads=3, causal=causal, window_blocks=window, global_blocks=oldest, random_blocks=random, block_size=2
    )
    queries, context, mask = batch()
    expected = oracle(layer, queries, context, mask)
    np.testing.assert_allclose(run(layer, queries, context, mask)[mask], expected[mask], atol=1e-5)


def test_blocks_need_not_divide_the_length():
    layer, (queries, context, mask) = made(block_size=5), batch(33, (33, 14, 5))
    expected = oracle(layer, queries, context, mask)
    np.testing.assert_allclose(run(layer, queries, context, mask)[mask], expected[mask], atol=1e-5)


@pytest.mark.parametrize("causal", [True, False])
def test_a_history_of_few_blocks_gets_full_attention(causal):
    layer = made(causal=causal, window_blocks=1, global_blocks=1, random_blocks=2)
    length = 2 * 5  # for the newest block: itself, its neighbour, two drawn, the oldest
    assert seen_blocks(layer, 0, 0, 5)[0] == {0, 1, 2, 3, 4}
    queries, context, mask = batch(length, (length,))
    base = run(layer, queries, context, mask)
    for s in range(length):
        changed = context.copy()
        changed[:, s] += 1.0
        assert np.abs(run(layer, queries, changed, mask) - base)[0, -1].max() > 1e-4


def test_random_blocks_are_spread_and_differ_by_head_block_and_seed():
    layer = BlockSparseAttention(num_heads=4, random_blocks=3)
    drawn = [[frozenset(seen_blocks(layer, head, own, 200)[1]) for own in range(50)] for head in range(4)]
    assert all(len(random) == 3 for row in drawn for random in row)
    assert len({random for row in drawn for random in row}) > 190
    first = [min(random) - own for row in drawn for own, random in enumerate(row)]
    assert min(first) >= 2 and max(first) > 40
    assert (layer.draws != BlockSparseAttention(num_heads=4, random_blocks=3, seed=1).draws).any()
    np.testing.assert_array_equal(layer.draws, BlockSparseAttention(num_heads=4, random_blocks=3).draws)


def test_invalid_sizes_raise_an_error():
    with pytest.raises(ValueError, match="block_size must be a positive integer, got True"):
        BlockSparseAttention(block_size=True)
    with pytest.raises(ValueError, match="random_blocks must be an integer of at least 0, got -1"):
        BlockSparseAttention(random_blocks=-1)

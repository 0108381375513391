"""Exact indexes give equal answers, and approximate ones reach their recall."""

import numpy as np
import pytest
import tensorflow as tf

from tfrec.serving.indexes import Clustered, Exact, Quantized, Transposed, transposed
from tfrec.serving.indexes.block_top_k import block_top_k
from tfrec.serving.indexes.clusters import blocks_of

V, D = 1_000, 16


@pytest.fixture(scope="module")
def vectors():
    """Items around a few centres, as in a real catalogue."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(30, D))
    return (centres[random.integers(0, 30, V)] + 0.4 * random.normal(size=(V, D))).astype("float32")


@pytest.fixture(scope="module")
def queries(vectors):
    random = np.random.default_rng(1)
    return (vectors[random.integers(0, V, 40)] + 0.4 * random.normal(size=(40, D)))[:, None].astype("float32")


def brute(queries, vectors, k):
    scores = np.einsum("bid,vd->biv", queries, vectors).max(1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k], -np.sort(-scores, axis=1)[:, :k]


@pytest.mark.parametrize("chunk", [V, 64, 7])
@pytest.mark.parametrize("interests", [1, 3])
def test_exact_search_in_chunks_equals_brute_force(vectors, queries, chunk, interests):
    several = np.concatenate([queries, queries[::-1], queries[:, :, ::-1]], axis=1)[:, :interests]
    scores, codes = Exact(tf.Variable(vectors), V, chunk=chunk).search(tf.constant(several), tf.constant(20))
    expected, best = brute(several, vectors, 20)
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_allclose(scores, best, rtol=1e-5)


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("interests", [1, 3])
def test_the_transposed_index_equals_the_exact_one(vectors, queries, monkeypatch, batch, interests):
    monkeypatch.setattr(transposed, "_TILE", 48)
    monkeypatch.setattr(transposed, "_TILES", 3)
    gone = np.arange(V) % 7 == 0
    padded = np.concatenate([np.full((2, D), 100, "float32"), vectors])
    norms = tf.constant(1 / np.linalg.norm(vectors, axis=1))
    for further in ({}, {"withdrawn": gone}, {"norms": norms, "withdrawn": gone}):
        rows = Exact(tf.Variable(padded), V, first=2, chunk=300, **further)
        asked = tf.constant(np.concatenate([queries, -queries, queries[::-1]], axis=1)[:batch, :interests])
        expected, found = (index.search(asked, tf.constant(20)) for index in (rows, Transposed(rows)))
        np.testing.assert_array_equal(found[1], expected[1])
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-5)
        assert not gone[found[1].numpy()].any() or not further


def test_equal_scores_keep_the_order_of_the_items():
    table = np.ones((50, 8), "float32")
    for chunk in (50, 8):
        codes = Exact(tf.Variable(table), 50, chunk=chunk).search(tf.ones((2, 1, 8)), tf.constant(9))[1]
        np.testing.assert_array_equal(codes, [range(9)] * 2)


def test_rows_before_the_first_item_are_no_items(vectors, queries):
    padded = np.concatenate([np.full((2, D), 100, "float32"), vectors])
    index = Exact(tf.Variable(padded), V, first=2, chunk=300)
    np.testing.assert_array_equal(index.search(queries, tf.constant(5))[1], brute(queries, vectors, 5)[0])
    np.testing.assert_array_equal(index.vectors(tf.constant([[3, 0]])), vectors[[[3, 0]]])


@pytest.mark.parametrize("k", [1, 7, 300, 20_000])
def test_block_top_k_is_top_k_equal_scores_included(k):
    scores = tf.constant(np.random.default_rng(0).integers(0, 50, (3, 20_001)).astype("float32"))
    best, at = block_top_k(scores, tf.constant(k))
    expected = tf.math.top_k(scores, k)
    np.testing.assert_array_equal(best, expected.values)
    np.testing.assert_array_equal(at, expected.indices)


@pytest.mark.parametrize("size", [1, 8, 32, 5_000])
def test_every_item_is_in_one_block(vectors, size):
    blocks = blocks_of(vectors, size)
    assert blocks.shape[1] == size
    assert sorted(blocks[blocks >= 0].tolist()) == list(range(V))
    assert (blocks >= 0).any(1).all()


def test_clusters_of_equal_vectors_are_cut_too():
    blocks = blocks_of(np.ones((100, 4), "float32"), 8)
    assert sorted(blocks[blocks >= 0].tolist()) == list(range(100))


def test_all_blocks_find_everything_and_few_find_most(vectors, queries):
    expected, best = brute(queries, vectors, 20)
    index = Clustered(vectors, size=16, probes=10_000)
    scores, codes = index.search(tf.constant(queries), tf.constant(20))
    np.testing.assert_array_equal(codes, expected)
    np.testing.assert_allclose(scores, best, rtol=1e-5)
    index.probes = index.codes.shape[0] // 5
    found = index.search(tf.constant(queries), tf.constant(20))[1].numpy()
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(found, expected, strict=True)])
    assert recall > 0.9
    np.testing.assert_array_equal(index.vectors(tf.constant([[5, 999]])), vectors[[[5, 999]]])


def test_rows_that_need_more_items_read_more_blocks(vectors, queries):
    """Filters need K items plus the forbidden ones: the bound for K items would give too short lists."""
    index = Clustered(vectors, size=16, probes=8, margin=1.0, usual=20)
    for k, least in ((20, 0.6), (300, 0.9), (V - 5, 0.99)):
        expected, _ = brute(queries, vectors, k)
        found = index.search(tf.constant(queries), tf.constant(k))[1].numpy()
        assert (found >= 0).all()
        assert np.mean([len(set(a) & set(b)) / k for a, b in zip(found, expected, strict=True)]) > least


def test_candidates_of_8_bits_are_ranked_by_exact_scores(vectors, queries):
    exact = Exact(tf.Variable(vectors), V)
    for several in (queries, np.concatenate([queries, queries[::-1]], axis=1)):
        scores, codes = Quantized(exact, vectors).search(tf.constant(several), tf.constant(20))
        expected, best = brute(several, vectors, 20)
        np.testing.assert_array_equal(codes, expected)
        np.testing.assert_allclose(scores, best, rtol=1e-5)


def test_places_that_few_blocks_cannot_fill_are_empty(vectors, queries):
    index = Clustered(vectors, size=4, probes=2)
    scores, codes = index.search(tf.constant(queries), tf.constant(20))
    assert codes.shape == scores.shape == (40, 20)
    assert (codes.numpy()[:, 8:] == -1).all() and np.isneginf(scores.numpy()[:, 8:]).all()

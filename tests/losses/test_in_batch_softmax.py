import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import FullSoftmax, InBatchSoftmax

V, D, T = 12, 4, 9
COUNTS = np.round(100 / np.arange(1, V + 1)).astype(int)
TARGETS = np.array([2, 3, 3, 9, 2, 2, 13, 4, 5], "int32")


def vectors(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, D)).astype("float32"), rng.normal(size=(V + 2, D)).astype("float32")


def slow(queries, items, targets=TARGETS, counts=None, correct_target=False, hits=True, hard=None):
    """The formula in float64, a target at a time."""
    values, number = [], len(targets) - 1
    for t, target in enumerate(targets):
        own, terms = 0.0, []
        for n, other in enumerate(targets):
            score = float(queries[t].astype("float64") @ items[other].astype("float64"))
            correction = 0.0 if counts is None else np.log(number * counts[other - 2] / counts.sum())
            if n == t:
                own = score - correction * correct_target
            elif other != target or not hits:
                terms.append(score - correction)
        terms = sorted(terms, reverse=True)[:hard]
        values.append(np.log(np.exp(own) + np.exp(terms).sum()) - own)
    return np.array(values)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"counts": COUNTS},
        {"counts": COUNTS, "correct_target": True},
        {"counts": COUNTS, "remove_accidental_hits": False},
        {"num_hard_negatives": 3},
        {"counts": COUNTS, "num_hard_negatives": 2},
        {"num_hard_negatives": 50},
    ],
    ids=str,
)
def test_equals_the_formula(how):
    queries, items = vectors()
    loss = InBatchSoftmax(**how)
    names = {"remove_accidental_hits": "hits", "num_hard_negatives": "hard"}
    wanted = slow(queries, items, **{names.get(name, name): value for name, value in how.items()})
    found = ops.convert_to_numpy(loss.item_loss(TARGETS, queries, items))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(float(loss(TARGETS, queries, items=items)), wanted.mean(), rtol=1e-5)
    again = InBatchSoftmax.from_config(loss.get_config())
    np.testing.assert_allclose(float(again(TARGETS, queries, items=items)), wanted.mean(), rtol=1e-5)


@pytest.mark.parametrize("only_real", [False, pytest.param(True, marks=pytest.mark.tensorflow)])
def test_padding_and_rows_without_weight_are_no_candidates(only_real):
    queries, items = vectors()
    targets = TARGETS.copy()
    targets[[0, 3]] = 0, 1
    weights = np.ones(T, "float32")
    weights[5] = 0
    kept = [1, 2, 4, 6, 7, 8]
    wanted = slow(queries[kept], items, targets[kept], counts=COUNTS).sum() / T
    loss = InBatchSoftmax(COUNTS)(targets, queries, weights, items=items, only_real=only_real)
    np.testing.assert_allclose(float(loss), wanted, rtol=1e-5)


def test_vectors_may_come_from_a_function_of_the_ids():
    queries, items = vectors()
    asked = []

    def vectors_of(ids):
        asked.append(ops.shape(ids))
        return ops.take(items, ids, axis=0) * 2

    found = InBatchSoftmax(COUNTS)(TARGETS, queries, items=vectors_of)
    wanted = InBatchSoftmax(COUNTS)(TARGETS, queries, items=items * 2)
    np.testing.assert_allclose(float(found), float(wanted), rtol=1e-6)
    assert [tuple(shape) for shape in asked] == [(T,)]


def test_the_correction_takes_back_that_popular_items_are_negatives_more_often():
    """Over many batches the corrected loss pulls towards the full softmax; without, popular items are penalised."""
    rng = np.random.default_rng(1)
    items = rng.normal(0, 0.7, (V + 2, D)).astype("float32")
    query = rng.normal(size=(1, D)).astype("float32")
    share = COUNTS / COUNTS.sum()
    target = 7  # a rare one
    full = float(FullSoftmax()(np.array([target]), query, items=items))
    others = rng.choice(V, (40, 255), p=share) + 2

    def mean(loss):
        of_target = [
            ops.convert_to_numpy(
                loss.item_loss(np.r_[target, row].astype("int32"), np.repeat(query, 256, axis=0), items)
            )[0]
            for row in others
        ]
        return np.mean(of_target)

    assert abs(mean(InBatchSoftmax(COUNTS)) - full) < 0.05
    plain = mean(InBatchSoftmax())
    # Log of a sum over 255 candidates instead of 12 items, most of them popular.
    scores = items[2:] @ query[0]
    is_other = np.arange(V) + 2 != target
    expected = np.log(np.exp(scores[target - 2]) + 255 * (share * np.exp(scores))[is_other].sum()) - scores[target - 2]
    assert abs(plain - expected) < 0.05 and plain > full + 1


def test_a_batch_of_one_item_has_no_negatives_and_a_finite_gradient():
    queries, items = vectors()
    targets = np.full(T, 5, "int32")
    loss = InBatchSoftmax(COUNTS)
    np.testing.assert_allclose(float(loss(targets, queries, items=items)), 0, atol=1e-6)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(queries)
        with tf.GradientTape() as tape:
            value = loss(targets, variable * 1, items=items)
        assert np.isfinite(tape.gradient(value, variable).numpy()).all()


def test_invalid_arguments_raise_an_error():
    queries, items = vectors()
    with pytest.raises(ValueError, match="num_hard_negatives"):
        InBatchSoftmax(num_hard_negatives=0)
    with pytest.raises(ValueError, match="counts must be a list of positive numbers"):
        InBatchSoftmax(counts=[1, 0])
    with pytest.raises(ValueError, match="one number for each of the 12 items, got 3"):
        InBatchSoftmax(counts=[1, 2, 3])(TARGETS, queries, items=items)

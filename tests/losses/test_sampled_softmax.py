import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import FullSoftmax, SampledSoftmax

V, D, N = 40, 4, 16


def batch(seed=0):
    rng = np.random.default_rng(seed)
    targets = np.array([[0, 0, 5, 2], [41, 1, 3, 3]], "int32")
    return targets, rng.normal(size=(2, 4, D)).astype("float32"), rng.normal(size=(V + 2, D)).astype("float32")


def seeded(seed=0):
    return keras.random.SeedGenerator(seed)


def slow(targets, queries, items, negatives):
    values = np.zeros(targets.shape)
    items, queries = items.astype("float64"), queries.astype("float64")
    for at in zip(*np.nonzero(targets >= 2), strict=True):
        positive = queries[at] @ items[targets[at]]
        others = [queries[at] @ items[n] - np.log(N / V) for n in negatives if n != targets[at]]
        values[at] = np.log(np.exp([positive, *others]).sum()) - positive
    return values


def test_equals_the_formula_for_the_same_draw():
    targets, queries, items = batch()
    negatives = ops.convert_to_numpy(keras.random.randint((N,), 2, V + 2, seed=seeded()))
    assert set(negatives) & set(targets[targets >= 2])  # the draw of this seed hits targets
    expected = slow(targets, queries, items, negatives).sum() / 5
    loss = SampledSoftmax(N)(targets, queries, items=items, seed=seeded())
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_estimates_the_full_softmax_without_bias():
    rng = np.random.default_rng(0)
    items, query = rng.normal(size=(V + 2, D)).astype("float32"), rng.normal(size=(1, D)).astype("float32") / 2
    target, seed, loss = np.array([7], "int32"), seeded(), SampledSoftmax(N)
    # exp(loss) is the partition function divided by a constant: that is what the sample estimates.
    draws = np.exp([float(loss(target, query, items=items, seed=seed)) for _ in range(400)])
    exact = np.exp(float(FullSoftmax()(target, query, items=items)))
    error = draws.std() / np.sqrt(len(draws))
    assert error < 0.02 * exact
    assert abs(draws.mean() - exact) < 4 * error


def test_a_negative_that_is_the_target_is_removed():
    _, queries, items = batch()
    loss = SampledSoftmax(50)(np.full((2, 4), 2), queries, items=items[:3], seed=seeded())  # a catalogue of one item
    assert float(loss) == pytest.approx(0, abs=1e-6)


def test_reserved_rows_are_never_drawn():
    targets, queries, items = batch()
    items[:2] = 1e4
    assert np.isfinite(float(SampledSoftmax(2000)(targets, queries, items=items, seed=seeded())))
    items[:2] = np.nan
    drawn = SampledSoftmax(2000).item_loss(np.maximum(targets, 2), queries, items, seeded())
    assert np.isfinite(ops.convert_to_numpy(drawn)).all()


def test_padding_and_unknown_targets_are_inert(value_and_gradients):
    targets, queries, items = batch()
    more_targets = np.pad(np.where(targets < 2, 0, targets), ((0, 1), (3, 0))).astype("int32")
    more_targets[2, 3] = 1
    more_queries = np.pad(queries, ((0, 1), (3, 0), (0, 0)), constant_values=50.0)
    loss = SampledSoftmax(N)
    plain = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), queries, items)
    more = value_and_gradients(lambda q, e: loss(more_targets, q, items=e, seed=seeded()), more_queries, items)
    assert more[0] == pytest.approx(plain[0], rel=1e-6)
    np.testing.assert_allclose(more[1][0][:2, 3:], plain[1][0], atol=1e-6)
    assert not more[1][0][2:].any() and not more[1][0][:, :3].any()
    np.testing.assert_allclose(more[1][1], plain[1][1], atol=1e-6)


def test_halves_of_a_batch_with_global_weights_average_to_the_whole():
    targets, queries, items = batch()
    is_real = targets >= 2
    weights = (is_real * (targets.size / is_real.sum())).astype("float32")

    def loss(rows):
        return float(SampledSoftmax(N)(targets[rows], queries[rows], weights[rows], items=items, seed=seeded()))

    assert np.mean([loss([0]), loss([1])]) == pytest.approx(loss([0, 1]), rel=1e-6)


def test_each_call_draws_anew():
    targets, queries, items = batch()
    seed = seeded()
    one, two = (float(SampledSoftmax(N)(targets, queries, items=items, seed=seed)) for _ in range(2))
    assert one != two


@pytest.mark.parametrize("bad", [0, -3, 2.5, "7", None, True])
def test_the_number_of_negatives_is_a_positive_integer(bad):
    with pytest.raises(ValueError, match=f"num_negatives must be a positive integer, got {bad!r}"):
        SampledSoftmax(bad)


def test_survives_its_config():
    again = keras.losses.deserialize(keras.losses.serialize(SampledSoftmax(33, name="mine")))
    assert again.num_negatives == 33 and again.name == "mine"

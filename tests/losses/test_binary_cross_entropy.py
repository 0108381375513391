import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import BinaryCrossEntropy
from tfrec.losses.negatives import Uniform

V, D, N = 40, 4, 16
DRAWS = ["batch", "group", "token"]


def batch(rows=2, length=4, seed=0, num_items=V):
    rng = np.random.default_rng(seed)
    targets = rng.integers(2, num_items + 2, (rows, length)).astype("int32")
    targets[0, :2], targets[1, 1] = 0, 1
    queries = rng.normal(size=(rows, length, D)).astype("float32")
    return targets, queries, rng.normal(size=(num_items + 2, D)).astype("float32")


def seeded(seed=0):
    return keras.random.SeedGenerator(seed)


def drawn(loss, count, num_items):
    """The negatives of each of `count` targets, (count, N), for the first draw of `seeded()`."""
    groups = {"batch": 1, "group": -(-count // 64), "token": count}[loss.draw_per]
    ids, _ = Uniform().draw((groups, 1, loss.num_negatives), num_items, None, seeded())
    return ops.convert_to_numpy(ids)[np.arange(count) % groups, 0]


def slow(loss, targets, queries, items):
    """The formula of the paper, in float64."""
    items, queries = items.astype("float64"), queries.astype("float64")
    num_items = len(items) - 2
    alpha = loss.num_negatives / (num_items - 1)
    beta = alpha * (loss.calibration * (1 - 1 / alpha) + 1 / alpha)
    values = []
    for target, query, negatives in zip(targets, queries, drawn(loss, len(targets), num_items), strict=True):
        sigma = 1 / (1 + np.exp(-items @ query))
        others = [np.log(1 - sigma[n]) for n in negatives if n != target]
        values.append(-np.log(sigma[target] ** beta) - np.sum(others))
    return np.array(values)


@pytest.mark.parametrize("draw_per", DRAWS)
@pytest.mark.parametrize("calibration", [0.0, 0.75, 1])
@pytest.mark.parametrize("num_items", [V, 33 * N])  # a token's items are picked from all scores, or gathered
def test_equals_the_formula_for_the_same_draw(draw_per, calibration, num_items):
    targets, queries, items = batch(rows=5, length=29, num_items=num_items)
    targets, queries = np.maximum(targets, 2).reshape(-1), queries.reshape(-1, D)
    loss = BinaryCrossEntropy(N, calibration, draw_per)
    assert (drawn(loss, len(targets), num_items) == targets[:, None]).any()  # accidental hits are among them
    values = loss.item_loss(targets, queries, items, seeded())
    np.testing.assert_allclose(ops.convert_to_numpy(values), slow(loss, targets, queries, items), rtol=1e-5)


def test_with_one_negative_it_is_the_loss_of_sasrec():
    _, queries, items = batch()
    negatives = ops.convert_to_numpy(keras.random.randint((2, 4), 2, V + 2, seed=seeded()))
    targets = (negatives + 1 - 2) % V + 2  # no accidental hits
    value = float(BinaryCrossEntropy()(targets, queries, items=items, seed=seeded()))
    positive, negative = (np.sum(queries * items[ids], axis=-1, dtype="float64") for ids in (targets, negatives))
    expected = np.log1p(np.exp(-positive)) + np.log1p(np.exp(negative))  # -log sigma(positive) - log sigma(-negative)
    assert value == pytest.approx(expected.mean(), rel=1e-5)


def test_only_calibrated_scores_are_probabilities(value_and_gradients):
    """The statement of the paper: at t = 1 the gradient is 0 if sigma(score) is the probability of each item."""
    probability = np.arange(1, 51) ** -0.5 / np.sum(np.arange(1, 51) ** -0.5)
    targets = np.repeat(np.arange(2, 52), np.round(probability * 20_000).astype(int)).astype("int32")
    queries = np.ones((len(targets), 1), "float32")
    scores = np.pad(np.log(probability / (1 - probability)), (2, 0)).astype("float32")[:, None]

    def pull(calibration):  # on each score, relative to what its positives alone would pull
        loss = BinaryCrossEntropy(16, calibration)
        _, (gradient,) = value_and_gradients(lambda e: loss(targets, queries, items=e, seed=seeded()), scores)
        beta = 1 - calibration * (1 - 16 / 49)
        return gradient[2:, 0] / (beta * probability * (1 - probability))

    assert np.abs(pull(1.0)).max() < 0.1
    assert pull(0.0) == pytest.approx(np.full(50, 16 / 49 - 1), abs=0.1)  # overconfident: up, for every item


@pytest.mark.parametrize("draw_per", DRAWS)
def test_padding_and_unknown_targets_are_inert(draw_per, value_and_gradients):
    targets, queries, items = batch()
    loss = BinaryCrossEntropy(N, 0.75, draw_per)
    plain = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), queries, items)
    other = np.where((targets < 2)[..., None], 50.0, queries).astype("float32")
    more = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), other, items)
    assert more[0] == pytest.approx(plain[0], rel=1e-6)
    assert not more[1][0][targets < 2].any()
    for one, two in zip(more[1], plain[1], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert not plain[1][1][:2].any()  # neither padding nor the unknown item is ever a negative


@pytest.mark.parametrize("draw_per", DRAWS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_queries_give_a_float32_loss(draw_per, dtype):
    targets, queries, items = batch()
    loss = BinaryCrossEntropy(N, 0.75, draw_per)
    half = loss(targets, ops.cast(queries, dtype), items=items, seed=seeded())
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    assert float(half) == pytest.approx(float(loss(targets, queries, items=items, seed=seeded())), rel=0.02)


@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_extreme_scores_stay_finite(scale, value_and_gradients):
    targets, queries, items = batch()
    loss = BinaryCrossEntropy(N, 0.75)
    queries *= scale
    value, gradients = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), queries, items)
    assert np.isfinite(value) and all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("draw_per", DRAWS)
def test_a_catalogue_of_one_item_has_no_negatives(draw_per):
    targets, queries, items = batch()
    loss = BinaryCrossEntropy(3, 1.0, draw_per)
    value = float(loss(np.full_like(targets, 2), queries, items=items[:3], seed=seeded()))
    assert value == pytest.approx(np.log1p(np.exp(-(queries @ items[2]))).mean(), rel=1e-5)


def test_each_call_draws_new_negatives():
    targets, queries, items = batch()
    seed = seeded()
    one, two = (float(BinaryCrossEntropy(N)(targets, queries, items=items, seed=seed)) for _ in range(2))
    assert one != two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_negatives": 0}, "num_negatives must be a positive integer, got 0"),
        ({"num_negatives": True}, "num_negatives must be a positive integer, got True"),
        ({"calibration": -0.1}, "calibration must be a number from 0 to 1, got -0.1"),
        ({"calibration": 1.5}, "calibration must be a number from 0 to 1, got 1.5"),
        ({"calibration": "high"}, "calibration must be a number from 0 to 1, got 'high'"),
        ({"calibration": float("nan")}, "calibration must be a number from 0 to 1, got nan"),
        ({"draw_per": "user"}, "draw_per must be one of batch, group, token, got 'user'"),
    ],
)
def test_wrong_arguments_raise_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        BinaryCrossEntropy(**arguments)


def test_survives_its_config():
    loss = BinaryCrossEntropy(33, 0.75, "group", name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert (again.num_negatives, again.calibration, again.draw_per, again.name) == (33, 0.75, "group", "mine")


@pytest.mark.parametrize("calibration", [0.0, 0.75])
def test_balanced_starts_without_a_common_gradient_for_all_items(calibration, value_and_gradients):
    """At scores of 0 the gradient of the common component of all item vectors is 0, and scores are shifted by c."""
    # So many items that hardly a negative hits its target: hits are dropped, and with them part of the push.
    targets = np.arange(2, 202, dtype="int32")[None]
    queries, items = np.ones((1, 200, D), "float32"), np.zeros((10_000, D), "float32")
    balanced = BinaryCrossEntropy(4, calibration, balanced=True)
    _, (_, pull) = value_and_gradients(lambda q, e: balanced(targets, q, items=e, seed=seeded()), queries, items)
    _, (_, plain) = value_and_gradients(
        lambda q, e: BinaryCrossEntropy(4, calibration)(targets, q, items=e, seed=seeded()), queries, items
    )
    assert np.abs(pull.sum(0)).max() < 0.01 * np.abs(plain.sum(0)).max()
    again = keras.losses.deserialize(keras.losses.serialize(balanced))
    assert again.balanced

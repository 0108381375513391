import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import FullSoftmax

V, D = 9, 4  # catalogue and width


def batch(seed=0):
    """Targets with padding (0) and an unknown item (1), queries, and the table with its two reserved rows."""
    rng = np.random.default_rng(seed)
    targets = np.array([[0, 0, 5, 2], [10, 1, 3, 3]], "int32")
    return targets, rng.normal(size=(2, 4, D)).astype("float32"), rng.normal(size=(V + 2, D)).astype("float32")


def slow(targets, queries, items):
    """-log softmax at each target, in float64; 0 where nothing counts."""
    values = np.zeros(targets.shape)
    for at in zip(*np.nonzero(targets >= 2), strict=True):
        scores = items[2:].astype("float64") @ queries[at].astype("float64")
        values[at] = np.log(np.exp(scores).sum()) - scores[targets[at] - 2]
    return values


def test_equals_the_formula_and_means_over_the_real_targets():
    targets, queries, items = batch()
    expected = slow(targets, queries, items).sum() / 5  # 5 of the 8 are items
    assert float(FullSoftmax()(targets, queries, items=items)) == pytest.approx(expected, rel=1e-5)


def test_one_target_a_row():
    targets, queries, items = batch()
    expected = slow(targets[:, -1], queries[:, -1], items).mean()
    assert float(FullSoftmax()(targets[:, -1], queries[:, -1], items=items)) == pytest.approx(expected, rel=1e-5)


def test_weights_follow_the_rule_of_keras():
    targets, queries, items = batch()
    weights = np.arange(8, dtype="float32").reshape(2, 4)
    expected = (weights * slow(targets, queries, items)).sum() / 8
    assert float(FullSoftmax()(targets, queries, weights, items=items)) == pytest.approx(expected, rel=1e-5)


def test_halves_of_a_batch_with_global_weights_average_to_the_whole():
    targets, queries, items = batch()
    is_real = targets >= 2  # 2 in the first half, 3 in the second
    weights = (is_real * (targets.size / is_real.sum())).astype("float32")
    loss = FullSoftmax()
    halves = [float(loss(targets[i : i + 1], queries[i : i + 1], weights[i : i + 1], items=items)) for i in (0, 1)]
    whole = float(loss(targets, queries, weights, items=items))
    assert np.mean(halves) == pytest.approx(whole, rel=1e-6)
    assert whole == pytest.approx(float(loss(targets, queries, items=items)), rel=1e-6)


@pytest.mark.parametrize("nothing", [0, 1])
def test_padding_and_unknown_targets_are_inert(nothing, value_and_gradients):
    targets, queries, items = batch()

    def padded(values, with_this):
        return np.pad(values, ((0, 1), (3, 0), (0, 0))[: values.ndim], constant_values=with_this)

    more_targets = np.where(padded(targets, 0) < 2, nothing, padded(targets, nothing)).astype("int32")
    loss = FullSoftmax()
    plain = value_and_gradients(lambda q, e: loss(targets, q, items=e), queries, items)
    more = value_and_gradients(lambda q, e: loss(more_targets, q, items=e), padded(queries, 50.0), items)
    assert more[0] == pytest.approx(plain[0], rel=1e-6)
    np.testing.assert_allclose(more[1][0][:2, 3:], plain[1][0], atol=1e-6)
    assert not more[1][0][2:].any() and not more[1][0][:, :3].any()
    np.testing.assert_allclose(more[1][1], plain[1][1], atol=1e-6)
    assert not plain[1][1][:2].any()  # the reserved rows are no candidates


def test_a_batch_without_targets_is_zero_not_nan(value_and_gradients):
    targets, queries, items = batch()
    value, gradients = value_and_gradients(lambda q, e: FullSoftmax()(targets * 0, q, items=e), queries, items)
    assert value == 0
    assert not any(gradient.any() for gradient in gradients)


def test_half_precision_is_reduced_in_float32():
    targets, queries, items = batch()
    loss = FullSoftmax()(targets, ops.cast(queries, "bfloat16"), items=items)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(float(FullSoftmax()(targets, queries, items=items)), rel=2e-2)


def test_without_a_table_the_error_says_who_gives_it():
    with pytest.raises(ValueError, match="FullSoftmax needs the item table"):
        FullSoftmax()(*batch()[:2])


def test_survives_its_config():
    again = keras.losses.deserialize(keras.losses.serialize(FullSoftmax(name="mine")))
    assert isinstance(again, FullSoftmax) and again.name == "mine"

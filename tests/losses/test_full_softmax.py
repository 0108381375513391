import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import FullSoftmax, ItemLoss, SampledSoftmax

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


def test_equals_the_formula_and_averages_over_the_real_targets():
    targets, queries, items = batch()
    expected = slow(targets, queries, items).sum() / 5  # 5 of the 8 are items
    assert float(FullSoftmax()(targets, queries, items=items)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("chunk_size", [1, 3, 8, 100, None])
def test_chunks_do_not_change_the_loss_and_its_gradients(chunk_size, value_and_gradients):
    targets, queries, items = batch()
    weights = np.array([[0, 7, 2.0, 0.5], [1, 3, 0, 4]], "float32")
    loss = FullSoftmax(chunk_size)
    value, (by_queries, by_items) = value_and_gradients(
        lambda q, e: 3 * loss(targets, q, weights, items=e), queries, items
    )
    expected_queries, expected_items = np.zeros(queries.shape), np.zeros(items.shape)
    for at in zip(*np.nonzero(targets >= 2), strict=True):  # the formula, in float64
        query, table = queries[at].astype("float64"), items[2:].astype("float64")
        error = np.exp(table @ query) / np.exp(table @ query).sum()
        error[targets[at] - 2] -= 1
        expected_queries[at] = 3 * weights[at] / 8 * error @ table
        expected_items[2:] += 3 * weights[at] / 8 * np.outer(error, query)
    assert value == pytest.approx(3 * (weights * slow(targets, queries, items)).sum() / 8, rel=1e-5)
    np.testing.assert_allclose(by_queries, expected_queries, atol=1e-5)
    np.testing.assert_allclose(by_items, expected_items, atol=1e-5)


@pytest.mark.parametrize("chunk_size", [3, None])
def test_evaluation_equals_the_formula_and_computes_no_gradient(chunk_size, monkeypatch):
    targets, queries, items = batch()
    monkeypatch.setattr("tfrec.losses.full_softmax._value_and_gradients", None)  # what makes their products
    loss = FullSoftmax(chunk_size)
    expected = slow(targets, queries, items).sum() / 5
    assert float(loss(targets, queries, items=items, training=False)) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(TypeError):
        loss(targets, queries, items=items)


def test_large_scores_neither_overflow_nor_vanish():
    targets, queries, items = batch()
    value = float(FullSoftmax(3)(targets, 200 * queries, items=items))
    scores = 200 * (queries[targets >= 2].astype("float64") @ items[2:].T.astype("float64"))
    picked = scores[np.arange(5), targets[targets >= 2] - 2]
    highest = scores.max(1)
    assert value == pytest.approx(
        (np.log(np.exp(scores - highest[:, None]).sum(1)) + highest - picked).mean(), rel=1e-5
    )


class Plain(ItemLoss):
    """All logits at once."""

    def item_loss(self, targets, queries, items, seed=None):
        logits = ops.matmul(queries, ops.transpose(items[2:]))
        return ops.sparse_categorical_crossentropy(ops.maximum(targets - 2, 0), logits, from_logits=True)


@pytest.mark.tensorflow
@pytest.mark.parametrize(("loss", "holds"), [(FullSoftmax(5), False), (SampledSoftmax(11), False), (Plain(), True)])
def test_the_logits_of_all_targets_are_never_stored(loss, holds):
    import tensorflow as tf

    length, rows, catalogue = 7, 3, 1009
    seed = keras.random.SeedGenerator(0)

    @tf.function(autograph=False)
    def gradients(targets, queries, items):
        with tf.GradientTape() as tape:
            tape.watch([queries, items])
            value = loss(targets, queries, items=items, seed=seed)
        return value, tape.gradient(value, [queries, items])

    definition = gradients.get_concrete_function(
        tf.TensorSpec((rows, length), tf.int32),
        tf.TensorSpec((rows, length, D)),
        tf.TensorSpec((catalogue + 2, D)),
    ).graph.as_graph_def(add_shapes=True)
    nodes = [*definition.node, *(node for function in definition.library.function for node in function.node_def)]
    shapes = {
        tuple(size.size for size in shape.dim) for node in nodes for shape in node.attr["_output_shapes"].list.shape
    }
    assert ((rows * length, catalogue) in shapes) == holds
    assert ((5, catalogue) in shapes) == isinstance(loss, FullSoftmax)


@pytest.mark.tensorflow
def test_gathering_the_real_targets_first_changes_nothing(value_and_gradients):
    targets, queries, items = batch()
    plain, gathered = (
        value_and_gradients(lambda q, e, only=only: FullSoftmax()(targets, q, items=e, only_real=only), queries, items)
        for only in (False, True)
    )
    assert gathered[0] == pytest.approx(plain[0], rel=1e-6)
    for ours, theirs in zip(gathered[1], plain[1], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_chunk_size_must_be_a_positive_integer(bad):
    with pytest.raises(ValueError, match=f"chunk_size must be a positive integer or None, got {bad}"):
        FullSoftmax(bad)


def test_one_target_per_row_equals_the_formula():
    targets, queries, items = batch()
    expected = slow(targets[:, -1], queries[:, -1], items).mean()
    assert float(FullSoftmax()(targets[:, -1], queries[:, -1], items=items)) == pytest.approx(expected, rel=1e-5)


def test_weights_follow_keras_rule():
    targets, queries, items = batch()
    weights = np.arange(8, dtype="float32").reshape(2, 4)
    expected = (weights * slow(targets, queries, items)).sum() / 8
    assert float(FullSoftmax()(targets, queries, weights, items=items)) == pytest.approx(expected, rel=1e-5)


def test_one_weight_per_row_may_be_a_column_and_other_shapes_raise_an_error():
    targets, queries, items = batch()
    rows = np.array([1, 3], "float32")
    values = [float(FullSoftmax()(targets, queries, given, items=items)) for given in (rows, rows[:, None])]
    assert values[0] == values[1] == pytest.approx((rows[:, None] * slow(targets, queries, items)).sum() / 8, rel=1e-5)
    for shape in ((4,), (1, 4), (2, 3), (2, 4, 1)):
        with pytest.raises(ValueError, match=r"sample_weight has the shape .*: expected the shape of .*, \(2, 4\)"):
            FullSoftmax()(targets, queries, np.ones(shape, "float32"), items=items)


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


@pytest.mark.parametrize("only_real", [False, True])
def test_nan_at_padding_is_ignored(only_real, value_and_gradients):
    targets, queries, items = batch()
    hidden = np.where(np.arange(targets.size).reshape(targets.shape) % 2, targets, 0)
    poisoned = np.where((hidden > 0)[..., None], queries, np.nan).astype("float32")
    loss = FullSoftmax()
    expected = value_and_gradients(lambda q, e: loss(hidden, q, items=e), queries, items)
    value, gradients = value_and_gradients(lambda q, e: loss(hidden, q, items=e, only_real=only_real), poisoned, items)
    assert value == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(gradients[1], expected[1][1], atol=1e-6)


def test_a_batch_without_targets_has_a_loss_of_0(value_and_gradients):
    targets, queries, items = batch()
    value, gradients = value_and_gradients(lambda q, e: FullSoftmax()(targets * 0, q, items=e), queries, items)
    assert value == 0
    assert not any(gradient.any() for gradient in gradients)


def test_half_precision_is_summed_in_float32():
    targets, queries, items = batch()
    loss = FullSoftmax()(targets, ops.cast(queries, "bfloat16"), items=items)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(float(FullSoftmax()(targets, queries, items=items)), rel=2e-2)


def test_without_an_item_table_the_error_says_what_to_do():
    with pytest.raises(ValueError, match="FullSoftmax needs the item table"):
        FullSoftmax()(*batch()[:2])


def test_survives_its_config():
    again = keras.losses.deserialize(keras.losses.serialize(FullSoftmax(64, name="mine")))
    assert isinstance(again, FullSoftmax) and again.name == "mine" and again.chunk_size == 64

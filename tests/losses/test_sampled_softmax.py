import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import FullSoftmax, SampledSoftmax
from tfrec.losses.negatives import InBatch, Popularity

V, D, N = 40, 4, 16
COUNTS = np.round(900 / np.arange(1, V + 1)).astype(int)
SAMPLERS = {
    "uniform": "uniform",
    "log-uniform": "log-uniform",
    "popularity": Popularity(COUNTS, 0.5),
    "in-batch": InBatch(COUNTS),
}
DRAWS = ["batch", "group", "token"]

every_sampler = pytest.mark.parametrize("negatives", SAMPLERS.values(), ids=SAMPLERS)
every_draw = pytest.mark.parametrize("draw_per", DRAWS)


def batch(rows=2, length=4, seed=0, num_items=V):
    rng = np.random.default_rng(seed)
    targets = rng.integers(2, num_items + 2, (rows, length)).astype("int32")
    targets[0, :2], targets[1, 1] = 0, 1
    queries = rng.normal(size=(rows, length, D)).astype("float32")
    return targets, queries, rng.normal(size=(num_items + 2, D)).astype("float32")


def seeded(seed=0):
    return keras.random.SeedGenerator(seed)


def slow(loss, targets, queries, items, sign=1):
    """The formula in float64, for the first draw of `seeded()`; targets (T,) all real, queries (T, D)."""
    count, num_items = len(targets), len(items) - 2
    groups = {"batch": 1, "group": -(-count // 64), "token": count}[loss.draw_per]
    ids, log_probability = loss.sampler.draw((groups, 1, loss.num_negatives), num_items, targets, seeded())
    log_expected = ops.convert_to_numpy(log_probability).astype("float64") + np.log(loss.num_negatives)
    ids = ops.convert_to_numpy(ids)
    log_expected = np.broadcast_to(log_expected, ids.shape)
    scores = queries.astype("float64") @ items.astype("float64").T
    values = []
    for t, target in enumerate(targets):
        drawn = zip(ids[t % groups, 0], log_expected[t % groups, 0], strict=True)
        terms = [np.exp(scores[t, n] - sign * log_q) for n, log_q in drawn if n != target]
        values.append(np.log(np.exp(scores[t, target]) + np.sum(terms)) - scores[t, target])
    return np.array(values)


@every_sampler
@every_draw
def test_equals_the_formula_for_the_same_draw(negatives, draw_per):
    targets, queries, items = batch(rows=5, length=29)
    targets, queries = np.maximum(targets, 2).reshape(-1), queries.reshape(-1, D)
    loss = SampledSoftmax(N, negatives, draw_per)
    values = ops.convert_to_numpy(loss.item_loss(targets, queries, items, seeded()))
    np.testing.assert_allclose(values, slow(loss, targets, queries, items), rtol=1e-4)


def test_draws_per_token_gather_vectors_of_a_large_catalogue():
    targets, queries, items = batch(num_items=33 * N)
    targets, queries = np.maximum(targets, 2).reshape(-1), queries.reshape(-1, D)
    loss = SampledSoftmax(N, draw_per="token")
    values = ops.convert_to_numpy(loss.item_loss(targets, queries, items, seeded()))
    np.testing.assert_allclose(values, slow(loss, targets, queries, items), rtol=1e-4)


def test_by_default_all_targets_share_a_uniform_draw():
    targets, queries, items = batch()
    negatives = ops.convert_to_numpy(keras.random.randint((N,), 2, V + 2, seed=seeded()))
    values = []
    for at in zip(*np.nonzero(targets >= 2), strict=True):
        scores = items.astype("float64") @ queries[at].astype("float64")
        others = [scores[n] - np.log(N / V) for n in negatives if n != targets[at]]
        values.append(np.log(np.exp([scores[targets[at]], *others]).sum()) - scores[targets[at]])
    assert float(SampledSoftmax(N)(targets, queries, items=items, seed=seeded())) == pytest.approx(np.mean(values))


@every_sampler
def test_estimates_the_full_softmax_without_bias(negatives):
    """And with the wrong sign of the correction it would not. The targets are as frequent as the counts say."""
    rng = np.random.default_rng(0)
    items, query = rng.normal(size=(V + 2, D)).astype("float32"), rng.normal(size=(1, D)).astype("float32") / 2
    loss, seed, size = SampledSoftmax(N, negatives, draw_per="token"), seeded(), 4000
    queries = np.repeat(query, size, axis=0)
    draws = []
    for _ in range(20):
        targets = rng.choice(np.arange(2, V + 2), size, p=COUNTS / COUNTS.sum()).astype("int32")
        values = ops.convert_to_numpy(loss.item_loss(targets, queries, items, seed))
        # exp(loss) is the partition function divided by a constant: that is what the sample estimates.
        draws.append(np.exp(values[targets == 7]).mean())
    exact = np.exp(float(FullSoftmax()(np.array([7]), query, items=items)))
    error = np.std(draws) / np.sqrt(len(draws))
    assert error < 0.015 * exact
    assert abs(np.mean(draws) - exact) < 4 * error
    wrong = np.exp(slow(loss, np.full(8, 7), queries[:8], items, sign=-1)).mean()
    assert wrong > 3 * exact or wrong < exact / 3


@every_sampler
def test_the_gradient_estimates_that_of_the_full_softmax(negatives, value_and_gradients):
    """With as many draws as it takes; the targets are as frequent as the counts say."""
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(2, V + 2), COUNTS // 8 + 1).astype("int32")
    queries = rng.normal(size=(len(targets), D)).astype("float32")
    items = rng.normal(size=(V + 2, D)).astype("float32") / 2
    if not isinstance(negatives, str):
        negatives = type(negatives)(COUNTS // 8 + 1)
    loss = SampledSoftmax(50_000, negatives)
    exact, (gradient,) = value_and_gradients(lambda e: FullSoftmax()(targets, queries, items=e), items)
    value, (estimate,) = value_and_gradients(lambda e: loss(targets, queries, items=e, seed=seeded()), items)
    assert value == pytest.approx(exact, rel=0.01)
    assert np.linalg.norm(estimate - gradient) < 0.05 * np.linalg.norm(gradient)


@every_draw
def test_a_negative_that_is_the_target_is_removed(draw_per, value_and_gradients):
    _, queries, items = batch()
    targets, loss = np.full((2, 4), 2, "int32"), SampledSoftmax(50, draw_per=draw_per)  # a catalogue of one item
    value, gradients = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), queries, items[:3])
    assert value == pytest.approx(0, abs=1e-6)
    assert not any(gradient.any() for gradient in gradients)


def test_reserved_rows_are_never_drawn():
    targets, queries, items = batch()
    items[:2] = 1e4
    assert np.isfinite(float(SampledSoftmax(2000)(targets, queries, items=items, seed=seeded())))
    items[:2] = np.nan
    targets, queries = np.maximum(targets, 2).reshape(-1), queries.reshape(-1, D)
    drawn = SampledSoftmax(2000).item_loss(targets, queries, items, seeded())
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


def test_each_call_draws_new_negatives():
    targets, queries, items = batch()
    seed = seeded()
    one, two = (float(SampledSoftmax(N)(targets, queries, items=items, seed=seed)) for _ in range(2))
    assert one != two


@every_sampler
@every_draw
def test_half_precision_queries_give_a_float32_loss(negatives, draw_per):
    targets, queries, items = batch()
    loss = SampledSoftmax(N, negatives, draw_per)
    half = loss(targets, ops.cast(queries, "bfloat16"), items=items, seed=seeded())
    assert keras.backend.standardize_dtype(half.dtype) == "float32"
    assert float(half) == pytest.approx(float(loss(targets, queries, items=items, seed=seeded())), rel=0.02)


@every_sampler
def test_extreme_scores_stay_finite(negatives, value_and_gradients):
    targets, queries, items = batch()
    queries *= 1e4
    loss = SampledSoftmax(N, negatives)
    value, gradients = value_and_gradients(lambda q, e: loss(targets, q, items=e, seed=seeded()), queries, items)
    assert np.isfinite(value) and all(np.isfinite(gradient).all() for gradient in gradients)


@every_sampler
@every_draw
@pytest.mark.parametrize("only_real", [False, pytest.param(True, marks=pytest.mark.tensorflow)])
def test_a_batch_of_padding_has_a_loss_of_0(negatives, draw_per, only_real):
    targets, queries, items = batch()
    loss = SampledSoftmax(N, negatives, draw_per)
    assert float(loss(np.zeros_like(targets), queries, items=items, seed=seeded(), only_real=only_real)) == 0


@pytest.mark.tensorflow
@every_sampler
@every_draw
@pytest.mark.parametrize("jit_compile", [False, True])
def test_runs_in_a_graph_with_dynamic_shapes(negatives, draw_per, jit_compile):
    import tensorflow as tf

    targets, queries, items = batch(rows=5, length=29)
    loss, seed = SampledSoftmax(N, negatives, draw_per), seeded()
    specs = tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, None, D)), tf.TensorSpec((V + 2, D))

    @tf.function(input_signature=specs, jit_compile=jit_compile, autograph=False)
    def value_and_slope(targets, queries, items):
        with tf.GradientTape() as tape:
            tape.watch(items)
            value = loss(targets, queries, items=items, seed=seed, only_real=not jit_compile)
        return value, tape.gradient(value, items)

    value, slope = value_and_slope(targets, queries, items)
    assert np.isfinite(value) and np.isfinite(tf.convert_to_tensor(slope)).all() and np.any(slope)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jit of JAX")
@every_sampler
@every_draw
def test_can_be_traced_by_jax(negatives, draw_per):
    import jax

    targets, queries, items = batch(rows=5, length=29)
    loss, seed = SampledSoftmax(N, negatives, draw_per), seeded()

    @jax.jit
    def value(state, targets, queries, items):
        with keras.StatelessScope([(seed.state, state)]):
            return loss(targets, queries, items=items, seed=seed)

    expected = float(loss(targets, queries, items=items, seed=seeded()))
    assert float(value(seed.state.value, targets, queries, items)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("bad", [0, -3, 2.5, "7", None, True])
def test_num_negatives_must_be_a_positive_integer(bad):
    with pytest.raises(ValueError, match=f"num_negatives must be a positive integer, got {bad!r}"):
        SampledSoftmax(bad)


def test_wrong_arguments_raise_an_error():
    with pytest.raises(ValueError, match=r"negatives must be one of uniform, .* got 'rare'"):
        SampledSoftmax(negatives="rare")
    with pytest.raises(ValueError, match="needs the item counts"):
        SampledSoftmax(negatives="popularity")
    with pytest.raises(ValueError, match="draw_per must be one of batch, group, token, got False"):
        SampledSoftmax(draw_per=False)


@every_sampler
def test_survives_its_config(negatives):
    loss = SampledSoftmax(33, negatives, "group", name="mine")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert (again.num_negatives, again.draw_per, again.name) == (33, "group", "mine")
    assert type(again.sampler) is type(loss.sampler)

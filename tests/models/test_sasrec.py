"""Tests of SASRec: a planted pattern, no leak from the future, padding, and all ways of training in Keras."""

import functools

import keras
import numpy as np
import pytest
import small
from fused_adam import Adam
from keras import ops

from tfrec.losses import FullSoftmax, SampledSoftmax
from tfrec.models import SASRec

CYCLE = 30
LENGTH = 16
ON_JAX = keras.backend.backend() == "jax"
# One-step fits: quickest without a graph under TensorFlow, and with one on JAX, which also compiles op by op.
ONE_STEP = {"jit_compile": True} if ON_JAX else {"run_eagerly": True}


made = functools.partial(small.made, "sasrec")


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def walks(rows=64, length=8):
    """Histories on a cycle of 30 items, their next items, and weights: plain arrays, for any backend."""
    start = np.random.default_rng(0).integers(0, CYCLE, (rows, 1))
    ids = (start + np.arange(length + 1)) % CYCLE + 2
    ids[: rows // 2, :3] = 0
    targets = np.where(ids[:, :-1] > 0, ids[:, 1:], 0)
    weights = (targets > 0) * (targets.size / (targets > 0).sum())
    return {"history": ids[:, :-1].astype("int32")}, targets.astype("int32"), weights.astype("float32")


def learner(loss, **kwargs):
    keras.utils.set_random_seed(0)
    model = SASRec(CYCLE, max_length=LENGTH, hidden_dim=32, num_blocks=1, dropout=0.0, seed=1)
    # XLA under TensorFlow takes seconds a model.
    model.compile(**{"optimizer": keras.optimizers.Adam(0.01), "loss": loss, "jit_compile": ON_JAX, **kwargs})
    return model


# The planted pattern.


@pytest.fixture(scope="module")
def cycle(cyclic_walks):
    from tfrec.data import FeatureSpec

    return cyclic_walks, FeatureSpec.fit(cyclic_walks, max_length=LENGTH)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_recovers_a_planted_cycle_from_sampled_negatives(cycle):
    from tfrec.data import sequences

    table, spec = cycle
    model = learner(SampledSoftmax(16), optimizer=Adam(0.01))
    model.fit(sequences(table, spec, batch_size=60).repeat(25), shuffle=False, verbose=0)
    starts = np.random.default_rng(9).integers(0, CYCLE, 200)
    raw = (starts[:, None] + np.arange(4)) % CYCLE
    history = np.pad(spec.items.encode(raw.ravel().astype(str).astype(object)).reshape(raw.shape), ((0, 0), (5, 0)))
    found = ops.convert_to_numpy(model.recommend({"history": history}, k=1)[0])[:, 0]
    assert np.mean(spec.items.decode(found) == ((starts + 4) % CYCLE).astype(str)) > 0.95


# What a score may depend on.


def test_score_is_the_inner_product_with_the_item_vectors():
    model, inputs = made(), {"history": np.array([[0, 3, 4]])}
    query, table, scores = numpy([model.embed(inputs), model.item_table(), model.score(inputs)])
    np.testing.assert_allclose(query, numpy([model(inputs)])[0][:, -1], atol=1e-6)
    np.testing.assert_allclose(scores[:, 2:], query @ table[2:].T, atol=1e-5)


# What it answers.


def test_recommends_the_best_unseen_items():
    model, history = made(), np.array([[0, 3, 1, 20, 3], [4, 5, 6, 7, 8]])
    scores = ops.convert_to_numpy(model.score({"history": history}))
    ids, best = numpy(model.recommend({"history": history}, k=5))
    for row in range(2):
        allowed = [i for i in range(2, 22) if i not in history[row]]
        expected = sorted(allowed, key=lambda i: -scores[row, i])[:5]
        assert ids[row].tolist() == expected
        np.testing.assert_allclose(best[row], scores[row, expected], atol=1e-5)
    everything = ops.convert_to_numpy(model.recommend({"history": history}, k=20, mask_seen=False)[0])
    assert all(sorted(row) == list(range(2, 22)) for row in everything.tolist())


def test_lists_are_padded_if_too_few_items_are_left():
    model = made(num_items=4)
    ids, scores = numpy(model.recommend({"history": np.array([[2, 3, 5]])}, k=4))
    assert ids.tolist() == [[4, 0, 0, 0]]
    assert np.isfinite(scores[0, 0]) and (scores[0, 1:] == -np.inf).all()


def test_similar_items_have_the_highest_cosine_and_exclude_the_item_itself():
    model = made()
    table = ops.convert_to_numpy(model.item_table()).astype("float64")
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    ids, cosines = numpy(model.similar(np.array([2, 21]), k=19))
    for row, item in enumerate((2, 21)):
        others = [i for i in range(2, 22) if i != item]
        assert ids[row].tolist() == sorted(others, key=lambda i: -table[i] @ table[item])
        np.testing.assert_allclose(cosines[row], table[ids[row]] @ table[item], atol=1e-5)
    ids, cosines = numpy(model.similar(np.array([0, 1]), k=3))  # padding and the unknown item have no similar items
    assert not ids.any() and (cosines == -np.inf).all()


# How it is kept.


@pytest.mark.parametrize("loss", [SampledSoftmax(7), pytest.param(FullSoftmax(), marks=pytest.mark.tensorflow)])
def test_a_saved_model_gives_the_same_scores_and_keeps_its_loss(loss, tmp_path):
    inputs, targets, weights = walks(16)
    model = learner(loss, **ONE_STEP)
    model.fit(inputs, targets, sample_weight=weights, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is SASRec
    for ours, theirs in zip(numpy(model.recommend(inputs)), numpy(loaded.recommend(inputs)), strict=True):
        np.testing.assert_array_equal(theirs, ours)
    assert type(loaded.loss) is type(loss) and loaded.loss.get_config() == loss.get_config()
    loaded.fit(inputs, targets, sample_weight=weights, verbose=0)
    assert int(loaded.optimizer.iterations) == 2


@pytest.mark.tensorflow
def test_can_be_rebuilt_from_its_config():
    model = made(num_blocks=1, dropout=0.1, seed=4, dtype="mixed_bfloat16", name="mine")
    again = SASRec.from_config(model.get_config())
    assert again.get_config() == model.get_config()
    again.set_weights(model.get_weights())
    inputs = {"history": np.array([[3, 4]])}
    np.testing.assert_array_equal(*numpy([again.score(inputs), model.score(inputs)]))


@pytest.mark.slow
@pytest.mark.tensorflow
def test_half_precision_learns_with_its_loss_scaled():
    inputs, targets, weights = walks()
    model = SASRec(CYCLE, LENGTH, 16, num_blocks=1, dropout=0.0, seed=1, dtype="mixed_float16")
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=FullSoftmax(), jit_compile=False)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    losses = model.fit(inputs, targets, sample_weight=weights, epochs=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


# How it learns.


@pytest.mark.slow
@pytest.mark.parametrize("loss", [SampledSoftmax(8), pytest.param(FullSoftmax(), marks=pytest.mark.tensorflow)])
def test_learns_from_plain_arrays(loss):
    inputs, targets, weights = walks()
    history = learner(loss).fit(inputs, targets, sample_weight=weights, epochs=8, verbose=0)
    assert history.history["loss"][-1] < 0.7 * history.history["loss"][0]


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [pytest.param(False, marks=pytest.mark.tensorflow), True])
def test_each_step_draws_new_negatives(jit_compile):
    inputs, targets, weights = walks()
    model = learner(SampledSoftmax(8), optimizer=keras.optimizers.SGD(0.0), jit_compile=jit_compile)
    fitted = model.fit(inputs, targets, sample_weight=weights, batch_size=64, epochs=4, shuffle=False, verbose=0)
    assert len(set(fitted.history["loss"])) == 4  # only the random draws change


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_loss_is_the_same_with_and_without_xla():
    inputs, targets, weights = walks()
    plain, compiled = (
        learner(FullSoftmax(), jit_compile=jit).fit(
            inputs, targets, sample_weight=weights, epochs=2, shuffle=False, verbose=0
        )
        for jit in (False, True)
    )
    np.testing.assert_allclose(compiled.history["loss"], plain.history["loss"], rtol=1e-5)


@pytest.mark.tensorflow
def test_a_keras_cross_entropy_equals_full_softmax():
    inputs, targets, weights = walks()
    stock = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    ours, theirs = (
        learner(loss, **ONE_STEP).fit(inputs, targets, sample_weight=weights, epochs=2, shuffle=False, verbose=0)
        for loss in (FullSoftmax(), stock)
    )
    np.testing.assert_allclose(theirs.history["loss"], ours.history["loss"], rtol=1e-5)


def test_evaluation_computes_no_gradient(monkeypatch):
    """The two products of the softmax's gradients cost twice what its loss does."""
    inputs, targets, weights = walks(8)
    model = learner(FullSoftmax(), **ONE_STEP)
    losses = [float(model.compute_loss(inputs, ops.convert_to_tensor(targets), model(inputs), weights))]
    monkeypatch.setattr("tfrec.losses.full_softmax._value_and_gradients", None)
    losses.append(model.evaluate(inputs, targets, sample_weight=weights, verbose=0))
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


def test_one_target_per_row_follows_the_newest_position():
    inputs, targets, _ = walks(8)
    model = learner(FullSoftmax(), **ONE_STEP)
    value = model.evaluate(inputs, targets[:, -1], verbose=0)
    scores = ops.convert_to_numpy(model.score(inputs))[:, 2:].astype("float64")
    picked = scores[np.arange(8), targets[:, -1] - 2]
    assert value == pytest.approx(np.mean(np.log(np.exp(scores).sum(1)) - picked), rel=1e-5)


def test_a_column_of_targets_means_one_target_per_row():
    inputs, targets, _ = walks(8)
    row = learner(FullSoftmax(), **ONE_STEP).evaluate(inputs, targets[:, -1], sample_weight=np.arange(8.0), verbose=0)
    weights = np.arange(8.0)[:, None]
    column = learner(FullSoftmax(), **ONE_STEP).evaluate(inputs, targets[:, -1:], sample_weight=weights, verbose=0)
    assert column == pytest.approx(row, rel=1e-6)


def test_one_weight_per_row_applies_to_all_its_targets():
    inputs, targets, _ = walks(8)
    rows = np.arange(8.0)
    each = np.repeat(rows[:, None], targets.shape[1], axis=1)
    one, each = (
        learner(FullSoftmax(), **ONE_STEP).evaluate(inputs, targets, sample_weight=weights, verbose=0)
        for weights in (rows, each)
    )
    assert one == pytest.approx(each, rel=1e-6)


@pytest.mark.parametrize("cut", [slice(2, None), slice(0, 5)])
def test_targets_of_a_wrong_shape_raise_an_error(cut):
    inputs, targets, _ = walks(8)
    with pytest.raises(ValueError, match=r"queries have the shape .* and the targets"):
        learner(FullSoftmax(), **ONE_STEP).train_on_batch(inputs, targets[:, cut])


@pytest.mark.tensorflow  # on JAX, Keras lets metrics read no weights of the model
def test_a_diverged_model_raises_an_error_instead_of_ranking():
    from keras_rs.metrics import NDCG

    inputs, targets, weights = walks(24)
    model = learner(FullSoftmax(), metrics=[NDCG(5, shuffle_ties=False, name="ndcg")], run_eagerly=True)
    model.set_weights([np.full(w.shape, np.nan) for w in model.get_weights()])
    assert model.evaluate(inputs, targets, sample_weight=weights, verbose=0, return_dict=True)["ndcg"] == 0


@pytest.mark.tensorflow  # on JAX, Keras lets metrics read no weights of the model
@pytest.mark.parametrize("one_target", [True, False])
def test_compile_metrics_rank_the_newest_position_with_the_history_masked(one_target):
    from keras_rs.metrics import NDCG

    def metrics(prefix):
        return [
            NDCG(5, shuffle_ties=False, name=f"{prefix}ndcg"),
            keras.metrics.TopKCategoricalAccuracy(5, f"{prefix}top"),
        ]

    inputs, targets, weights = walks(24)
    targets[:4, -1] = 1  # the targets of these rows are unknown
    targets[4, -1] = inputs["history"][4, 4]  # the target of this row is in its history
    model = learner(FullSoftmax(), metrics=metrics(""), weighted_metrics=metrics("known_"))
    data = (targets[:, -1], None) if one_target else (targets, weights)
    reported = model.evaluate(inputs, data[0], sample_weight=data[1], batch_size=24, verbose=0, return_dict=True)
    ids = ops.convert_to_numpy(model.recommend(inputs, k=5)[0]).tolist()
    gains = [1 / np.log2(row.index(y) + 2) if y in row else 0.0 for row, y in zip(ids, targets[:, -1], strict=True)]
    hits = np.sign(gains)
    assert 2 <= hits.sum() < 20 and not hits[:5].any()
    by_hand = {"ndcg": np.mean(gains), "top": np.mean(hits)}
    known = {"known_ndcg": np.mean(gains[4:]), "known_top": np.mean(hits[4:])}  # stock Keras weighs these alone
    for name, value in {**by_hand, **known}.items():
        assert reported[name] == pytest.approx(value, abs=1e-5), name


@pytest.mark.slow
@pytest.mark.tensorflow
def test_stock_keras_callbacks_work(tmp_path):
    inputs, targets, weights = walks()
    model = learner(FullSoftmax(), metrics=[keras.metrics.TopKCategoricalAccuracy(3, name="recall")])
    early = keras.callbacks.EarlyStopping("val_recall", mode="max", patience=0, min_delta=2.0)  # nothing is good enough
    kept = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="val_loss", save_best_only=True)
    board = keras.callbacks.TensorBoard(tmp_path / "logs", write_graph=False)
    data = (inputs, targets, weights)
    fitted = model.fit(*data[:2], 32, 9, 0, [early, kept, board], validation_data=data, sample_weight=weights)
    assert len(fitted.history["loss"]) == 2
    best = keras.saving.load_model(tmp_path / "best.keras")
    assert best.evaluate(*data[:2], sample_weight=weights, verbose=0)[0] == pytest.approx(
        min(fitted.history["val_loss"]), rel=1e-4
    )
    assert list((tmp_path / "logs").rglob("events.out.*"))


# What it refuses.


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim", "num_blocks", "num_heads"])
@pytest.mark.parametrize("bad", [0, -1, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer, got {bad}"):
        SASRec(**{"num_items": 5, argument: bad})


@pytest.mark.parametrize("attention", ["SoftmaxAttention", "LinearAttention", "BlockSparseAttention"])
@pytest.mark.parametrize("block", ["sasrec", "ligr"])
def test_attention_to_the_future_raises_an_error(attention, block):
    with pytest.raises(ValueError, match="would otherwise see it"):
        SASRec(5, block=block, attention={"class": attention, "causal": False})


@pytest.mark.parametrize("k", [0, 21])
def test_a_list_longer_than_the_catalogue_raises_an_error(k):
    for ask in (lambda: made().recommend({"history": np.array([[3]])}, k), lambda: made().similar(np.array([3]), k)):
        with pytest.raises(ValueError, match=f"between 1 and the 20 items of the model, got {k}"):
            ask()


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="num_heads=3, hidden_dim=8"):
        SASRec(5, hidden_dim=8, num_heads=3)


def test_too_long_a_history_raises_an_error_that_says_what_to_do():
    with pytest.raises(ValueError, match=r"7 positions.*max_length=6.*newest 6"):
        made().score({"history": np.ones((1, 7), "int32")})


@pytest.mark.tensorflow  # elsewhere shapes are known when a graph is made
@pytest.mark.parametrize("name", ["SASRec", "HSTU", "TiSASRec", "ComiRec", "BERT4Rec"])
def test_too_long_a_history_also_fails_in_a_graph_of_dynamic_length(name):
    import tensorflow as tf

    from tfrec import models

    model = getattr(models, name)(20, max_length=6)

    @tf.function(
        input_signature=[{n: tf.TensorSpec((None, None), tf.int32) for n in model.input_names}], autograph=False
    )
    def query(inputs):
        return model(inputs)

    assert query({n: np.ones((1, 6), "int32") for n in model.input_names}) is not None
    for length in (9,) if name == "BERT4Rec" else (7, 9):  # BERT4Rec appends a mask
        with pytest.raises(tf.errors.InvalidArgumentError):
            query({n: np.ones((1, length), "int32") for n in model.input_names})


def test_a_history_without_a_batch_axis_raises_an_error():
    with pytest.raises(ValueError, match="history"):
        made().score({"history": np.array([3, 4, 5])})

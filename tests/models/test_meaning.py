"""Tests of every retrieval model: a planted pattern, no leak from the future, padding, saving and loading."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from small import BIDIRECTIONAL, VARIANTS, build, given, kept, made, shallow

from tfrec.losses import FullSoftmax

CYCLE = 30
LENGTH = 16
LONG = {"sasrec-block-sparse", "sasrec-linear", "sasrec-segments"}
HISTORIES = np.array([[0, 3, 4, 5, 6], [7, 8, 9, 2, 3]])

pytestmark = pytest.mark.parametrize("name", VARIANTS)


def scores_of(model, history):
    return ops.convert_to_numpy(model.score(given(model, history)))


@pytest.mark.slow
@pytest.mark.tensorflow
def test_recovers_a_planted_cycle(name, cyclic_walks):
    if name in BIDIRECTIONAL:
        pytest.skip("tested more strictly, with masked data, in test_bert4rec.py")
    if name in LONG:
        pytest.skip("tested more strictly in test_long_histories.py")
    from tfrec.data import FeatureSpec, sequences

    spec = FeatureSpec.fit(cyclic_walks, max_length=LENGTH)
    model = build(name, spec.num_items, max_length=LENGTH, hidden_dim=32, dropout=0.0, seed=0, **shallow(name))
    model.compile(Adam(0.02), FullSoftmax(), jit_compile=False)
    batches = sequences(cyclic_walks, spec, batch_size=40, inputs=model.input_names)
    model.fit(batches.repeat(30), shuffle=False, verbose=0)  # starting an epoch costs more than its steps
    starts = np.random.default_rng(9).integers(0, CYCLE, 200)
    raw = (starts[:, None] + np.arange(4)) % CYCLE
    history = np.pad(spec.items.encode(raw.ravel().astype(str).astype(object)).reshape(raw.shape), ((0, 0), (5, 0)))
    found = ops.convert_to_numpy(model.recommend(given(model, history), k=1)[0])[:, 0]
    assert np.mean(spec.items.decode(found) == ((starts + 4) % CYCLE).astype(str)) > 0.95


def test_a_later_item_changes_no_earlier_query(name):
    if name in BIDIRECTIONAL:
        pytest.skip("looks both ways on purpose")
    model = kept(name)
    changed = HISTORIES.copy()
    changed[:, -1] = 20
    before, after = (ops.convert_to_numpy(model(given(model, ids))) for ids in (HISTORIES, changed))
    np.testing.assert_allclose(after[:, :-1], before[:, :-1], atol=1e-6)
    assert np.abs(after[:, -1] - before[:, -1]).max() > 0.01


def test_left_padding_changes_no_score(name):
    model, history = kept(name), np.array([[3, 4, 5], [0, 7, 8]])
    plain, padded = scores_of(model, history), scores_of(model, np.pad(history, ((0, 0), (3, 0))))
    np.testing.assert_allclose(padded, plain, atol=2e-5)
    assert np.isfinite(plain[:, 2:]).all() and (plain[:, :2] == -np.inf).all()


def test_rows_of_a_batch_do_not_see_each_other(name):
    model = kept(name)
    together = scores_of(model, HISTORIES)
    alone = np.concatenate([scores_of(model, HISTORIES[row : row + 1]) for row in range(2)])
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_an_empty_history_has_finite_scores(name):
    assert np.isfinite(scores_of(kept(name), np.zeros((2, 4), "int32"))[:, 2:]).all()


@pytest.mark.tensorflow
def test_a_saved_model_gives_the_same_scores(name, tmp_path):
    model = kept(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(scores_of(loaded, HISTORIES), scores_of(model, HISTORIES))


@pytest.mark.tensorflow
@pytest.mark.parametrize(("dtype", "close"), [("mixed_bfloat16", 0.2), ("mixed_float16", 0.03)])
def test_half_precision_gives_similar_scores(name, dtype, close):
    history = np.array([[0, 0, 3, 4, 5], [2, 9, 8, 7, 21], [0, 0, 0, 0, 0]])
    exact, half = scores_of(kept(name), history), scores_of(made(name, dtype=dtype), history)
    assert half.dtype == np.float32 and np.isfinite(half[:, 2:]).all()
    np.testing.assert_allclose(half[:, 2:], exact[:, 2:], atol=close * np.abs(exact[:, 2:]).max())


@pytest.mark.tensorflow
def test_halves_of_a_batch_add_up_to_its_step(name):
    """Replicas need this: the mean of their losses and gradients is that of one device, for any targets on each."""
    import tensorflow as tf

    model = made(name, max_length=8, dropout=0.0, seed=0, **shallow(name))
    model.compile("sgd", FullSoftmax(), jit_compile=False)
    rng = np.random.default_rng(0)
    ids = rng.integers(2, 22, (8, 9)) * (np.arange(9) >= np.array([[0], [1], [0], [2], [7], [6], [8], [7]]))
    history, targets = ids[:, :-1], np.where(ids[:, :-1] > 0, ids[:, 1:], 0)
    if name in BIDIRECTIONAL:
        is_hidden = (np.arange(8) % 2 == 1) & (history > 0)
        history, targets = np.where(is_hidden, model.mask_id, history), np.where(is_hidden, history, 0)
    inputs = {key: values.astype("int32") for key, values in given(model, history).items()}
    weights = ((targets > 0) * (targets.size / (targets > 0).sum())).astype("float32")  # as `sequences` gives them

    def step(rows):
        part = {key: values[rows] for key, values in inputs.items()}
        with tf.GradientTape() as tape:
            queries = model(part, training=True)
            loss = model.compute_loss(part, tf.constant(targets[rows].astype("int32")), queries, weights[rows])
        gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
        return [loss, *map(tf.convert_to_tensor, gradients)]

    for whole, first, second in zip(step(slice(8)), step(slice(4)), step(slice(4, 8)), strict=True):
        np.testing.assert_allclose((first + second) / 2, whole, rtol=1e-4, atol=1e-5)
    first, second = (targets[half] > 0 for half in (slice(4), slice(4, 8)))
    assert first.sum() > 4 * second.sum() > 0


@pytest.mark.slow
@pytest.mark.tensorflow
def test_half_precision_trains_every_weight(name):
    model = build(name, dropout=0.0, seed=1, dtype="mixed_float16", **shallow(name))
    before = [weight.copy() for weight in model.get_weights()]
    rng = np.random.default_rng(0)
    ids = rng.integers(2, 22, (32, 7))
    history, targets = ids[:, :-1], ids[:, 1:]
    if name in BIDIRECTIONAL:  # predicts the masked item
        is_hidden = np.arange(6) % 2 == 1
        history, targets = np.where(is_hidden, model.mask_id, history), np.where(is_hidden, history, 0)
    inputs = given(model, history)
    eagerly = keras.backend.backend() == "tensorflow"  # six steps are done before a graph is made
    model.compile(Adam(0.01), FullSoftmax(), jit_compile=False, run_eagerly=eagerly)
    losses = [float(model.train_on_batch(inputs, targets)) for _ in range(6)]  # an epoch costs more than a step
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for weight, old in zip(model.weights, before, strict=True):
        new = ops.convert_to_numpy(weight)
        assert np.isfinite(new).all() and (not weight.trainable or (new != old).any()), weight.path


@pytest.mark.slow
@pytest.mark.tensorflow
def test_an_export_gives_the_scores_of_the_model(name, tmp_path):
    """The gate of `export` compares a fresh process without keras and tfrec with the model."""
    if name in ("hstu", "sasrec-ligr", "sasrec-linear", "sasrec-segments"):
        pytest.skip("the variant of its class with the most operations is exported")
    import pandas as pd

    from tfrec import presets, serving
    from tfrec.data import FeatureSpec, Interactions

    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"u": np.repeat(np.arange(30), 5), "i": rng.integers(0, 20, 150), "t": np.arange(150) + 10**9})
    table = Interactions.from_pandas(rows, user="u", item="i", time="t")
    spec = FeatureSpec.fit(table, max_length=6)
    model = made(name, num_items=spec.num_items, **shallow(name))
    presets.save(model, spec, tmp_path / "preset")
    assert (serving.export(tmp_path / "preset", tmp_path / "served", verify="runtime") / "saved_model.pb").is_file()

"""BERT4Rec reads both sides of a mask, predicts at a mask after the history, and learns from masked items."""

import functools

import keras
import numpy as np
import pytest
import small
from fused_adam import Adam
from keras import ops

from tfrec.losses import FullSoftmax
from tfrec.models import BERT4Rec

CYCLE = 30
LENGTH = 16
MASK = 22  # of `made`


made = functools.partial(small.made, "bert4rec")


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def queries(model, rows):
    return ops.convert_to_numpy(model({"history": np.array(rows, "int32")}))


# Queries, and what they may depend on.


def test_a_history_is_scored_at_a_mask_appended_after_its_newest_item():
    """Inference is training with the last item masked: the same query, and so the same scores."""
    model = made()
    histories = [[0, 0, 3, 4, 5], [7, 8, 9, 2, 3], [0, 0, 0, 0, 0]]
    asked = queries(model, [[*row, MASK] for row in histories])
    np.testing.assert_allclose(queries(model, histories)[:, -1], asked[:, -1], atol=1e-6)
    np.testing.assert_allclose(numpy([model.embed({"history": np.array(histories)})])[0], asked[:, -1], atol=1e-6)


def test_rows_with_and_without_masks_may_share_a_batch():
    model = made()
    mixed = queries(model, [[0, 3, 4, 5], [3, 4, 5, MASK], [3, MASK, 5, 6]])
    np.testing.assert_allclose(mixed[0, -1], mixed[1, -1], atol=1e-6)
    np.testing.assert_allclose(mixed[2], queries(model, [[3, MASK, 5, 6]])[0], atol=1e-6)


def test_a_mask_attends_to_both_sides_but_not_to_the_hidden_item():
    model = made()
    row, at = [3, 4, MASK, 6, 7], 2
    plain = queries(model, [row])[0, at]
    for place in (0, 1, 3, 4):  # later items too
        changed = list(row)
        changed[place] = 20
        assert np.abs(queries(model, [changed])[0, at] - plain).max() > 1e-3, place


def test_a_history_of_max_length_fits_and_one_more_item_changes_nothing():
    model = made()
    full = [3, 4, 5, 6, 7, 8]
    older, oldest = [20, *full], [9, *full[1:]]
    np.testing.assert_allclose(queries(model, [older])[0, -1], queries(model, [full])[0, -1], atol=1e-6)
    assert np.abs(queries(model, [oldest])[0, -1] - queries(model, [full])[0, -1]).max() > 1e-3
    assert queries(model, [[*full, MASK]]).shape == (1, 7, 8)  # a row of training
    with pytest.raises(ValueError, match=r"8 positions.*max_length=6.*newest 6"):
        queries(model, [[*full, 9, 10]])


def test_left_padding_changes_no_query_of_a_masked_row():
    model, rows = made(), np.array([[3, MASK, 5, MASK], [0, 7, MASK, 8]])
    plain, padded = queries(model, rows), queries(model, np.pad(rows, ((0, 0), (3, 0))))
    np.testing.assert_allclose(padded[:, 3:][rows > 0], plain[rows > 0], atol=1e-5)


def test_the_mask_is_never_recommended():
    model = made()
    assert model.mask_id == MASK and model.item_table().shape == (22, 8)
    table, rows = numpy([model.item_table(), model.embedding.items.embeddings])
    np.testing.assert_array_equal(table, rows[:22])
    ids = ops.convert_to_numpy(model.recommend({"history": np.array([[3, MASK]])}, k=20)[0])
    assert ids.max() == 21 and 3 not in ids


# How it learns.


def walks(rows=64, length=8):
    """Histories on a cycle of 30 items with a third of the items hidden: plain arrays, for any backend."""
    rng = np.random.default_rng(0)
    ids = (rng.integers(0, CYCLE, (rows, 1)) + np.arange(length + 1)) % CYCLE + 2
    ids[: rows // 2, :3] = 0
    hidden = (ids > 0) & (rng.random(ids.shape) < 0.3)
    hidden[:, -1] = True
    weights = hidden * (hidden.size / hidden.sum())
    history, targets = np.where(hidden, CYCLE + 2, ids), np.where(hidden, ids, 0)
    return {"history": history.astype("int32")}, targets.astype("int32"), weights.astype("float32")


@pytest.mark.slow
def test_learns_from_plain_arrays():
    inputs, targets, weights = walks()
    keras.utils.set_random_seed(0)
    model = BERT4Rec(CYCLE, LENGTH, 16, num_blocks=1, dropout=0.0, seed=1)
    model.compile(Adam(0.01), FullSoftmax(), jit_compile=keras.backend.backend() == "jax")
    losses = model.fit(inputs, targets, sample_weight=weights, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
@pytest.mark.tensorflow
def test_recovers_a_planted_cycle_on_either_side(cyclic_walks):
    """It learns to continue a walk, and to fill a hole in it from what came later.

    Unlike a causal model, whose query stands on the item before, it must find the neighbours of a mask by attention
    alone, separately for each position. So there are few positions here, and many rows.
    """
    from tfrec.data import FeatureSpec, masked_items, sequences

    keras.utils.set_random_seed(0)
    spec = FeatureSpec.fit(cyclic_walks, max_length=6)
    model = BERT4Rec(spec.num_items, 6, 32, num_blocks=1, dropout=0.0, seed=0)
    batches = masked_items(sequences(cyclic_walks, spec, 32, windows="all"), spec.mask_id, probability=0.3, seed=0)
    rate = keras.optimizers.schedules.CosineDecay(0.01, 40 * int(batches.cardinality()))
    model.compile(Adam(rate), FullSoftmax(), jit_compile=False)
    model.fit(
        batches.repeat(40), shuffle=False, verbose=0
    )  # one epoch, because starting an epoch costs more than its steps
    starts = np.random.default_rng(9).integers(0, CYCLE, 200)
    raw = (starts[:, None] + np.arange(5)) % CYCLE
    ids = spec.items.encode(raw.ravel().astype(str).astype(object)).reshape(raw.shape)
    history = np.pad(ids[:, :4], ((0, 0), (2, 0)))
    found = ops.convert_to_numpy(model.recommend({"history": history}, k=1)[0])[:, 0]
    assert np.mean(found == ids[:, 4]) > 0.95
    for hole in (0, 2):
        rows = ids.copy()
        rows[:, hole] = spec.mask_id
        scores = queries(model, rows)[:, hole] @ numpy([model.item_table()])[0][2:].T
        assert np.mean(scores.argmax(1) + 2 == ids[:, hole]) > 0.6, hole


@pytest.mark.tensorflow
def test_metrics_agree_for_one_target_per_row_and_masked_rows():
    """A history with its next item as target gives the same as the history followed by a mask."""
    metrics = [keras.metrics.TopKCategoricalAccuracy(5, name="top")]
    model = made()
    model.compile(loss=FullSoftmax(), weighted_metrics=metrics, jit_compile=False, run_eagerly=True)
    history = np.array([[0, 3, 4, 5], [7, 8, 9, 21], [6, 5, 21, 20]], "int32")
    targets = np.array([6, 7, 20], "int32")
    masked = np.concatenate([history, np.full((3, 1), MASK)], axis=1)
    at_mask = np.pad(targets[:, None], ((0, 0), (4, 0)))
    one = model.evaluate({"history": history}, targets, verbose=0)
    other = model.evaluate({"history": masked}, at_mask, sample_weight=(at_mask > 0) * 5.0, verbose=0)
    assert one == pytest.approx(other, rel=1e-5)


# What it refuses.


def seen_by(model, how):
    """The model, compiled, and what a causal model would learn from: each target is in the row itself."""
    model.compile("sgd", FullSoftmax(), run_eagerly=how == "eager", jit_compile=False)
    rows = (np.arange(4)[:, None] + np.arange(5)) % 20 + 2
    return model, {"history": rows[:, :-1]}, rows[:, 1:]


@pytest.mark.parametrize("how", ["graph", "eager"])
def test_visible_targets_raise_an_error(how):
    model, inputs, targets = seen_by(made(num_blocks=1), how)
    with pytest.raises(ValueError, match=r"no mask \(id 22\) in its history.*masked_items"):
        model.fit(inputs, targets, verbose=0)


@pytest.mark.tensorflow  # on JAX, Keras takes a model apart for fit, and an error leaves it so
def test_visible_targets_raise_an_error_after_valid_epochs_and_masked_batches_do_not():
    model, inputs, targets = seen_by(made(num_blocks=1), "eager")
    logs = model.fit(inputs, targets[:, -1], verbose=0).history  # the appended mask asks for one target a row
    hidden = {"history": np.where(np.arange(4) == 2, MASK, inputs["history"])}
    logs |= model.fit(hidden, np.where(np.arange(4) == 2, inputs["history"], 0), verbose=0).history
    assert set(logs) == {"loss"}
    with pytest.raises(ValueError, match="no mask"):
        model.fit(inputs, targets, verbose=0)


@pytest.mark.parametrize("argument", ["num_items", "max_length", "hidden_dim", "num_blocks", "num_heads"])
@pytest.mark.parametrize("bad", [0, True, 1.5])
def test_sizes_are_positive_integers(argument, bad):
    with pytest.raises(ValueError, match=f"{argument} must be a positive integer, got {bad}"):
        BERT4Rec(**{"num_items": 5, argument: bad})


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="num_heads=3, hidden_dim=8"):
        BERT4Rec(5, hidden_dim=8, num_heads=3)

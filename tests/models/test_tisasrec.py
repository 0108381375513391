"""TiSASRec learns patterns that depend on time differences, and nothing else of the times has an effect."""

import functools

import keras
import numpy as np
import pytest
import small
from keras import ops

from tfrec.losses import FullSoftmax
from tfrec.models import SASRec, TiSASRec

ON_JAX = keras.backend.backend() == "jax"
HOUR, DAY = 3600, 86_400


made = functools.partial(small.made, "tisasrec")


def batch():
    history = np.array([[0, 3, 4, 5, 6], [7, 8, 9, 2, 3]])
    stamps = 1_500_000_000 + np.cumsum([[9, 60, 0, 5 * HOUR, 3 * DAY], [1, 2, 400 * DAY, DAY, 7]], axis=1)
    return {"history": history, "timestamps": np.where(history > 0, stamps, 0)}


def numpy(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


# The planted pattern: after a short gap comes the next item on a circle of 12, after a long one the fifth from here.


def walks(rows=256, length=9, seed=0):
    rng = np.random.default_rng(seed)
    is_long = rng.random((rows, length)) < 0.5  # before each item but the first
    gaps = np.where(is_long, rng.integers(DAY, 9 * DAY, is_long.shape), rng.integers(60, HOUR, is_long.shape))
    start = rng.integers(0, 12, (rows, 1))
    # The step to an item is decided by the gap before the item that it follows.
    steps = np.concatenate([np.zeros((rows, 2), int), np.where(is_long[:, 1:], 5, 1)], axis=1)
    ids = (start + np.cumsum(steps, axis=1)) % 12 + 2
    history, targets = ids[:, :-1].astype("int32"), ids[:, 1:].astype("int32")
    targets[:, 0] = 0  # this step is random
    weights = (targets > 0) * (targets.size / (targets > 0).sum())
    return {"history": history, "timestamps": 1_500_000_000 + np.cumsum(gaps, axis=1)}, targets, weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "own", "low", "high"),
    [(TiSASRec, {"num_buckets": 16}, 0.95, 1.0), (SASRec, {}, 0.35, 0.65)],
    ids=["with times", "without"],
)
def test_learns_that_the_next_item_depends_on_the_last_interval(kind, own, low, high):
    """Gaps do not depend on the order of items: without times, a model can only guess."""
    keras.utils.set_random_seed(0)
    model = kind(12, max_length=9, hidden_dim=24, num_blocks=1, dropout=0.0, seed=1, **own)
    model.compile(optimizer=keras.optimizers.Adam(0.02), loss=FullSoftmax(), jit_compile=ON_JAX, steps_per_execution=8)
    inputs, targets, weights = walks()
    read = {name: inputs[name] for name in model.input_names}
    model.fit(read, targets, sample_weight=weights, batch_size=32, epochs=35, verbose=0)
    unseen, wanted, _ = walks(seed=5)
    unseen = {name: unseen[name] for name in model.input_names}
    found = ops.convert_to_numpy(model.recommend(unseen, k=1, mask_seen=False)[0])[:, 0]
    assert low <= np.mean(found == wanted[:, -1]) <= high


# What a score may depend on.


def test_it_has_a_timestamps_input():
    assert made().input_names == ("history", "timestamps")
    assert SASRec(5, hidden_dim=4).input_names == ("history",)


def test_a_later_item_or_time_changes_no_earlier_query():
    model, inputs = made(), batch()
    for name, changed in (("history", 20), ("timestamps", inputs["timestamps"][:, -1] + 500 * DAY)):
        later = {**inputs, name: inputs[name].copy()}
        later[name][:, -1] = changed
        before, after = numpy([model(inputs), model(later)])
        real = inputs["history"][:, :-1] > 0
        np.testing.assert_allclose(after[:, :-1][real], before[:, :-1][real], atol=1e-6)
        assert np.abs(after[:, -1] - before[:, -1]).max() > 0.01


def test_a_later_short_interval_does_not_change_the_unit_of_time():
    """The paper's unit, the shortest gap of the whole history, would change every interval here."""
    model, inputs = made(), batch()
    later = {**inputs, "timestamps": inputs["timestamps"].copy()}
    later["timestamps"][:, -1] = later["timestamps"][:, -2] + 1
    before, after = numpy([model(inputs), model(later)])
    real = inputs["history"][:, :-1] > 0
    np.testing.assert_allclose(after[:, :-1][real], before[:, :-1][real], atol=1e-6)


def test_only_differences_of_times_matter():
    model, inputs = made(), batch()
    stamps = inputs["timestamps"]
    for shift in (1, -400_000_001, 123_456_789):
        moved = {**inputs, "timestamps": np.where(stamps > 0, stamps + shift, 0)}
        np.testing.assert_allclose(*numpy([model.score(moved), model.score(inputs)]), atol=1e-5)


def test_padding_and_its_timestamps_change_no_score():
    model, inputs = made(), batch()
    plain = ops.convert_to_numpy(model.score(inputs))
    junk = {**inputs, "timestamps": np.where(inputs["history"] > 0, inputs["timestamps"], 1_499_999_999)}
    padded = {name: np.pad(values, ((0, 0), (1, 0))) for name, values in inputs.items()}
    for other in (junk, padded):
        np.testing.assert_allclose(ops.convert_to_numpy(model.score(other)), plain, atol=1e-5)
    nothing = {"history": np.zeros((2, 4), "int32"), "timestamps": np.zeros((2, 4), "int64")}
    assert np.isfinite(ops.convert_to_numpy(model.score(nothing))[:, 2:]).all()


# What it refuses.


def test_invalid_arguments_and_inputs_raise_an_error():
    with pytest.raises(ValueError, match="num_blocks must be a positive integer, got 0"):
        TiSASRec(5, num_blocks=0)
    with pytest.raises(ValueError, match="num_heads=3, hidden_dim=8"):
        TiSASRec(5, hidden_dim=8, num_heads=3)
    with pytest.raises(ValueError, match="num_buckets must be an integer of at least 3"):
        TiSASRec(5, hidden_dim=8, num_buckets=1)
    with pytest.raises(ValueError, match="timestamps"):
        made().score({"history": np.array([[3, 4]])})


# Real time stamps.


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["ml-100k", "ml-latest-small"])
def test_learns_from_the_times_of_real_tables(shared_data, name):
    from tfrec.data import FeatureSpec, LeaveLastOut, read, sequences

    train, _, test = read(shared_data / name).split(LeaveLastOut())
    spec = FeatureSpec.fit(train, max_length=12)
    model = TiSASRec(spec.num_items, max_length=12, hidden_dim=8, num_blocks=1, dropout=0.0, seed=0)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=FullSoftmax(), jit_compile=False)
    batch = next(iter(sequences(train, spec, 64, group_by_length=True, inputs=model.input_names)))
    losses = [float(model.train_on_batch(*batch)) for _ in range(5)]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    asked, *_ = next(iter(sequences(test, spec, 8, inputs=model.input_names)))
    buckets = np.unique(ops.convert_to_numpy(model.get_layer("intervals")(asked["timestamps"])))
    assert len(buckets) > 10  # gaps from minutes to years
    assert np.isfinite(ops.convert_to_numpy(model.score(asked))[:, 2:]).all()

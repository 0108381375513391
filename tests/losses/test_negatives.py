"""Samplers draw items with the probabilities that they return."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses.negatives import SAMPLERS, InBatch, LogUniform, Popularity, Uniform, sampler_of

V = 30
COUNTS = np.round(3000 / np.arange(1, V + 1) ** 1.3).astype(int)
DRAWS = 100_000


def seeded(seed=0):
    return keras.random.SeedGenerator(seed)


def expected(sampler):
    """P of each item, from the definitions in float64."""
    ranks = np.arange(V, dtype="float64")
    weights = {
        Uniform: lambda: np.ones(V),
        LogUniform: lambda: np.log((ranks + 2) / (ranks + 1)),
        Popularity: lambda: sampler.counts**sampler.power,
        InBatch: lambda: sampler.counts,
    }[type(sampler)]()
    return weights / weights.sum()


def targets_like_the_counts():
    return np.repeat(np.arange(2, V + 2), COUNTS).astype("int32")


@pytest.mark.parametrize(
    "sampler",
    [
        Uniform(),
        LogUniform(),
        Popularity(COUNTS),
        Popularity(COUNTS, 0.75),
        Popularity(COUNTS, 0),
        Popularity(10.0 ** -np.arange(V)),  # most items are never drawn
        InBatch(COUNTS),
    ],
    ids=lambda sampler: type(sampler).__name__,
)
def test_every_item_is_drawn_with_its_probability(sampler):
    ids, log_probability = sampler.draw((DRAWS // 10, 2, 5), V, targets_like_the_counts(), seeded())
    ids = ops.convert_to_numpy(ids)
    assert ids.shape == (DRAWS // 10, 2, 5) and ids.dtype == "int32" and ids.min() >= 2 and ids.max() <= V + 1
    probability = expected(sampler)
    log_probability = np.broadcast_to(ops.convert_to_numpy(log_probability), ids.shape)
    np.testing.assert_allclose(np.exp(log_probability), probability[ids - 2], rtol=2e-5)
    share = np.bincount(ids.reshape(-1), minlength=V + 2)[2:] / DRAWS
    error = np.sqrt(probability * (1 - probability) / DRAWS)
    assert (np.abs(share - probability) < 4.5 * error + 2 / DRAWS).all()


def test_neighbouring_draws_are_independent():
    """The two random numbers of an alias draw must not be the same one."""
    ids, _ = Popularity(COUNTS).draw((DRAWS, 2), V, None, seeded())
    first, second = ops.convert_to_numpy(ids).T
    joint = np.mean((first == 2) & (second == 2))
    probability = COUNTS[0] / COUNTS.sum()
    assert joint == pytest.approx(probability**2, abs=4 * probability / np.sqrt(DRAWS))


def test_in_batch_negatives_are_targets_of_the_batch():
    targets = np.array([0, 0, 7, 1, 5, 7, 0], "int32")
    ids, _ = InBatch(COUNTS).draw((3000,), V, targets, seeded())
    share = np.bincount(ops.convert_to_numpy(ids), minlength=V + 2) / 3000
    assert share[5] == pytest.approx(1 / 3, abs=0.05) and share[7] == pytest.approx(2 / 3, abs=0.05)
    assert share[5] + share[7] == 1


@pytest.mark.parametrize("targets", [[], [0], [1, 0, 0]])
def test_a_batch_without_targets_draws_items(targets):
    ids, log_probability = InBatch(COUNTS).draw((1, 1, 6), V, np.array(targets, "int32"), seeded())
    assert (ops.convert_to_numpy(ids) >= 2).all() and np.isfinite(ops.convert_to_numpy(log_probability)).all()


@pytest.mark.parametrize("kind", [InBatch, Popularity])
@pytest.mark.parametrize(
    "counts", [[], [1, 0, 2], [1, -1], [1, float("nan")], [1, float("inf")], [[1, 2]], 3, ["a"], None]
)
def test_counts_must_be_positive(kind, counts):
    with pytest.raises(ValueError, match="counts must be a list of positive numbers"):
        kind(counts)


@pytest.mark.parametrize("sampler", [InBatch([1, 2]), Popularity([1, 2])])
def test_counts_must_fit_the_table(sampler):
    with pytest.raises(ValueError, match="counts must hold one number for each of the 30 items, got 2"):
        sampler.draw((3,), V, np.array([2], "int32"), seeded())


@pytest.mark.parametrize("power", ["1", None, True, float("nan")])
def test_the_power_must_be_a_number(power):
    with pytest.raises(ValueError, match="power must be a finite number"):
        Popularity(COUNTS, power)


@pytest.mark.parametrize("sampler", [Uniform(), LogUniform(), Popularity(COUNTS, 0.5), InBatch(COUNTS)])
def test_survives_its_config(sampler):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(sampler))
    assert type(again) is type(sampler) and again.get_config() == sampler.get_config()


def test_samplers_are_found_by_name():
    assert list(SAMPLERS) == ["uniform", "log-uniform", "popularity", "in-batch"]
    assert isinstance(sampler_of("log-uniform"), LogUniform)
    made = Popularity(COUNTS)
    assert sampler_of(made) is made
    with pytest.raises(ValueError, match="needs the item counts: pass negatives=InBatch"):
        sampler_of("in-batch")
    for unknown in ("rare", None, 3, ["uniform"]):
        with pytest.raises(ValueError, match="negatives must be one of uniform, log-uniform, popularity, in-batch"):
            sampler_of(unknown)

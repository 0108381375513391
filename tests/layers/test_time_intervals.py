import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import TimeIntervals

DAY = 86_400


def run(layer, stamps):
    return ops.convert_to_numpy(layer(np.array(stamps)))


def test_a_bucket_is_the_number_of_bounds_reached():
    layer = TimeIntervals(num_buckets=16, max_interval=30 * DAY)
    rng = np.random.default_rng(0)
    stamps = 1_500_000_000 + np.floor(10 ** rng.uniform(0, 7, (3, 9))).astype("int64")
    stamps[0, :2] = 0  # padding
    for b, found in enumerate(run(layer, stamps)):
        expected = [[sum(abs(s - t) >= bound for bound in layer.bounds) for t in stamps[b]] for s in stamps[b]]
        assert found.tolist() == expected and found.dtype == np.int32


@pytest.mark.parametrize(("buckets", "longest"), [(3, 2), (4, 3), (8, 10**9), (64, 63), (64, 315_360_000), (200, 1000)])
def test_bounds_ascend_from_one_second_to_the_longest_interval(buckets, longest):
    bounds = TimeIntervals(buckets, longest).bounds
    assert len(bounds) == buckets - 1 and bounds[0] == 1 and bounds[-1] == longest
    assert (np.diff(bounds) > 0).all()


def test_an_interval_depends_only_on_its_two_items():
    layer, stamps = TimeIntervals(), np.array([[0, 5, DAY, 400 * DAY]]) + 1_000_000_000
    found = run(layer, stamps)
    np.testing.assert_array_equal(run(layer, stamps + 99_999_999), found)
    later = stamps + np.array([[0, 0, 0, 3]])
    np.testing.assert_array_equal(run(layer, later)[:, :-1, :-1], found[:, :-1, :-1])


def test_equal_times_short_and_long_intervals_have_different_buckets():
    first = run(TimeIntervals(), [[0, 0, 1, 60, 3600, DAY, 30 * DAY, 365 * DAY, 10 * 365 * DAY, 10**9]])[0, 0]
    assert first[:3].tolist() == [0, 0, 1] and first[-2:].tolist() == [63, 63]
    assert (np.diff(first[1:-1]) > 0).all()


@pytest.mark.parametrize(
    ("bad", "message"), [((2, 100), "num_buckets"), ((64, 62), "63"), ((64, 2**31), "max_interval")]
)
def test_invalid_buckets_raise_an_error(bad, message):
    with pytest.raises(ValueError, match=message):
        TimeIntervals(*bad)


def test_survives_its_config():
    layer = TimeIntervals(9, 1000)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config() and again.bounds == layer.bounds

import keras
import numpy as np
import pytest
from keras import ops

from tfrec.layers import NextEventLoss, RandomNegatives

D, E = 3, 4


def made(seed=0, **kwargs):
    layer = NextEventLoss(**kwargs)
    layer.build((None, None, D), (None, None, E))
    layer.set_weights([np.random.default_rng(seed).normal(size=(D, E))])
    return layer


def batch(seed=1):
    rng = np.random.default_rng(seed)
    mask = np.arange(5) >= np.array([[0], [2], [4], [5]])  # lengths 5, 3, 1, 0
    return [rng.normal(size=(4, 5, width)).astype("float32") for width in (D, E, E)], mask


def loss_of(layer, states, events, negatives, mask):
    layer(states, events, negatives, mask, training=True)
    (loss,) = layer.losses
    return float(ops.convert_to_numpy(loss))


def oracle(layer, states, events, negatives, mask):
    """The formula of the docstring, a pair at a time, in float64."""
    learned = ops.convert_to_numpy(layer.map).astype("float64")
    of_rows = []
    for b in range(len(mask)):
        each = []
        for t in range(mask.shape[1] - 1):
            if mask[b, t] and mask[b, t + 1]:
                click, no_click = (
                    1 / (1 + np.exp(-(states[b, t] @ learned) @ e[b, t + 1])) for e in (events, negatives)
                )
                each.append(-np.log(click) - np.log(1 - no_click))
        of_rows.append(np.mean(each) if each else 0.0)
    return layer.weight * np.mean(of_rows)


def test_equals_the_formula():
    layer, (vectors, mask) = made(weight=0.3), batch()
    np.testing.assert_allclose(loss_of(layer, *vectors, mask), oracle(layer, *vectors, mask), rtol=1e-5)


def test_is_low_if_states_predict_the_next_event_and_high_if_they_predict_the_negative():
    layer, (vectors, mask) = made(), batch()
    states, events, _ = vectors
    told = np.roll(states, 1, axis=1) @ ops.convert_to_numpy(layer.map)  # along z, at each next position
    unknown = 2 * np.log(2) * np.mean([1, 1, 0, 0])
    nothing = np.zeros_like(events)
    np.testing.assert_allclose(loss_of(layer, states, nothing, nothing, mask), unknown, rtol=1e-5)
    assert loss_of(layer, states, told, nothing, mask) < unknown < loss_of(layer, states, nothing, told, mask)


def test_padding_is_inert():
    layer, (vectors, mask) = made(), batch()
    expected = loss_of(layer, *vectors, mask)
    changed = [np.where(mask[..., None], each, 50.0).astype("float32") for each in vectors]
    np.testing.assert_allclose(loss_of(layer, *changed, mask), expected, rtol=1e-6)
    longer = [np.concatenate([np.full((4, 3, each.shape[-1]), 9.0, "float32"), each], axis=1) for each in vectors]
    np.testing.assert_allclose(loss_of(layer, *longer, np.pad(mask, ((0, 0), (3, 0)))), expected, rtol=1e-6)


def test_the_loss_of_a_batch_is_the_mean_of_its_parts():
    layer, (vectors, mask) = made(), batch()
    halves = [loss_of(layer, *(each[part] for each in vectors), mask[part]) for part in (slice(2), slice(2, 4))]
    np.testing.assert_allclose(loss_of(layer, *vectors, mask), np.mean(halves), rtol=1e-5)


def test_is_not_added_in_inference_and_returns_the_states():
    layer, (vectors, mask) = made(), batch()
    for training in (False, True):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(*vectors, mask, training=training)), vectors[0])
        assert len(layer.losses) == training


def test_negatives_are_drawn_from_all_items_except_the_positive():
    history = np.tile([[0, 1, 2, 5, 9]], (2000, 1)).astype("int32")
    drawn = ops.convert_to_numpy(RandomNegatives(size=10, seed=0)(history, training=True))
    assert (drawn != history)[:, 2:].all() and drawn.min() == 2 and drawn.max() == 9
    for position, item in enumerate(history[0]):
        share = np.bincount(drawn[:, position], minlength=10)[2:] / 2000
        if item >= 2:
            others = np.delete(share, item - 2)
            np.testing.assert_allclose(others, 1 / 7, atol=0.04)


def test_no_negatives_are_drawn_in_inference():
    history = np.array([[0, 3, 4]], "int32")
    np.testing.assert_array_equal(ops.convert_to_numpy(RandomNegatives(size=10)(history, training=False)), history)
    with pytest.raises(ValueError, match="size must be an integer of at least 4, got 3"):
        RandomNegatives(size=3)


@pytest.mark.parametrize("layer", [NextEventLoss(0.5, seed=1), RandomNegatives(9, seed=1)], ids=["loss", "items"])
def test_survives_its_config(layer):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()

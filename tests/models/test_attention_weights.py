"""The attention weights of sequential models."""

import keras
import numpy as np
import pytest
from small import BIDIRECTIONAL, VARIANTS, given, kept

from tfrec.models import RetrievalModel

HISTORY = np.array([[0, 0, 5, 9, 7], [3, 4, 8, 2, 6]])


@pytest.mark.parametrize("name", VARIANTS)
def test_weights_have_the_named_axes_and_are_zero_at_padding(name):
    model = kept(name)
    found = model.attention_weights(given(model, HISTORY))
    assert found.keys() == model.attention_axes.keys() and found
    for attention, weights in found.items():
        axes, weights = model.attention_axes[attention], np.asarray(weights)
        assert weights.dtype == np.float32 and weights.ndim == 1 + len(axes)
        more = [len(axis.split("+")) - 1 for axis in axes if axis.startswith("history")]
        sizes = [size for size, axis in zip(weights.shape[1:], axes, strict=True) if axis.startswith("history")]
        assert sizes == [HISTORY.shape[1] + one for one in more]
        weights = np.moveaxis(weights, 1 + axes.index(next(one for one in axes if one.startswith("history"))), -2)
        np.testing.assert_array_equal(weights[0, ..., 2:, :2], 0)  # from real positions
        assert np.abs(weights[0, ..., -1, 2:]).max() > 1e-4
        if name not in BIDIRECTIONAL:
            assert all(np.abs(weights[..., at, at + 1 : 5]).max() < 1e-6 for at in range(2, 4))


@pytest.mark.parametrize("name", ["sasrec", "tisasrec", "bert4rec", "comirec", "shan", "sasrec-block-sparse"])
def test_softmax_weights_sum_to_one(name):
    model = kept(name)
    *_, weights = (np.asarray(weights) for weights in model.attention_weights(given(model, HISTORY)).values())
    np.testing.assert_allclose(weights[1].sum(-1), 1, atol=1e-5)


def test_the_weights_of_shans_two_levels_sum_to_one_over_the_items():
    model = kept("shan")
    long, short = (np.asarray(weights) for weights in model.attention_weights(given(model, HISTORY)).values())
    np.testing.assert_array_equal(long[1, -1, -2:], 0)
    np.testing.assert_array_equal(short[1, -1, :3], 0)
    assert short[1, -1, -1] > 0  # the long term, behind the items


def test_a_model_without_attention_raises_an_error():
    history = keras.Input((None,), name="history")
    model = RetrievalModel(inputs={"history": history}, outputs=history)
    with pytest.raises(ValueError, match="has no attention"):
        model.attention_weights({"history": HISTORY})


@pytest.mark.parametrize(("inputs", "came"), [([[5, 9]], "list"), (HISTORY, "ndarray"), ({"items": HISTORY}, "items")])
def test_the_error_names_the_expected_inputs(inputs, came):
    with pytest.raises(ValueError, match=f"SASRec expects a dict with \\['history'\\], got .*{came}"):
        kept("sasrec").attention_weights(inputs)

"""AttentionMatcher: what is particular to it. What all ranking models must do stands in test_ranking_meaning.py."""

import keras
import numpy as np
import pytest
from keras import ops
from small_ranking import FEATURES, given, made, rows
from test_attention_supervision import compiled, reading_world, small

from tfrec.models import AttentionMatcher


@pytest.mark.slow
def test_learns_to_read_the_event_that_the_candidate_asks_for():
    inputs, labels, where = reading_world(1500)
    keras.utils.set_random_seed(0)
    model = compiled(small(head="dense", hidden_dims=[16]))
    model.fit(inputs, labels, batch_size=64, epochs=16, verbose=0)
    test, expected, where = reading_world(200, seed=1)
    assert np.mean((ops.convert_to_numpy(model.score(test)) > 0.5) == expected) > 0.95
    weights = ops.convert_to_numpy(model.attention_weights(test)["cross"])[:, 0, 0]
    assert np.mean(weights.argmax(axis=1) == where.argmax(axis=1)) > 0.9


def test_a_causal_user_encoder_does_not_look_ahead():
    inputs = rows(4, lengths=[6, 6, 3, 2])
    for causal in (True, False):
        model = made("attention-matcher", causal=causal)
        weights = ops.convert_to_numpy(model.attention_weights(given(model, inputs))["user_0"])
        ahead = weights * np.triu(np.ones((6, 6)), 1)
        assert (ahead.max() > 0.01) != causal


def test_positions_tell_the_order():
    inputs = rows(4, lengths=[6, 6, 6, 6])
    turned = {key: values[:, ::-1] if key.startswith("history") else values for key, values in inputs.items()}
    for use_positions in (True, False):
        model = made("attention-matcher", use_positions=use_positions)
        one, other = (ops.convert_to_numpy(model(given(model, rows_))) for rows_ in (inputs, turned))
        assert (np.abs(one - other).max() > 1e-3) == use_positions


def test_what_can_be_read_has_its_labels():
    model = made("attention-matcher")
    assert model.attention_axes["item_0"] == ["head", "feature", "feature"]
    assert model.attention_labels["feature"] == ["item", "genres", "year", "text"]


def test_a_head_is_one_of_three():
    with pytest.raises(ValueError, match="head must be one of linear, dense, residual, got 'deep'"):
        AttentionMatcher(FEATURES, head="deep")
    with pytest.raises(ValueError, match="sequence 'history'"):
        AttentionMatcher([one for one in FEATURES if one["group"] != "history"])

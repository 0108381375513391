"""The gate of ExpertFusion. Tests of all ranking models are in test_ranking_meaning.py."""

import keras
import numpy as np
import pytest
from cold_world import FEATURES, cold_world
from keras import ops
from small_ranking import given, made, rows

from tfrec.models import ExpertFusion


@pytest.mark.slow
def test_weights_content_higher_for_cold_items_and_collaboration_for_warm_ones():
    keras.utils.set_random_seed(0)
    (inputs, labels), *asked = cold_world()
    model = ExpertFusion(FEATURES, embedding_dim=8, hidden_dims=[16], embedding_l2=1e-3, cold_rate=0.2, seed=0)
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=keras.backend.backend() == "jax",
    )
    model.fit(inputs, labels, batch_size=128, epochs=6, verbose=0)
    content = []
    for rows_, expected in asked:
        assert np.mean((ops.convert_to_numpy(model.score(rows_)) > 0.5) == expected) > 0.95
        content.append(ops.convert_to_numpy(model.attention_weights(rows_)["experts"])[:, 1].mean())
    of_warm, of_new = content
    assert of_warm < 0.25 and of_new > 0.6


def test_all_unseen_items_have_the_same_count():
    """The count of an unseen id has no effect."""
    features = [*FEATURES]
    (inputs, _), _, _ = cold_world(rows=8)
    model = ExpertFusion(features, embedding_dim=4, seed=0)
    cold = {**inputs, "item": np.ones(8, "int32")}
    one, other = (
        ops.convert_to_numpy(model.attention_weights({**cold, "item_count": counts})["experts"])
        for counts in (np.full(8, 5.0, "float32"), np.full(8, np.nan, "float32"))
    )
    np.testing.assert_array_equal(one, other)


def test_each_expert_reads_only_its_own_features():
    """With the whole weight on one expert, what the other reads changes nothing."""
    inputs = rows(6, lengths=[3, 4, 5, 6, 6, 6])
    changed = {**rows(6, seed=1), **{key: inputs[key] for key in ("history", "history_label")}}
    for place, others in enumerate((["genres", "year", "text", "age", "hour", "history_genres"], ["user", "item"])):
        model = made("expert-fusion")
        (start,) = (weight for weight in model.weights if weight.path.endswith("gate/start"))
        start.assign(np.where(np.arange(2) == place, 60.0, -60.0))
        before = ops.convert_to_numpy(model(given(model, inputs)))
        after = ops.convert_to_numpy(model(given(model, {**inputs, **{key: changed[key] for key in others}})))
        np.testing.assert_allclose(after, before, atol=1e-5)


def test_features_without_content_raise_an_error():
    with pytest.raises(ValueError, match="content expert of ExpertFusion needs at least one feature other than user"):
        ExpertFusion([one for one in FEATURES if one["name"] in ("user", "item", "history", "item_count")])

"""A model that scores pairs of a history and an item answers in its export as it does in Python."""

import numpy as np
import pytest
from small_preset import made
from small_user_preset import interactions

from tfrec import presets, serving
from tfrec.data import FeatureSpec
from tfrec.models import NAIS

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
HISTORIES = [["7", "a,b"], ["", "日本"], ["no such id", ""]]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    spec = FeatureSpec.fit(interactions(), max_length=5)
    return made(
        NAIS(spec.num_items, max_length=5, hidden_dim=8, seed=0), spec, tmp_path_factory.mktemp("nais") / "films"
    )


def test_its_export_answers_as_in_python(preset, tmp_path, ask):
    version = serving.export(preset, tmp_path / "films", k=4, verify="runtime")
    found = ask(version, history=HISTORIES)
    ids, scores = preset.recommend(HISTORIES, k=4)
    assert found["item_ids"] == ids
    np.testing.assert_allclose(found["scores"], scores, atol=1e-4)


def test_an_added_item_is_read_and_ranked_like_those_it_is_similar_to(preset):
    more = presets.with_items(preset, {"brand new": ["7"]})
    [[new, old]] = more.score([["日本", "a,b"]], [["brand new", "7"]])
    assert new == pytest.approx(old, abs=1e-5)
    as_history = [more.score([[item]], [["日本"]])[0, 0] for item in ("brand new", "7")]
    assert as_history[0] == pytest.approx(as_history[1], abs=1e-5)

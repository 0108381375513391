"""A model that scores pairs of a history and an item gives the same answers in an export as in Python."""

import numpy as np
import pytest
from small_preset import made
from small_user_preset import interactions, user_preset

from tfrec import presets, serving
from tfrec.cli import main
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


@pytest.fixture(scope="module")
def delf(tmp_path_factory):
    """A preset of a model that reads the users of each item too."""
    return user_preset(tmp_path_factory.mktemp("delf") / "films", "audiences")


def test_an_item_attends_to_its_users_in_the_export_too(delf, tmp_path, ask):
    version = serving.export(delf, tmp_path / "films", k=4, verify="runtime")
    users = ["ann", "no such user", "🎬"]
    found = ask(version, user_id=users, history=HISTORIES)
    ids, scores = delf.recommend(HISTORIES, k=4, users=users)
    assert found["item_ids"] == ids
    np.testing.assert_allclose(found["scores"], scores, atol=1e-4)


def test_both_attentions_are_explained_by_name(delf, tmp_path, capsys):
    [item], own = delf.spec.items.encode(["日本"]), delf.spec.users.encode(["ann"])[0]
    audience = [user for user in np.asarray(delf.model.audiences(item)).tolist() if user]
    assert own in audience
    history, users = delf.explain(["7", "日本", "a,b"], item="日本", user="ann")
    assert (history.name, users.name) == ("history", "audience")
    assert history.weights[1] == 0 and history.weights.sum() == pytest.approx(1, abs=1e-5)
    assert users.labels == (tuple(delf.spec.users.decode(audience)),)
    assert users.weights[audience.index(own)] == 0 and users.weights.sum() == pytest.approx(1, abs=1e-5)
    arguments = ["--history", "7", "a,b", "--user", "ann", "--out", str(tmp_path / "weights.png")]
    assert main(["explain", str(delf.folder), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "history\n" in printed and "audience\n" in printed and (tmp_path / "weights.png").exists()


def test_an_added_item_has_the_users_of_those_it_is_similar_to(delf):
    more = presets.with_items(delf, {"brand new": ["7"]})
    [[new, old]] = more.score([["日本", "a,b"]], [["brand new", "7"]], users=["ann"])
    assert new == pytest.approx(old, abs=1e-5)

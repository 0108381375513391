"""Models that read user ids are exported, with new users folded in, alone and with a ranking model."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_preset import IDS
from small_ranking_preset import ranking_preset
from small_user_preset import KINDS, user_preset

from tfrec import presets, serving
from tfrec.errors import InputError
from tfrec.inference import candidate_scores
from tfrec.serving.files import export_manifest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
KNOWN, NOBODY = ["ann", "🎬", " bob"], ["no such user", "", "Ann"]
HISTORIES = [["7", "a,b"], ["", "日本"], ["no such id", ""]]


@pytest.fixture(scope="module", params=KINDS)
def preset(request, tmp_path_factory):
    return user_preset(tmp_path_factory.mktemp("users") / request.param, request.param)


@pytest.fixture(scope="module")
def version(preset, tmp_path_factory):
    return serving.export(preset, tmp_path_factory.mktemp("served") / "films", k=4, verify="runtime")


def test_users_are_answered_as_in_python(preset, version, ask):
    for users in (KNOWN, NOBODY):
        found = ask(version, user_id=users, history=HISTORIES)
        ids, scores = preset.recommend(HISTORIES, k=4, users=users)
        assert found["item_ids"] == ids
        np.testing.assert_allclose(found["scores"], scores, atol=1e-4)
    some = ask(version, "score", user_id=KNOWN, history=HISTORIES, item_ids=[["7", "日本", "?"]] * 3)
    np.testing.assert_allclose(
        some["scores"], preset.score(HISTORIES, [["7", "日本", "?"]] * 3, users=KNOWN), atol=1e-4
    )


def test_unknown_users_are_folded_in_and_get_popular_items_without_a_history(version, ask):
    known, stranger = (ask(version, user_id=[user], history=[["7", "a,b"]])["scores"] for user in ("ann", "new"))
    assert np.abs(known - stranger).max() > 1e-3
    nothing = ask(version, user_id=["new", ""], history=[[""]])
    popular = np.exp(nothing["scores"])  # shares of all interactions
    assert nothing["item_ids"][0] == nothing["item_ids"][1] and (np.diff(popular[0]) <= 0).all() and popular.sum() < 2


def test_the_history_is_optional_and_masks_its_items(version, ask):
    best = ask(version, user_id=["ann"], history=[[]])["item_ids"][0][0]
    found = ask(version, user_id=["ann", "ann"], history=[[best], [""]])["item_ids"]
    assert best not in found[0] and found[1][0] == best
    of_both = ask(version, user_id=["ann", "🎬"], history=[[best]])["item_ids"]  # one row for all
    assert best not in of_both[0] + of_both[1]
    optional = export_manifest.signatures_of(version)["serving_default"]["optional"]
    assert optional == ["history"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="as many rows as user_id"):
        ask(version, user_id=["ann"], history=[["7"], ["7"]])


def test_vectors_are_served_unless_the_model_scores_pairs(preset, version, ask):
    signatures = export_manifest.signatures_of(version)
    scores_pairs = "embed_users" not in signatures
    assert scores_pairs == (type(preset.model).__name__ == "NeuMF")
    near = ask(version, "similar_items", item_ids=["7"])["item_ids"][0]
    assert len(set(near)) == 4 and "7" not in near
    if not scores_pairs:
        users, items = (
            ask(version, "embed_users", user_id=KNOWN, history=[[""]]),
            ask(version, "embed_items", item_ids=IDS),
        )
        scores = ask(version, "score", user_id=KNOWN, history=[[""]], item_ids=[IDS])["scores"]
        np.testing.assert_allclose(users["vectors"] @ items["vectors"].T, scores, atol=1e-4)


def test_serve_check_passes_it(version):
    checks = serving.serve_check(version, requests=400)
    assert all(check.passed for check in checks) and len(checks) > 7, checks


def test_the_index_of_a_model_that_scores_pairs_is_exact(preset, tmp_path):
    if type(preset.model).__name__ != "NeuMF":
        pytest.skip("has vectors to search")
    for index in ("ivf", "int8", "scann"):
        with pytest.raises(InputError, match=f"NeuMF scores each pair.*not {index}"):
            serving.export(preset, tmp_path / "films", index=index)
    ranking = ranking_preset(tmp_path / "din")
    with pytest.raises(InputError, match="NeuMF scores each pair"):
        serving.export_two_stage(preset, ranking, tmp_path / "films", index="ivf")


def test_two_stages_send_the_user_once(preset, tmp_path, ask):
    if type(preset.model).__name__ == "NeuMF":
        pytest.skip("shown by the other")
    ranking = ranking_preset(tmp_path / "din")
    version = serving.export_two_stage(preset, ranking, tmp_path / "films", k=3, candidates=6, verify="runtime")
    signatures = json.loads((version / export_manifest.PLACE).read_text("utf-8"))["signatures"]
    names = signatures["serving_default"]["inputs"].keys()
    assert "user_id" in names and "user" not in names and "user" in signatures["rank"]["inputs"]
    assert signatures["recommend_by_history"]["inputs"].keys() == {"user_id", "history"}
    assert f'"user_id": ["{preset.spec.users.tokens[0]}"]' in serving.how_to_ask(version).replace("'\"'\"'", "'")
    found = ask(version, "recommend_by_history", user_id=["ann", "new"], history=[["7", "a,b"], ["7", "a,b"]])
    histories = [["7", "a,b"]] * 2
    candidates, _ = preset.recommend(histories, k=6, users=["ann", "new"])
    scores = candidate_scores.rank(ranking.model, ranking.spec, candidates, histories, {"user": ["ann", "new"]})
    wanted = [
        [row[at] for at in np.argsort(-of, kind="stable")[:3]] for row, of in zip(candidates, scores, strict=True)
    ]
    assert found["item_ids"] == wanted


def test_items_can_be_added(preset, tmp_path):
    from tfrec.cli import main

    (tmp_path / "new.csv").write_text("item,like\nbrand new,7 007\n", encoding="utf-8")
    assert (
        main(["export", str(preset.folder), str(tmp_path / "films"), "--add", str(tmp_path / "new.csv"), "--k", "3"])
        == 0
    )
    manifest = json.loads((tmp_path / "films" / "1" / export_manifest.PLACE).read_text("utf-8"))
    assert manifest["num_items"] == preset.spec.num_items + 1


def test_invalid_users_raise_an_error_in_python(preset):
    assert isinstance(preset, presets.Preset)
    with pytest.raises(InputError, match="3 histories and 1 users"):
        preset.recommend(HISTORIES, users=["ann"])
    with pytest.raises(InputError, match="list of user ids"):
        preset.recommend(users="ann")
    with pytest.raises(InputError, match=r"histories must be lists .* or user ids, users=\['7'\]"):
        preset.recommend()

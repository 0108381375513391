"""The answers of each signature equal those of the model."""

import numpy as np
import pytest
import tensorflow as tf

from tfrec import serving
from tfrec.serving.files import export_manifest

pytestmark = pytest.mark.slow

HISTORY = ["7", "a,b", "日本"]


def test_every_signature_is_there_with_its_tensors(exported):
    found = export_manifest.signatures_of(exported)
    text, real = ["string", [-1, -1]], ["float32", [-1, 4]]
    lists = {"item_ids": ["string", [-1, 4]], "scores": real}
    assert found["serving_default"] == found["recommend"]
    assert found == {
        "serving_default": {"inputs": {"history": text}, "outputs": lists, "optional": []},
        "recommend": {"inputs": {"history": text}, "outputs": lists, "optional": []},
        "recommend_filtered": {
            "inputs": {"history": text, "exclude": text, "allow": text},
            "outputs": lists,
            "optional": ["allow", "exclude"],
        },
        "score": {
            "inputs": {"history": text, "item_ids": text},
            "outputs": {"scores": ["float32", [-1, -1]]},
            "optional": [],
        },
        "embed_users": {
            "inputs": {"history": text},
            "outputs": {"vectors": ["float32", [-1, 8]]},
            "optional": [],
        },
        "embed_items": {
            "inputs": {"item_ids": ["string", [-1]]},
            "outputs": {"vectors": ["float32", [-1, 8]]},
            "optional": [],
        },
        "similar_items": {"inputs": {"item_ids": ["string", [-1]]}, "outputs": lists, "optional": []},
    }


def test_scores_are_inner_products_of_the_vectors(exported, ask, small_spec):
    items = small_spec.items.tokens.tolist()
    users = ask(exported, "embed_users", history=[HISTORY])["vectors"]
    vectors = ask(exported, "embed_items", item_ids=items)["vectors"]
    scores = ask(exported, "score", history=[HISTORY], item_ids=[items])["scores"]
    np.testing.assert_allclose(scores[0], vectors @ users[0], atol=1e-5)
    best = ask(exported, history=[HISTORY])
    order = [items[at] for at in np.argsort(-scores[0]) if items[at] not in HISTORY]
    assert best["item_ids"][0] == order[:4]


def test_unknown_items_score_minus_infinity_and_have_no_vector(exported, ask):
    scores = ask(exported, "score", history=[HISTORY], item_ids=[["no such id", "7", ""]])["scores"][0]
    assert np.isneginf(scores[[0, 2]]).all() and np.isfinite(scores[1])
    assert not ask(exported, "embed_items", item_ids=["no such id"])["vectors"].any()
    assert not ask(exported, "embed_users", history=[["no such id"]])["vectors"].any()


def test_similar_items_leave_out_the_item_itself(exported, ask, preset, small_spec):
    items = small_spec.items.tokens.tolist()
    found = ask(exported, "similar_items", item_ids=[*items, "no such id"])
    vectors = np.asarray(preset.model.item_table())[2:]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    for row, own in enumerate(cosines):
        assert found["item_ids"][row] == [items[at] for at in np.argsort(-own)[:4]]
    assert found["item_ids"][-1] == [""] * 4 and np.isneginf(found["scores"][-1]).all()


# Filters.


def test_excluded_items_are_not_returned_and_the_rest_keeps_its_order(exported, ask, preset, small_spec):
    every = ask(exported, history=[HISTORY])["item_ids"][0]
    found = ask(exported, "recommend_filtered", history=[HISTORY], exclude=[every[:2]], allow=[[""]])["item_ids"][0]
    assert found[:2] == every[2:] and not set(found) & set(every[:2])
    expected, _ = serving.recommend(preset.model, small_spec, [HISTORY], 4, exclude=[every[:2]])
    assert found == expected[0]


def test_only_allowed_items_are_returned_each_once(exported, ask):
    allow = ["x" * 300, "🎬", "🎬", "7", "no such id", "x" * 300]  # "7" is in the history
    found = ask(exported, "recommend_filtered", history=[HISTORY], exclude=[[""]], allow=[allow])
    assert set(found["item_ids"][0][:2]) == {"x" * 300, "🎬"} and found["item_ids"][0][2:] == ["", ""]
    assert np.isneginf(found["scores"][0, 2:]).all()


def test_what_is_both_allowed_and_excluded_is_excluded(exported, ask):
    found = ask(exported, "recommend_filtered", history=[HISTORY], exclude=[["🎬"]], allow=[["🎬", "007"]])
    assert found["item_ids"][0] == ["007", "", "", ""]


def test_allowing_only_unknown_ids_allows_nothing(exported, ask):
    found = ask(exported, "recommend_filtered", history=[HISTORY], exclude=[[""]], allow=[["no such id"]])
    assert found["item_ids"][0] == [""] * 4


def test_each_row_can_have_its_filter_and_a_single_row_applies_to_all(exported, ask):
    plain = ask(exported, history=[HISTORY, ["007"]])["item_ids"]
    each = ask(
        exported, "recommend_filtered", history=[HISTORY, ["007"]], exclude=[[""], ["7"]], allow=[[""], ["7", "🎬"]]
    )
    assert each["item_ids"] == [plain[0], ["🎬", "", "", ""]]
    shared = ask(exported, "recommend_filtered", history=[HISTORY, ["007"]], exclude=[["🎬"]], allow=[[""]])
    assert not any("🎬" in row for row in shared["item_ids"])


def test_filters_apply_to_cold_starts(exported, ask, small_spec):
    popular = small_spec.items.tokens.tolist()
    found = ask(exported, "recommend_filtered", history=[[""]], exclude=[popular[:2]], allow=[[""]])["item_ids"][0]
    assert found == popular[2:6]
    found = ask(exported, "recommend_filtered", history=[[""]], exclude=[[""]], allow=[popular[5:2:-1]])["item_ids"][0]
    assert found == [*popular[3:6], ""]


@pytest.mark.parametrize("name", ["exclude", "allow"])
def test_filters_with_another_number_of_rows_raise_an_error(exported, ask, name):
    rows = {"exclude": [[""]], "allow": [[""]], name: [["7"], ["7"], ["7"]]}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"{name} must have as many rows as history"):
        ask(exported, "recommend_filtered", history=[HISTORY, HISTORY], **rows)


def test_empty_batches_and_empty_rows_have_empty_answers(exported):
    loaded = tf.saved_model.load(str(exported))
    for shape, rows in (((0, 3), 0), ((0, 0), 0), ((2, 0), 2)):
        answer = loaded.signatures["serving_default"](history=tf.zeros(shape, tf.string))
        assert answer["item_ids"].shape == answer["scores"].shape == (rows, 4)


def test_seen_items_may_be_kept(preset, ask, tmp_path):
    version = serving.export(preset, tmp_path / "films", k=100, mask_seen=False, verify="runtime")
    found = ask(version, history=[HISTORY])["item_ids"][0]
    assert sorted(found) == sorted(preset.spec.items.tokens)


def test_cold_start_is_the_answer_of_the_model_of_python_and_of_the_export(exported, ask, preset):
    ids, scores = preset.model.recommend({"history": np.zeros((1, 3), "int32")}, k=4)
    expected = preset.spec.items.decode(np.asarray(ids)[0])
    for history in ([""], ["no such id", ""], []):
        answer = ask(exported, history=[history])
        assert answer["item_ids"] == [expected]
        np.testing.assert_allclose(answer["scores"], scores, rtol=1e-5)
        found = serving.recommend(preset.model, preset.spec, [[item for item in history if item]], k=4)
        assert found[0] == [expected]
        np.testing.assert_allclose(found[1], scores, rtol=1e-5)


def test_a_preset_and_its_spec_are_shown_in_a_few_lines(preset):
    lines = repr(preset).splitlines()
    assert len(lines) <= 5 and max(map(len, lines[:3])) < 120
    assert "SASRec" in lines[0] and f"{preset.spec.num_items} items" in lines[1]

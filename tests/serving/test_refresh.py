"""New and withdrawn items become a new version without training."""

import json
import re

import numpy as np
import pytest
from small_preset import IDS, made

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.cli.catalogue_files import with_new_items
from tfrec.data import Attributes
from tfrec.errors import InputError
from tfrec.models import BERT4Rec
from tfrec.presets.attribute_vectors import PLACE, AttributeVectors
from tfrec.serving.files import export_manifest

pytestmark = pytest.mark.slow


def test_a_new_item_has_the_score_of_its_similar_item(preset, ask, tmp_path):
    twin = presets.with_items(preset, {"twin of 7": ["7"]})
    assert twin.spec.num_items == preset.spec.num_items + 1 and twin.model.num_items == twin.spec.num_items
    version = serving.export(twin, tmp_path / "films", k=4, verify="runtime")
    history = [["日本", "a,b"]]
    scores = ask(version, "score", history=history, item_ids=[["7", "twin of 7"]])["scores"][0]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    # In a history it has the same effect as the similar item.
    one, other = (ask(version, "embed_users", history=[[item]])["vectors"] for item in ("7", "twin of 7"))
    np.testing.assert_allclose(one, other, atol=1e-6)
    assert ask(version, "similar_items", item_ids=["7"])["item_ids"][0][0] == "twin of 7"


def test_known_items_keep_their_scores(preset):
    more = presets.with_items(preset, {"new": ["7", "🎬"]})
    histories = [IDS[:3], ["007"]]
    old = serving.score(preset.model, preset.spec, histories, [IDS, IDS])
    np.testing.assert_allclose(serving.score(more.model, more.spec, histories, [IDS, IDS]), old, atol=1e-6)


def test_vectors_may_be_given_to_new_and_known_items(preset):
    vector = np.arange(8, dtype="float32")
    more = presets.with_items(preset, {"new": vector, "7": -vector})
    table = np.asarray(more.model.item_table())
    np.testing.assert_array_equal(table[more.spec.items.encode(["new", "7"])], [vector, -vector])


def test_the_mask_of_a_masked_model_moves_after_the_new_items(small_spec, tmp_path):
    preset = made(BERT4Rec(small_spec.num_items, max_length=5, hidden_dim=8), small_spec, tmp_path / "preset")
    more = presets.with_items(preset, {"new": ["7"], "newer": ["007"]})
    old, new = preset.model.embedding.items.get_weights()[0], more.model.embedding.items.get_weights()[0]
    np.testing.assert_array_equal(new[more.model.mask_id], old[preset.model.mask_id])
    histories = [IDS[:3], ["007"]]
    np.testing.assert_allclose(
        serving.score(more.model, more.spec, histories, [IDS, IDS]),
        serving.score(preset.model, preset.spec, histories, [IDS, IDS]),
        atol=1e-6,
    )


@pytest.mark.parametrize("index", ["ivf", "int8"])  # the exact one from the command line
def test_withdrawn_items_are_read_and_never_returned(preset, ask, tmp_path, index):
    gone = IDS[:5]
    version = serving.export(preset, tmp_path / "films", k=11, verify="runtime", index=index, withdrawn=gone)
    for history in (["🎬"], ["7"], [""]):
        found = ask(version, history=[history])["item_ids"][0]
        assert not set(found) & set(gone)
        assert set(found) - {""} == set(preset.spec.items.tokens) - set(gone) - set(history)
        allowed = ask(version, "recommend_filtered", history=[history], exclude=[[""]], allow=[IDS])["item_ids"][0]
        assert not set(allowed) & set(gone)
    assert not set(ask(version, "similar_items", item_ids=["🎬"])["item_ids"][0]) & set(gone)
    read = [ask(version, "embed_users", history=[history])["vectors"] for history in (["🎬"], ["7", "🎬"])]
    assert np.abs(read[0] - read[1]).max() > 1e-3


def test_from_the_command_line(preset, ask, tmp_path, capsys):
    (tmp_path / "new.csv").write_text('item,like,title\nnew,"7 007",The New One\n')
    (tmp_path / "gone.txt").write_text("🎬\n日本\n")
    arguments = ["--add", str(tmp_path / "new.csv"), "--withdraw", str(tmp_path / "gone.txt"), "--verify", "runtime"]
    assert main(["export", str(preset.folder), str(tmp_path / "films"), "--k", "12", *arguments]) == 0
    manifest = json.loads((tmp_path / "films" / "1" / export_manifest.PLACE).read_text("utf-8"))
    assert manifest["added"]["items"] == ["new"] and set(manifest["withdrawn_items"]) == {"🎬", "日本"}
    found = ask(tmp_path / "films" / "1", history=[["with space"]])["item_ids"][0]
    assert "new" in found and not {"🎬", "日本"} & set(found)
    (tmp_path / "gone.txt").write_text("never seen\n")
    assert main(["export", str(preset.folder), str(tmp_path / "films"), *arguments]) == 2
    assert "Unknown items to withdraw: 1, for example 'never seen'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,like\na,7\nb,7\na,007\n", "Row 3 of .*new.csv repeats item 'a' of row 1"),
        ("item,like,vector\na,7,1 2\n", "has both columns 'like' and 'vector'"),
        ("item,like\na,\n", "Row 1 of .*, item 'a', has no like"),
        ("item,like\n,7\n", "Row 1 of .* has no valid item id: got nan"),
        ('item,like\n"a\nb",7\n', "has no valid item id"),
        ("item,vector\na,1e39\n", "must be 8 finite numbers"),
    ],
)
def test_errors_in_a_file_of_new_items_name_the_row(preset, tmp_path, capsys, text, message):
    (tmp_path / "new.csv").write_text(text)
    assert main(["export", str(preset.folder), str(tmp_path / "films"), "--add", str(tmp_path / "new.csv")]) == 2
    assert re.search(message, capsys.readouterr().err) and not (tmp_path / "films").exists()


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ({}, "No items to add"),
        ({"new": ["7", "nobody"]}, r"got the unknown ids \['nobody'\]"),
        ({"new": []}, "got an empty list"),
        ({"new": np.zeros(3)}, "must be 8 finite numbers, got shape"),
        ({"new": np.full(8, np.nan)}, "must be 8 finite numbers"),
        ({"new": "7"}, "needs a list of similar ids"),
        ({"": ["7"]}, "not be empty"),
    ],
)
def test_items_that_cannot_be_added_are_named(preset, items, message):
    with pytest.raises(InputError, match=message):
        presets.with_items(preset, items)


@pytest.fixture(scope="module")
def with_attributes(preset, tmp_path_factory):
    """The preset, as if it were trained with titles and genres."""
    columns = [Attributes("title", words=True), Attributes("genres")]
    names = [("title", "war"), ("genres", "Drama"), ("genres", "War")]
    saved = AttributeVectors(columns, names, np.arange(24).reshape(3, 8))
    folder = tmp_path_factory.mktemp("attributes") / "preset"
    presets.save(preset.model, preset.spec, folder, extra_files={PLACE: saved.to_bytes()})
    return presets.load(folder)


def test_items_of_which_only_attributes_are_known_are_added(with_attributes, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("item,title,genres\na,The WAR,Drama|unknown\nb,Peace,War\n", encoding="utf-8")
    grown, manifest = with_new_items(with_attributes, str(path))
    rows = np.arange(24).reshape(3, 8)
    table = grown.model.embedding.items.get_weights()[0]
    np.testing.assert_allclose(table[grown.spec.items.encode(["a"])[0]], (rows[0] + rows[1]) / np.sqrt(2), rtol=1e-6)
    np.testing.assert_allclose(table[grown.spec.items.encode(["b"])[0]], rows[2])
    assert manifest["added"]["items"] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,title\na,nothing known\n", "Row 1 of .*, item 'a', has no known value of title or genres"),
        ("item,brand\na,x\n", r"or 'vector' \(numbers\), or attributes \(title, genres\)"),
    ],
)
def test_unknown_attributes_raise_an_error_that_names_them(with_attributes, tmp_path, text, message):
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        with_new_items(with_attributes, str(tmp_path / "new.csv"))


def test_a_preset_without_attributes_raises_an_error_that_says_what_to_do(preset, tmp_path):
    (tmp_path / "new.csv").write_text("item,title,genres\na,War,Drama\n")
    with pytest.raises(InputError, match=r"retrain the preset from a recipe with \[item_attributes\]"):
        with_new_items(preset, str(tmp_path / "new.csv"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"x" * 100])
def test_damaged_attributes_are_one_line(tmp_path, content):
    (tmp_path / PLACE).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read"):
        AttributeVectors.load(tmp_path)

"""An export gives the answers of its model; no other export becomes visible."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import IDS, made

from tfrec import serving
from tfrec.cli import main
from tfrec.cli.model_folder import model_folder
from tfrec.data import FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.inference import recommendations
from tfrec.models import SASRec, TiSASRec
from tfrec.serving.files import export_manifest
from tfrec.serving.verify import gate, model_answers, operations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ask_lists(ask):
    """Histories -> lists of ids, and scores."""

    def of(export, histories, **more):
        answer = ask(export, history=histories, **more)
        return answer["item_ids"], answer["scores"]

    return of


def test_top_k_equals_the_model_for_ids_of_any_spelling(preset, exported, ask_lists):
    histories = [[token] for token in preset.spec.items.tokens] + [IDS[:4], IDS[::-1]]
    ids, scores = ask_lists(exported, histories)
    expected_ids, expected = serving.recommend(preset.model, preset.spec, histories, 4)
    assert ids == expected_ids
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_seen_items_are_never_recommended_also_beyond_the_length_that_is_read(preset, exported, ask_lists):
    tokens = preset.spec.items.tokens.tolist()
    for history in ([tokens[0]], tokens[:8], tokens[:8] * 3):
        (found,), _ = ask_lists(exported, [history])
        assert not set(found) & set(history)


def test_if_too_few_items_are_left_the_rest_is_empty(preset, exported, ask_lists):
    tokens = preset.spec.items.tokens.tolist()
    (found,), scores = ask_lists(exported, [tokens[:-2]])
    assert set(found[:2]) == set(tokens[-2:]) and found[2:] == ["", ""]
    assert np.isneginf(scores[0, 2:]).all() and np.isfinite(scores[0, :2]).all()


def test_padding_on_either_side_and_unknown_ids_change_nothing(exported, ask_lists):
    plain, scores = ask_lists(exported, [["7", "a,b"]])
    for history in (["", "", "7", "a,b"], ["7", "a,b", "", ""], ["7", "", "no such id", "a,b"]):
        found, others = ask_lists(exported, [history])
        assert found == plain
        np.testing.assert_allclose(others, scores, atol=1e-6)


def test_a_history_without_a_known_id_gets_the_most_popular(preset, exported, ask_lists):
    for history in ([""], ["no such id"]):
        (found,), scores = ask_lists(exported, [history])
        assert found == preset.spec.items.tokens[:4].tolist()
        share = preset.spec.item_counts[:4] / preset.spec.item_counts.sum()
        np.testing.assert_allclose(scores[0], np.log(share), rtol=1e-5)


def test_it_loads_with_tensorflow_only(preset, exported):
    """`python -c` with only tensorflow imported."""
    script = (
        "import sys, tensorflow as tf\n"
        "f = tf.saved_model.load(sys.argv[1]).signatures['serving_default']\n"
        "print(*[i.decode() for i in f(history=tf.constant([['7', '007']]))['item_ids'].numpy()[0]], sep='|')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(exported)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().split("|") == serving.recommend(preset.model, preset.spec, [["7", "007"]], 4)[0][0]


def test_vocabulary_is_an_asset_and_weights_are_written_once(preset, exported):
    assert (exported / "assets" / "item.txt").read_text("utf-8").splitlines() == preset.spec.items.tokens.tolist()
    checkpoint = tf.train.load_checkpoint(str(exported / "variables" / "variables"))
    shapes = checkpoint.get_variable_to_shape_map().values()
    written = sum(int(np.prod(shape)) for shape in shapes if shape)  # the scalar belongs to the checkpoint
    assert written == preset.model.count_params()


def test_an_operation_that_the_stock_server_lacks_raises_an_error(exported, tmp_path):
    assert len(operations.check(exported)) > 20

    class Foreign(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)])
        def python(self, x):
            return {"y": tf.numpy_function(lambda v: v, [x], tf.float32)}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32)], jit_compile=True)
        def compiled(self, x):
            return {"y": x + 1}

    module = Foreign()
    tf.saved_model.save(module, str(tmp_path / "python"), signatures=module.python)
    with pytest.raises(InputError, match="may not support: PyFunc"):
        operations.check(tmp_path / "python")
    tf.saved_model.save(module, str(tmp_path / "compiled"), signatures=module.compiled)
    with pytest.raises(InputError, match=r"may not support: PyFunc|XLA must compile"):
        operations.check(tmp_path / "compiled")


def test_version_numbers_increase_and_no_other_files_are_left(preset, exported, ask_lists):
    assert exported.name == "1"
    second = serving.export(preset, exported.parent, k=1000, verify="runtime")
    assert sorted(path.name for path in exported.parent.iterdir()) == ["1", "2"]
    assert ask_lists(second, [["7"]])[1].shape == (1, preset.spec.num_items)


def test_a_slash_at_the_end_adds_a_folder_with_the_presets_name(preset, tmp_path, capsys):
    arguments = ["--verify", "runtime", "--k", "1000"]
    assert main(["export", str(preset.folder), f"{tmp_path}/served/", *arguments]) == 0
    printed = capsys.readouterr().out
    assert [path.name for path in (tmp_path / "served" / "preset").iterdir()] == ["1"]
    assert f"Ranked lists have {preset.spec.num_items} items" in printed and "ID" not in printed.split("-d ")[1]
    assert model_folder(f"{tmp_path}/served/preset/", "other") == tmp_path / "served" / "preset"  # versions are in it


def test_a_version_written_by_a_concurrent_export_stays(preset, tmp_path, monkeypatch):
    check = gate.check

    def slow(export, *rest):
        (tmp_path / "films" / "1").mkdir()
        (tmp_path / "films" / "1" / "saved_model.pb").write_text("theirs")
        return check(export, *rest)

    monkeypatch.setattr(gate, "check", slow)
    with pytest.raises(InputError, match="at the same time"):
        serving.export(preset, tmp_path / "films", verify="runtime")
    assert (tmp_path / "films" / "1" / "saved_model.pb").read_text() == "theirs"
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["1"]


def test_integers_are_converted_to_ids(preset):
    assert (
        serving.recommend(preset.model, preset.spec, [[7]], 3)[0]
        == serving.recommend(preset.model, preset.spec, [["7"]], 3)[0]
    )
    with pytest.raises(InputError, match="list of ids"):
        serving.recommend(preset.model, preset.spec, ["7"])


def test_an_export_with_other_answers_never_becomes_visible(preset, tmp_path, monkeypatch):
    other = SASRec(preset.spec.num_items, max_length=5, hidden_dim=8, seed=9)
    expected = model_answers.expected_answers
    monkeypatch.setattr(model_answers, "expected_answers", lambda model, *rest: expected(other, *rest))
    with pytest.raises(serving.ParityError, match=r"differ|ranks"):
        serving.export(preset, tmp_path / "films", verify="runtime")
    assert not (tmp_path / "films").exists()


def test_invalid_arguments_raise_an_error_that_names_them(preset, tmp_path):
    with pytest.raises(InputError, match="at least 1"):
        serving.export(preset, tmp_path / "films", k=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        serving.export(preset, tmp_path / "file")


# Timestamps.


@pytest.fixture(scope="module")
def timed(tmp_path_factory):
    """A preset of a model that reads timestamps, with weights that give them an effect, and its export."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(IDS, 180)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    model = TiSASRec(spec.num_items, max_length=5, hidden_dim=8, num_blocks=1, seed=0)
    folder = tmp_path_factory.mktemp("timed")
    preset = made(model, spec, folder / "preset")
    return preset, serving.export(preset, folder / "films", k=4, verify="runtime")


@pytest.fixture(scope="module")
def ask_timed(ask):
    """One history with its time stamps -> ids and scores."""

    def of(export, history, stamps):
        answer = ask(export, history=[history], timestamps=[stamps])
        return answer["item_ids"][0], answer["scores"][0]

    return of


def test_an_export_with_timestamps_gives_the_answers_of_the_model(timed, ask_timed):
    preset, exported = timed
    history, stamps = IDS[:7], (1_500_000_000 + np.array([0, 9, 60, 60, 9e4, 1e6, 5e7], np.int64)).tolist()
    found, scores = ask_timed(exported, history, stamps)
    expected_ids, expected = serving.recommend(preset.model, preset.spec, [history], 4, [stamps])
    assert found == expected_ids[0]
    np.testing.assert_allclose(scores, expected[0], atol=1e-5)
    ids = preset.spec.items.encode(history)[-5:]
    plain = preset.model.score({"history": ids[None], "timestamps": np.array([stamps[-5:]])})
    np.testing.assert_allclose(scores, np.asarray(plain)[0, preset.spec.items.encode(found)], atol=1e-5)
    others = ask_timed(exported, history, [*stamps[:-1], stamps[-1] + 10**8])[1]
    assert np.abs(others - scores).max() > 0.001


def test_padding_and_unknown_ids_are_ignored_with_their_timestamps(timed, ask_timed):
    _, exported = timed
    plain, scores = ask_timed(exported, ["7", "a,b"], [1_500_000_000, 1_500_086_400])
    for history, stamps in (
        (["", "7", "a,b"], [5, 1_500_000_000, 1_500_086_400]),
        (["7", "a,b", ""], [1_500_000_000, 1_500_086_400, 0]),
        (["7", "no such id", "a,b"], [1_500_000_000, 1_500_000_001, 1_500_086_400]),
    ):
        found, others = ask_timed(exported, history, stamps)
        assert found == plain
        np.testing.assert_allclose(others, scores, atol=1e-6)


def test_timestamps_of_another_shape_raise_an_error_in_the_graph(timed, ask_timed):
    with pytest.raises(tf.errors.InvalidArgumentError, match="the shape of history"):
        ask_timed(timed[1], ["7", "a,b"], [1_500_000_000])


def test_an_export_that_ignores_timestamps_is_rejected(timed, tmp_path, monkeypatch):
    """Without the timestamps of the recorded calls, the answers are different."""
    preset, _ = timed
    recommend = recommendations.recommend

    def without(model, spec, histories, k, timestamps, **more):
        return recommend(model, spec, histories, k, [[0] * len(row) for row in timestamps], **more)

    monkeypatch.setattr(recommendations, "recommend", without)
    with pytest.raises(serving.ParityError, match=r"differ|ranks"):
        serving.export(preset, tmp_path / "films", verify="runtime")
    assert not (tmp_path / "films").exists()


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        (None, "tisasrec reads timestamps: pass timestamps"),
        ([[1, 2]], "3 items needs 3 timestamps.*got 2"),
        ([[1, 2, 3], [4]], "one list per history, 1 in total; got 2"),
        ([["soon", "now", "then"]], "numbers, seconds since 1970"),
        ([[1, 2, float("nan")]], "numbers"),
        (
            [[1_600_000_000, 1_600_086_400_000, 2]],
            "but 1600086400000 is too large: divide by 1,000",
        ),
        ([[1.6e18, 1.6e18, 1.6e18]], "too large: divide by 1,000,000,000"),
    ],
)
def test_missing_or_invalid_timestamps_raise_an_error(timed, stamps, message):
    preset, _ = timed
    with pytest.raises(InputError, match=message):
        serving.recommend(preset.model, preset.spec, [IDS[:3]], 4, stamps)


def test_timestamps_for_a_model_that_reads_only_the_order_raise_an_error(preset, exported):
    with pytest.raises(InputError, match="reads no timestamps"):
        serving.recommend(preset.model, preset.spec, [["7"]], 4, [[1_500_000_000]])
    assert export_manifest.signatures_of(exported)["serving_default"]["inputs"].keys() == {"history"}


def test_without_timestamps_all_items_have_the_same_time(timed, ask):
    _, exported = timed
    none = ask(exported, history=[IDS[:3]], timestamps=[[]])["scores"]
    same = ask(exported, history=[IDS[:3]], timestamps=[[0, 0, 0]])["scores"]
    np.testing.assert_array_equal(none, same)
    assert export_manifest.signatures_of(exported)["serving_default"]["optional"] == ["timestamps"]

"""A loaded preset equals the saved one, and every damage gives an error."""

import inspect
import json
import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest

from tfrec import evaluation, models, presets, serving
from tfrec.data import Examples, FeatureSpec, History, LeaveLastOut, generate_world
from tfrec.errors import InputError
from tfrec.models import RankingModel, RetrievalModel, SASRec
from tfrec.presets import manifest, weights_file

CLASSES = {name: getattr(models, name) for name in models.__all__}
RETRIEVAL = {
    name: one for name, one in CLASSES.items() if issubclass(one, RetrievalModel) and one is not RetrievalModel
}
RANKING = {name: one for name, one in CLASSES.items() if issubclass(one, RankingModel) and one is not RankingModel}


@pytest.fixture(scope="module")
def spec():
    return FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=1), max_length=8)


@pytest.fixture(scope="module")
def saved_once(spec, tmp_path_factory):
    model, folder = SASRec(spec.num_items, max_length=8, hidden_dim=8, seed=3), tmp_path_factory.mktemp("saved")
    presets.save(model, spec, folder / "preset", metrics={"note": 1}, extra_files={"recipe.toml": "epochs = 1\n"})
    return model, folder / "preset"


@pytest.fixture
def saved(saved_once, tmp_path):
    """A model, which tests only read, and a copy of its preset, which they may change."""
    model, folder = saved_once
    return model, shutil.copytree(folder, tmp_path / "preset")


def test_round_trip(saved, spec):
    model, folder = saved
    preset = presets.load(folder)
    history = {"history": np.array([[2, 3, 4]])}
    np.testing.assert_array_equal(np.asarray(model.score(history)), np.asarray(preset.model.score(history)))
    assert preset.spec.items == spec.items and preset.metrics == {"note": 1}
    assert preset.spec.titles == spec.titles
    np.testing.assert_array_equal(preset.spec.item_counts, spec.item_counts)


def test_a_saved_model_is_loaded_with_the_same_weights(spec, tmp_path):
    model = SASRec(spec.num_items, max_length=8, hidden_dim=8)
    model.save_to_preset(tmp_path / "mine", spec, metrics={"note": 2}, card="# Mine\n")
    history = {"history": np.array([[2, 3, 4]])}
    for kind in (SASRec, RetrievalModel):
        again = kind.from_preset(tmp_path / "mine")
        assert type(again) is SASRec
        np.testing.assert_array_equal(np.asarray(model.score(history)), np.asarray(again.score(history)))
    preset = presets.load(tmp_path / "mine")
    assert preset.metrics == {"note": 2} and (tmp_path / "mine" / "README.md").read_text() == "# Mine\n"


def test_a_preset_answers_in_raw_ids(saved, spec):
    model, folder = saved
    preset = presets.load(folder)
    history = spec.items.decode(np.array([2, 3, 4]))
    ids, scores = preset.recommend([history], k=4, exclude=[spec.items.decode(np.array([5]))])
    expected = np.asarray(model.score({"history": np.array([[2, 3, 4]])}))[0]
    order = [one for one in np.argsort(-expected, kind="stable") if one not in (0, 1, 2, 3, 4, 5)][:4]
    assert ids == [spec.items.decode(np.array(order))]
    np.testing.assert_allclose(scores[0], expected[order], rtol=1e-5)
    np.testing.assert_allclose(preset.score([history], ids), scores, rtol=1e-5)
    attention = preset.explain(history)[0]
    assert attention.labels[-1] == tuple(spec.title(one) for one in (2, 3, 4))
    with pytest.raises(InputError, match=r"the class SASRec, a retrieval model: use preset\.recommend"):
        preset.rank([history])
    with pytest.raises(InputError, match="remove item"):
        preset.explain(history, item=history[0])


def test_another_class_is_one_clear_error():
    class Oracle(RetrievalModel):
        pass

    with pytest.raises(
        InputError, match=r"'sasrec_ml1m' has the class SASRec, expected Oracle: use tfrec\.models\.SASRec\."
    ):
        Oracle.from_preset("sasrec_ml1m")


def test_training_leaves_no_state_behind(saved, spec, tmp_path):
    folder = saved[1]
    model = presets.load(folder).model
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    presets.save(model, spec, tmp_path / "trained")
    sizes = [(path / "model.weights.h5").stat().st_size for path in (folder, tmp_path / "trained")]
    assert sizes[0] == sizes[1]


def test_no_pickle_and_text_vocabularies(saved, spec):
    _, folder = saved
    assert (folder / "vocabularies" / "item.txt").read_text().split("\n")[:-1] == spec.items.tokens.tolist()
    assert not list(folder.rglob("*.pkl"))


@pytest.mark.parametrize(
    "name", ["config.json", "spec.json", "model.weights.h5", "vocabularies/item.txt", "items.csv", "recipe.toml"]
)
def test_a_damaged_or_missing_file_is_named(saved, name):
    _, folder = saved
    path = folder / name
    content = path.read_bytes()
    for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 1]), content + b"x"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            presets.load(folder)
    path.unlink()
    with pytest.raises(InputError, match=f"{name} is missing".replace(".", r"\.")):
        presets.load(folder)


def reseal(folder):
    """Write valid hashes, as an attacker or a careless editor would."""
    manifest.write(folder)


def test_files_that_name_classes_paths_or_sizes_are_checked(saved):
    _, folder = saved
    original = (folder / "config.json").read_text()

    def with_config(**changes):
        config = json.loads(original)
        config.update(changes)
        (folder / "config.json").write_text(json.dumps(config))
        reseal(folder)

    with_config(registered_name="builtins>eval", class_name="eval", module="builtins")
    with pytest.raises(InputError, match="not a tfrec model"):
        presets.load(folder)
    with_config(config={**json.loads(original)["config"], "num_items": 7})
    with pytest.raises(InputError, match="num_items=7"):
        presets.load(folder)
    with_config(config={**json.loads(original)["config"], "hidden_dim": 4})
    with pytest.raises(InputError, match=r"model\.weights\.h5 does not match"):
        presets.load(folder)

    listed = json.loads((folder / "preset.json").read_text())
    listed["files"]["../outside"] = {"bytes": 1, "sha256": ""}
    (folder / "preset.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match="is outside"):
        presets.load(folder)
    listed["versions"]["tfrec"] = "99.0.0"
    (folder / "preset.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match=r"tfrec 99\.0\.0"):
        presets.load(folder)
    for version in ("9" * 5000, "1." * 3000):
        listed["versions"]["tfrec"] = version
        (folder / "preset.json").write_text(json.dumps(listed))
        with pytest.raises(InputError, match=r"^.{0,300}states the tfrec version .{0,40}, which is invalid"):
            presets.load(folder)
    (folder / "preset.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="format 99"):
        presets.load(folder)
    (folder / "preset.json").write_text("{")
    with pytest.raises(InputError, match="JSON"):
        presets.load(folder)


def test_a_folder_that_is_no_preset_is_never_replaced(saved, spec, tmp_path):
    model, _ = saved
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="would be lost"):
        presets.save(model, spec, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_files_that_were_put_into_a_preset_are_not_lost(saved, spec):
    model, folder = saved
    (folder / "served").mkdir()
    (folder / "served" / "model").write_text("deployed")
    with pytest.raises(InputError, match="served/model would be lost"):
        presets.save(model, spec, folder)


def test_an_unwritable_folder_raises_an_error_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(InputError, match=r"would be lost|cannot be written"):
            presets.check_target(place)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="the current folder"):
        presets.check_target(".")


def test_model_and_spec_must_fit(spec, tmp_path):
    with pytest.raises(InputError, match="max_length"):
        presets.save(SASRec(spec.num_items, max_length=9, hidden_dim=8), spec, tmp_path / "preset")
    assert not (tmp_path / "preset").exists()


def test_an_unknown_name_lists_the_known():
    with pytest.raises(InputError, match="bundled preset"):
        presets.load("sasrec_mars")


KILLED = """
import os, sys
from tfrec import presets
from tfrec.models import RetrievalModel
def killed(folder, stop_after):
    preset = presets.load(folder)
    calls = 0
    real = os.fsync
    def dying(*arguments):
        nonlocal calls
        calls += 1
        if calls > stop_after:
            os._exit(9)
        return real(*arguments)
    os.fsync = dying
    presets.save(preset.model, preset.spec, folder, metrics={"new": True})

for argument in sys.argv[1:]:  # separate processes, forked before TensorFlow has started a thread
    stop_after, _, folder = argument.partition(":")
    child = os.fork()
    if not child:
        try:
            killed(folder, int(stop_after))
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="saves are killed in forked processes")
def test_a_save_that_is_killed_leaves_the_old_preset_whole(saved, tmp_path):
    stops = {stop: shutil.copytree(saved[1], tmp_path / f"stopped after {stop}") for stop in (0, 4)}
    command = [sys.executable, "-c", KILLED, *(f"{stop}:{folder}" for stop, folder in stops.items())]
    assert subprocess.run(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}).returncode == 0
    for folder in stops.values():
        assert presets.load(folder).metrics == {"note": 1}
        presets.save(*_parts(folder), folder, metrics={"new": True})
        assert presets.load(folder).metrics == {"new": True}


def _parts(folder):
    preset = presets.load(folder)
    return preset.model, preset.spec


SIZES = {"num_items": 120, "num_users": 60, "max_length": 8, "hidden_dim": 8, "hidden_dims": [8]}


def _sizes(kind):
    known = inspect.signature(kind.__init__).parameters
    return {name: size for name, size in SIZES.items() if name in known}


ZOO = {
    **{name: (kind, _sizes(kind)) for name, kind in RETRIEVAL.items()},
    **{name: (kind, {"features": None}) for name, kind in RANKING.items()},
}
NO_SIZES = ("seed", "max_interval")  # TiSASRec's longest interval, in seconds


@pytest.fixture(scope="module")
def labelled_spec():
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"u": random.integers(0, 9, 60), "i": random.integers(0, 9, 60), "y": random.integers(0, 2, 60)}
    )
    films = pd.DataFrame({"i": range(9), "genre": ["a", "b", "c"] * 3})
    rows = Examples.from_pandas(frame.assign(t=range(60)), label="y", user="u", item="i", time="t", items=films)
    return FeatureSpec.fit(rows, history=History(length=4))


@pytest.mark.parametrize("name", ZOO)
def test_no_size_of_a_config_is_built_that_its_weights_do_not_have(spec, labelled_spec, tmp_path, name):
    kind, arguments = ZOO[name]
    own = labelled_spec if "features" in arguments else spec
    arguments = arguments if own is spec else {"features": own.model_features()}
    config = {"config": kind(**arguments).get_config()}
    header = weights_file.Header([(122, 8), (8, 8), (8,)] * 4, 4 * (122 * 8 + 72), 122)
    signature = inspect.signature(kind.__init__).parameters
    hostile = []
    for argument, parameter in signature.items():
        value = config["config"].get(argument)
        if argument in (*NO_SIZES, "features", "self") or isinstance(value, bool | str | float):
            continue
        if isinstance(value, int) or str(parameter.annotation) == "int | None":
            hostile += [{argument: 10**10}, {argument: 10**6}]
        elif isinstance(value, list | tuple):
            hostile += [{argument: [8] * 10**6}, {argument: [10**10]}]
    hostile.append(
        {"features": [{"size": 10**10}] * 9} if own is not spec else {"attention": {"class": "x", "w": 10**9}}
    )
    (tmp_path / "config.json").write_text("{}")
    for change in hostile:
        began = time.perf_counter()
        with pytest.raises(InputError, match=next(iter(change)) + "|'w'| w "):
            own.check_sizes(SimpleNamespace(**change))
            weights_file.check_config(tmp_path / "config.json", {**config["config"], **change}, header, is_own=True)
        assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("name", "entry", "message"),
    [
        ("config.json", {"bytes": "x", "sha256": "00"}, "has no valid size and hash"),
        ("config.json", {"bytes": 1, "sha256": 5}, "has no valid size and hash"),
        ("a" * 5000, {"bytes": 1, "sha256": "00"}, "is outside"),
        ("a\0b", {"bytes": 1, "sha256": "00"}, "is outside"),
        ("\ud800", {"bytes": 1, "sha256": "00"}, "is missing"),
    ],
    ids=["size", "hash", "long", "nul", "surrogate"],
)
def test_a_manifest_that_was_edited_is_one_sentence(saved, name, entry, message):
    _, folder = saved
    listed = json.loads((folder / "preset.json").read_text())
    listed["files"][name] = entry
    (folder / "preset.json").write_text(json.dumps(listed))
    with pytest.raises(InputError, match=message):
        presets.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_items": 10**10}, "num_items=10000000000"),
        ({"max_length": 10**10}, "max_length=10000000000"),
        ({"hidden_dim": 10**10}, "hidden_dim = 10,000,000,000"),
        ({"hidden_dim": 122}, "larger model than its weights"),
        ({"num_blocks": 10**6}, "num_blocks = 1,000,000"),
        ({"num_blocks": 30}, "larger model than its weights"),
        ({"attention": {"class": "BlockSparseAttention", "block_size": 10**10}}, "block_size"),
        ({"attention": {"class": [[[[[[[[[["deep"]]]]]]]]]]}}, "nested more than"),
        ({"dropout": [0.1] * 10**6}, "dropout = 1,000,000 entries"),
    ],
)
def test_a_hostile_config_raises_an_error_before_anything_is_built(saved, change, message):
    _, folder = saved
    config = json.loads((folder / "config.json").read_text())
    config["config"] |= change
    (folder / "config.json").write_text(json.dumps(config))
    reseal(folder)
    began = time.perf_counter()
    with pytest.raises(InputError, match=message):
        presets.load(folder)
    assert time.perf_counter() - began < 20


def test_a_weights_file_whose_shapes_exceed_its_size_raises_an_error(saved):
    _, folder = saved
    with h5py.File(folder / "model.weights.h5", "w") as file:
        file.create_dataset("empty", shape=(10**10, 64), chunks=(1024, 64), dtype="f4")
    reseal(folder)
    with pytest.raises(InputError, match="its shapes need"):
        presets.load(folder)
    (folder / "model.weights.h5").write_bytes(b"no weights")
    reseal(folder)
    with pytest.raises(InputError, match=r"model\.weights\.h5 cannot be read"):
        presets.load(folder)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_neither_saved_loaded_nor_exported(spec, tmp_path, value):
    model = SASRec(spec.num_items, max_length=8, hidden_dim=8, num_blocks=1)
    good = presets.save(model, spec, tmp_path / "good")
    preset = presets.load(good)
    wrong = preset.model.get_weights()
    wrong[0][5, 3] = value
    preset.model.set_weights(wrong)
    for ask in (
        lambda: presets.save(preset.model, spec, tmp_path / "bad"),
        lambda: serving.export(preset, tmp_path / "served"),
    ):
        with pytest.raises(InputError, match=r"1 of [\d,]+ numbers in the weight .* diverged"):
            ask()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good"]
    preset.model.save_weights(good / "model.weights.h5")
    reseal(good)
    with pytest.raises(InputError, match=r"model\.weights\.h5 cannot be used: 1 of"):
        presets.load(good)
    history = [spec.items.decode([5, 6])]
    for ask in (
        lambda: serving.recommend(preset.model, spec, history),
        lambda: serving.score(preset.model, spec, history, history),
        lambda: evaluation.evaluate(preset.model, spec, generate_world(60, 120, seed=1).split(LeaveLastOut()).test),
    ):
        with pytest.raises(InputError, match="diverged"):
            ask()
    if np.isnan(value):
        with pytest.raises(InputError, match="diverged"):
            preset.model.recommend({"history": np.array([[5, 6]])})


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("-1", "item_counts must be"),
        ("99999999999999999999", "feature spec.* cannot be read"),
        ("1e3", "feature spec.* cannot be read"),
    ],
)
def test_invalid_item_counts_raise_an_error(saved, lines, message):
    _, folder = saved
    path = folder / "vocabularies" / "item_counts.txt"
    counts = path.read_text().split()
    path.write_text("\n".join([lines, *counts[1:]]) + "\n")
    text = json.loads((folder / "spec.json").read_text())
    told = text.pop("interactions")
    (folder / "spec.json").write_text(json.dumps(text))  # as in older presets
    reseal(folder)
    with pytest.raises(InputError, match=message):
        presets.load(folder)
    path.write_text("\n".join(counts) + "\n")
    reseal(folder)
    presets.load(folder)
    (folder / "spec.json").write_text(json.dumps({**text, "interactions": told}))
    for changed, wrong in (
        ([str(int(counts[0]) + 1), *counts[1:]], "counts .* interactions"),
        (["0"] * len(counts), "counts 0 interactions"),
    ):
        path.write_text("\n".join(changed) + "\n")
        reseal(folder)
        with pytest.raises(InputError, match=wrong):
            presets.load(folder)


def test_vocabularies_that_were_exchanged_are_found(saved):
    _, folder = saved
    path = folder / "vocabularies" / "item.txt"
    tokens = path.read_text().splitlines()
    path.write_text("\n".join([tokens[1], tokens[0], *tokens[2:]]) + "\n")
    reseal(folder)
    with pytest.raises(InputError, match="another vocabulary"):
        presets.load(folder)


def test_an_int8_preset_can_be_saved_and_loaded(spec, tmp_path):
    model = SASRec(spec.num_items, max_length=8, hidden_dim=8, num_blocks=1, seed=3)
    small = presets.in_int8(presets.Preset(model, spec, {}, tmp_path, {}))
    presets.save(small.model, small.spec, tmp_path / "int8")
    again = presets.load(tmp_path / "int8").model
    assert again.embedding.items.quantization_mode == "int8"
    history = {"history": np.array([[2, 3, 4]])}
    np.testing.assert_array_equal(np.asarray(small.model.score(history)), np.asarray(again.score(history)))

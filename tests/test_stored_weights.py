"""Weights that are stored as float16 come back as the same numbers each time, in half the space."""

import json
import shutil

import h5py
import keras
import numpy as np
import pytest

from tfrec import presets
from tfrec.data import FeatureSpec, generate_world
from tfrec.errors import InputError
from tfrec.models import SASRec
from tfrec.presets import manifest, stored_weights
from tfrec.training import RankingRecipe, Recipe

pytestmark = pytest.mark.tensorflow
TABLE = "layers/sequence_embedding/items/vars/0"
HISTORY = {"history": np.array([[2, 3, 4]])}


@pytest.fixture(scope="module")
def spec():
    return FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=1), max_length=8)


@pytest.fixture(scope="module")
def model(spec):
    return SASRec(spec.num_items, max_length=8, hidden_dim=32, num_blocks=1, seed=3)


@pytest.fixture(scope="module")
def saved(spec, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    presets.save(model, spec, folder / "float32")
    model.save_to_preset(folder / "float16", spec, dtype="float16")
    return folder


def arrays(folder):
    found = {}
    with h5py.File(folder / "model.weights.h5") as file:
        file.visititems(lambda name, one: found.update({name: one[()]}) if isinstance(one, h5py.Dataset) else None)
    return found


def test_matrices_take_half_the_space_and_vectors_stay(saved):
    full, half = arrays(saved / "float32"), arrays(saved / "float16")
    assert full.keys() == half.keys()
    for name, values in full.items():
        assert half[name].dtype == (np.float16 if values.ndim > 1 else np.float32), name
        np.testing.assert_array_equal(half[name], values.astype(half[name].dtype))
    sizes = [(saved / name / "model.weights.h5").stat().st_size for name in ("float16", "float32")]
    matrices = sum(values.nbytes for values in full.values() if values.ndim > 1)
    assert matrices / 2 <= sizes[1] - sizes[0] < 0.6 * matrices


def test_they_come_back_as_float32_and_answer_alike(saved, model):
    again = presets.load(saved / "float16").model
    assert {str(weight.dtype) for weight in again.weights} == {"float32"}
    np.testing.assert_allclose(again.score(HISTORY)[:, 2:], model.score(HISTORY)[:, 2:], atol=0.01)


def test_saving_again_changes_nothing(saved, spec, tmp_path):
    loaded = presets.load(saved / "float16")
    for dtype in ("float16", "float32"):
        presets.save(loaded.model, spec, tmp_path / dtype, dtype=dtype)
        for name, values in arrays(saved / "float16").items():
            np.testing.assert_array_equal(arrays(tmp_path / dtype)[name], values)
        again = presets.load(tmp_path / dtype).model
        np.testing.assert_array_equal(again.score(HISTORY), loaded.model.score(HISTORY))
    assert arrays(tmp_path / "float16")[TABLE].dtype == np.float16


def test_a_saved_preset_is_converted(saved, model, tmp_path):
    folder = tmp_path / "films"
    shutil.copytree(saved / "float32", folder)
    (folder / "published.toml").write_text('data = "Films"\n')  # a later file has no hash and gets none
    before = json.loads((folder / "preset.json").read_text())["files"]
    presets.convert(folder, "float16", {"test": {"ndcg@10": 0.5}})
    preset = presets.load(folder)
    assert preset.metrics == {"stored_weights": {"dtype": "float16", "test": {"ndcg@10": 0.5}}}
    assert preset.manifest["files"].keys() == before.keys() and (folder / "published.toml").exists()
    for name, values in arrays(saved / "float16").items():
        np.testing.assert_array_equal(arrays(folder)[name], values)
        assert arrays(folder)[name].dtype == values.dtype
    presets.convert(folder, "float32")
    assert {values.dtype for values in arrays(folder).values()} == {np.dtype("float32")}
    np.testing.assert_array_equal(presets.load(folder).model.score(HISTORY), preset.model.score(HISTORY))


def test_the_weights_of_a_model_are_rounded_to_what_is_stored(saved, spec, model):
    twin = SASRec.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    presets.round_weights(twin, "float16")
    np.testing.assert_array_equal(twin.score(HISTORY), presets.load(saved / "float16").model.score(HISTORY))


@pytest.mark.parametrize("scale", [1e-7, 1e6])
def test_numbers_that_float16_would_damage_stay(scale):
    values = np.random.default_rng(0).normal(size=(8, 4)).astype("float32") * np.float32(scale)
    assert stored_weights.as_stored(values, "float16") is values


def test_integers_and_other_precisions_are_copied(saved, spec, tmp_path):
    small = presets.in_int8(presets.load(saved / "float32"))
    presets.save(small.model, spec, tmp_path / "int8", dtype="float16")
    again = presets.load(tmp_path / "int8").model
    assert again.embedding.items.quantization_mode == "int8"
    np.testing.assert_allclose(again.score(HISTORY)[:, 2:], small.model.score(HISTORY)[:, 2:], atol=0.01)
    narrow = SASRec(spec.num_items, max_length=8, hidden_dim=8, num_blocks=1, dtype=keras.DTypePolicy("bfloat16"))
    presets.save(narrow, spec, tmp_path / "bfloat16", dtype="float16")
    again = presets.load(tmp_path / "bfloat16").model
    for one, other in zip(again.get_weights(), narrow.get_weights(), strict=True):
        np.testing.assert_array_equal(one.astype("float32"), other.astype("float32"))


def damaged(saved, tmp_path, values, **options):
    folder = tmp_path / "damaged"
    shutil.copytree(saved / "float16", folder)
    with h5py.File(folder / "model.weights.h5", "r+") as file:
        del file[TABLE]
        file.create_dataset(TABLE, data=values, **options)
    manifest.write(folder)
    return folder


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("int8", "has 3,904 integers, but the model .* has 0"),
        ("int64", "has 3,904 integers"),
        ("bool", "has 3,904 integers"),
        ("S3", r"vars/0 has the type \|S3, expected numbers"),
        ("complex64", "complex64, expected numbers"),
        ("V2", r"\|V2, expected numbers"),
        ([("a", "<f4")], "expected numbers"),
        ("text", "object, expected numbers"),
        ("enum", "expected numbers"),
        (np.longdouble, "expected numbers"),
    ],
)
def test_types_that_no_weight_has_are_refused(saved, tmp_path, kind, message):
    shape = arrays(saved / "float16")[TABLE].shape
    if kind == "text":
        folder = damaged(saved, tmp_path, np.full(shape, "one", object), dtype=h5py.string_dtype())
    elif kind == "enum":
        folder = damaged(saved, tmp_path, np.zeros(shape, "int8"), dtype=h5py.enum_dtype({"a": 0, "b": 1}))
    else:
        folder = damaged(saved, tmp_path, np.zeros(shape, kind))
    with pytest.raises(InputError, match=message) as raised:
        presets.load(folder)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: np.where(table == table.max(), np.nan, table), "1 of 3,904 numbers .* NaN or infinite"),
        (lambda table: np.where(table == table.max(), np.inf, table), "1 of 3,904 numbers .* NaN or infinite"),
        (lambda table: table[:-1], "does not match"),
        (lambda table: table[..., None], "does not match"),
        (lambda table: table[:0], "num_items"),
    ],
    ids=["nan", "infinite", "short", "three axes", "empty"],
)
def test_float16_numbers_and_shapes_are_checked(saved, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        presets.load(damaged(saved, tmp_path, change(arrays(saved / "float16")[TABLE])))


@pytest.mark.parametrize("dtype", ["int8", "bfloat16", "half", None, 16, ["float16"]])
def test_another_dtype_is_one_clear_error(saved, spec, model, tmp_path, dtype):
    for ask in (
        lambda: presets.save(model, spec, tmp_path / "films", dtype=dtype),
        lambda: presets.convert(saved / "float32", dtype),
    ):
        with pytest.raises(InputError, match="stored as float32 or float16, got"):
            ask()
    assert not (tmp_path / "films").exists()


def test_only_presets_that_are_whole_are_converted(saved, tmp_path):
    with pytest.raises(InputError, match="is not a preset"):
        presets.convert(tmp_path)
    folder = tmp_path / "films"
    shutil.copytree(saved / "float32", folder)
    (folder / "model.weights.h5").write_bytes(b"no weights")
    with pytest.raises(InputError, match="has changed"):
        presets.convert(folder)


@pytest.mark.parametrize("kind", [Recipe, RankingRecipe])
def test_a_recipe_names_the_dtype(kind):
    assert kind.from_toml('weights = "float16"').to_json()["weights"] == "float16"
    assert "weights" not in kind().to_json()  # as in the metrics of earlier presets
    assert kind.from_toml(kind(weights="float16").to_toml()) == kind(weights="float16")
    with pytest.raises(InputError, match=r"weights must be float32 or float16, got 'int8'"):
        kind.from_toml('weights = "int8"')
    with pytest.raises(InputError, match="weights must be str, got 16"):
        kind.from_toml("weights = 16")

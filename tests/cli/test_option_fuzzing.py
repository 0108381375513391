"""Fuzzing of options and recipes: exit code 0 or 2, one line for 2, never a traceback. Nothing is trained."""

import itertools

import pytest

from tfrec import presets
from tfrec.cli import main
from tfrec.data import FeatureSpec, History, generate_world
from tfrec.errors import InputError
from tfrec.training import RankingRecipe, Recipe, load_recipe
from tfrec.training.memory import check_memory, count_parameters

NUMBERS = ["nan", "inf", "-inf", "-1", "0", "1.5", "1e400", "9" * 5000, "true", "", " ", "x", "٣", "1_0", "0x10", "²"]
PATHS = [
    "",
    " ",
    "a\0b",
    "\ud800",
    "x" * 300,
    "/".join(["x" * 200] * 30),
    "/proc/1/mem/x",
    "/dev/null/x",
    "~nobody\n/x",
]
ROWS = "user,item,time,rating\n" + "".join(f"u{u},i{i},{u + i},{1 + i % 5}\n" for u in range(4) for i in range(5))


@pytest.fixture(scope="module")
def loaded(preset):
    return presets.load(preset)


@pytest.fixture
def no_training(monkeypatch, preset, loaded):
    """Steps that take time are replaced by an interruption, and the preset is loaded once."""
    load = presets.load
    monkeypatch.setattr("tfrec.presets.load", lambda name, *kind: loaded if name == str(preset) else load(name, *kind))

    def stop(*arguments, **options):
        raise KeyboardInterrupt("stopped by the test")

    for name in (
        "tfrec.training.train",
        "tfrec.training.train_ranking",
        "tfrec.serving.export",
        "tfrec.serving.recommend",
    ):
        monkeypatch.setattr(name, stop)
    for name in ("export_ranking", "export_two_stage", "serve_check", "explain_history"):
        monkeypatch.setattr(f"tfrec.serving.{name}", stop)
    for name in ("tfrec.evaluation.evaluate", "tfrec.data.datasets.movielens.download", "tfrec.data.generate_world"):
        monkeypatch.setattr(name, stop)


def ends_well(arguments, capsys):
    """Run a command that must return 0, or 2 with one line; 1 means that this test interrupted it."""
    code = main(arguments)
    message = capsys.readouterr().err
    assert code in (0, 2) or (code == 1 and "stopped by the test" in message), (arguments, message)
    assert "Traceback" not in message and len(message) < 3000
    if code == 2:
        assert len(message.strip("\n").splitlines()) == 1 and message.startswith("tfrec"), message
    return code


OPTIONS = {
    "train": [
        "--min-rating",
        "--min-user-count",
        "--min-item-count",
        "--epochs",
        "--batch-size",
        "--max-length",
        "--seed",
    ],
    "evaluate": ["--k", "--min-rating"],
    "export": ["--k", "--recall", "--keep", "--candidates"],
    "recommend": ["--k", "--timestamps"],
    "explain": ["--history-labels"],
    "quickstart": ["--users", "--epochs", "--seed"],
    "serve-check": ["--requests", "--seed"],
}
PATH_OPTIONS = {
    "train": ["--data", "--out", "--recipe", "--items", "--users"],
    "evaluate": ["PRESET", "--data", "--out"],
    "export": ["PRESET", "DIR", "--add", "--withdraw", "--measure", "--ranking", "--retrieval"],
    "recommend": ["PRESET"],
    "explain": ["PRESET", "--out"],
    "quickstart": ["--out"],
    "serve-check": ["DIR"],
    "prepare": ["--out"],
    "seeds": ["PRESET", "RUN"],
}


def command(name, option, value, folder, preset):
    """A valid command with one changed option."""
    data = folder / "data.csv"
    if not data.exists():
        data.write_text(ROWS)
    given = {
        "train": {"--data": data, "--out": folder / "out"},
        "evaluate": {"PRESET": preset, "--data": data},
        "export": {"PRESET": preset, "DIR": folder / "served"},
        "recommend": {"PRESET": preset, "--history": "m0073"},
        "explain": {"PRESET": preset, "--history": "m0073"},
        "quickstart": {"--out": folder / "quickstart"},
        "serve-check": {"DIR": folder / "1"},
        "prepare": {"NAME": "ml-1m", "--out": folder / "data"},
        "seeds": {"PRESET": preset, "RUN": preset},
    }[name]
    words = [name]
    for key, one in {**given, option: value}.items():
        words += [str(one)] if key.isupper() else [f"{key}={one}"] if key == option else [key, str(one)]
    return words


@pytest.mark.parametrize(("name", "option"), [(name, one) for name, of in OPTIONS.items() for one in of])
def test_numbers(name, option, preset, tmp_path, capsys, no_training):
    codes = [ends_well(command(name, option, value, tmp_path, preset), capsys) for value in NUMBERS]
    wrong = {value for value, code in zip(NUMBERS, codes, strict=True) if code == 2}
    expected = {"inf", "-inf", "1e400", "x", ""} - ({"inf"} if option == "--timestamps" else set())
    assert wrong >= expected or option == "--timestamps"


@pytest.mark.parametrize(("name", "option"), [(name, one) for name, of in PATH_OPTIONS.items() for one in of])
def test_paths(name, option, preset, tmp_path, capsys, no_training):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept.txt").write_text("x")
    codes = [ends_well(command(name, option, value, tmp_path, preset), capsys) for value in PATHS]
    assert codes[:4] == [2, 2, 2, 2] and codes[5] == 2
    for value in (tmp_path / "file", tmp_path / "folder", tmp_path / "file" / "below", tmp_path / "absent" / "deep"):
        ends_well(command(name, option, value, tmp_path, preset), capsys)
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "kept.txt").read_text() == "x"


WRONG = [
    "nan",
    "inf",
    "-1",
    "-1.5",
    "0",
    "true",
    '"x"',
    '""',
    "[]",
    "{}",
    "[[]]",
    "[1.5]",
    '["x"]',
    str(10**12),
    "9" * 5000,
]
WRONG += ["{a = {a = {a = 1}}}", "1979-05-27"]
# fmt: off
ENTRIES = {
    "seq": [
        "epochs", "batch_size", "max_length", "patience", "seed", "schedule", "windows", "group_by_length", "loss",
        "split", "masking", "item_attributes", "optimizer", "model", "split.rule", "split.valid", "model.class",
        "model.hidden_dim", "model.num_blocks", "model.num_heads", "model.dropout", "model.seed", "model.attention",
        "loss.class", "loss.num_negatives", "loss.negatives", "loss.calibration", "optimizer.class",
        "optimizer.learning_rate", "optimizer.clipnorm", "item_attributes.genres", "item_attributes.genres.max_share",
    ],
    "rank": [
        "task", "positive", "unseen_rate", "features", "history", "monitor", "split", "split.seed", "split.valid",
        "features.x", "features.x.kind", "features.x.hash_buckets", "features.x.min_count", "history.length",
        "history.take", "history.min_label", "history.with_label", "history.item_features", "history.known", "model",
        "model.embedding_dim", "model.hidden_dims", "model.features", "model.task", "model.seed", "model.dropout",
    ],
}
# fmt: on
BASE = {
    "seq": {"model.class": '"SASRec"', "loss.class": '"SampledSoftmax"'},
    "rank": {"task": '"rating"', "model.class": '"DeepFM"', "features.x.kind": '"categorical"'},
}


@pytest.fixture(scope="module")
def spec():
    return FeatureSpec.fit(generate_world(num_users=30, num_items=120, seed=0), max_length=8)


@pytest.fixture(scope="module")
def rows():
    import pandas as pd

    from tfrec.data import Examples

    frame = pd.DataFrame({"u": list("aabbccdd"), "i": list("xyxyxyxy"), "x": list("pqpqrrss"), "y": [1, 2, 3, 4] * 2})
    return Examples.from_pandas(frame, "y", "u", "i")


@pytest.mark.parametrize(("kind", "entry"), [(kind, one) for kind, of in ENTRIES.items() for one in of])
def test_recipes(kind, entry, spec, rows, tmp_path):
    """Build everything that a recipe needs before training; only an `InputError` is allowed."""
    path = tmp_path / "recipe.toml"
    for value in WRONG:
        entries = {key: one for key, one in BASE[kind].items() if not (key + ".").startswith(entry + ".")}
        path.write_text("".join(f"{key} = {one}\n" for key, one in {**entries, entry: value}.items()))
        try:
            recipe = load_recipe(path, labelled=kind == "rank")
            recipe.build_split()
            if isinstance(recipe, Recipe):
                own = FeatureSpec(spec.items, spec.item_counts, recipe.max_length, spec.item_table)
                if entry.startswith(("model", "max_length", "item_attributes")):
                    check_memory(lambda recipe=recipe, own=own: recipe.build_model(own))
                if entry.startswith("loss"):
                    recipe.build_loss(own)
            else:
                fitted = recipe.build_spec(rows)
                recipe.known_rows(rows, rows)
                if entry.startswith(("model", "features", "history")):
                    check_memory(lambda recipe=recipe, fitted=fitted: recipe.build_model(fitted, rows))
            if entry.startswith("optimizer"):
                recipe.build_optimizer(10)
        except InputError as error:
            assert len(str(error)) < 1500, value


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 100_000, "a = " + "[" * 400 + "]" * 400, "a = " + "{a=" * 300 + "1" + "}" * 300]
)
def test_deep_recipes(text, films, tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(text)
    command = ["train", "--data", str(films), "--out", str(tmp_path / "out"), "--recipe", str(tmp_path / "recipe.toml")]
    assert ends_well(command, capsys) == 2


@pytest.mark.parametrize("name", ["preset.json", "spec.json", "config.json"])
def test_deep_presets(name, preset, tmp_path, capsys):
    import shutil

    from tfrec.presets import manifest

    folder = shutil.copytree(preset, tmp_path / "preset")
    (folder / name).write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
    if name != "preset.json":
        manifest.write(folder)
    assert ends_well(["recommend", str(folder), "--history", "m0073"], capsys) == 2


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ('[model]\nclass = "SASRec"\nhidden_dim = 1000000000', [], "The model has 1"),
        ("", ["--max-length", "1000000000"], "but this machine has"),
        ('[loss]\nclass = "SampledSoftmax"\nnum_negatives = 2000000000', [], "num_negatives"),
        ('[model]\nclass = "SASRec"\nhidden_dim = 1000000000000', [], "model.hidden_dim must be at most 2,147,483,647"),
        ('[model]\nclass = "SASRec"\nnum_blocks = 1000000', [], "num_blocks must be at most 1,000"),
        ('task = "rating"\n[features]\ngenre = {kind = "categorical", hash_buckets = 1000000000000}', [], "at most"),
    ],
)
def test_a_model_that_does_not_fit_into_memory_raises_an_error_before_it_is_built(
    text, options, message, films, tmp_path, capsys
):
    (tmp_path / "recipe.toml").write_text(text)
    command = ["train", "--data", str(films), "--out", str(tmp_path / "out"), "--recipe", str(tmp_path / "recipe.toml")]
    assert main([*command, *options]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1


def test_parameters_are_counted_without_being_made(spec):
    import random

    from tfrec.models import SASRec

    def build(hidden_dim=16):
        return SASRec(spec.num_items, max_length=8, hidden_dim=hidden_dim)

    before = random.getstate()
    counted = count_parameters(build)
    assert random.getstate() == before
    assert counted == sum(variable.numpy().size for variable in build().variables)
    check_memory(build)
    with pytest.raises(InputError, match="but this machine has"):
        check_memory(lambda: build(10**8))
    assert build().name == "sasrec"


RANKING = [
    'task = "click"',
    "positive = 4.0",
    "[history]\nlength = 5",
    '[features.x]\nkind = "numeric"',
    "unseen_rate = 0.1",
]


@pytest.mark.parametrize(("text", "labelled"), [*zip(RANKING, itertools.repeat(False)), ("epochs = 2", True)])
def test_a_recipe_without_a_model_is_a_ranking_recipe_by_its_entries_or_the_label(text, labelled, tmp_path):
    (tmp_path / "recipe.toml").write_text(text)
    recipe = load_recipe(tmp_path / "recipe.toml", labelled)
    assert isinstance(recipe, RankingRecipe) and recipe.model == {"class": "AutoInt"}
    (tmp_path / "recipe.toml").write_text("epochs = 2")
    assert isinstance(load_recipe(tmp_path / "recipe.toml"), Recipe)


@pytest.mark.parametrize(
    ("text", "labelled", "message"),
    [
        ("max_length = 9", True, "has max_length, an entry of retrieval models, but a label is named"),
        ('max_length = 9\ntask = "click"', False, "entry of retrieval models, but it has task"),
        ('[history]\nlength = 3\n[model]\nclass = "SASRec"', False, "history needs a ranking model"),
        ("[model]\nhidden_dim = 3", True, r"\[model\] has no class"),
        ('[model]\nclass = "DIN"\nfeatures = []', False, "model.features is set by"),
        ("features = []", True, "features must be a table"),
    ],
)
def test_recipes_of_neither_kind(text, labelled, message, tmp_path):
    (tmp_path / "recipe.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        load_recipe(tmp_path / "recipe.toml", labelled)


@pytest.mark.parametrize(
    "wrong", [{"min_label": "x"}, {"min_label": float("nan")}, {"min_label": True}, {"length": 1.5}]
)
def test_histories_that_cannot_be(wrong):
    with pytest.raises(InputError):
        History(**wrong)


def test_a_name_that_no_preset_has(preset, capsys):
    assert ends_well(["evaluate", str(preset), "--data", str(preset / "model.weights.h5")], capsys) == 2
    assert presets.load(preset)

"""Output contains no control characters; help, lists and option errors do not import TensorFlow."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tfrec import presets
from tfrec.cli import main
from tfrec.data import read
from tfrec.terminal import printable

EVIL = "\x1b[2J\x9b31m\u202e\u2066\x07\x7f\r\n"
FORBIDDEN = {one for one in EVIL if not one.isprintable()} - {"\n"}


@pytest.fixture(scope="module")
def evil(preset, tmp_path_factory):
    """The preset, with ids and titles that contain control characters."""
    import dataclasses

    from tfrec.data.features.vocabulary import Vocabulary

    loaded, folder = presets.load(preset), tmp_path_factory.mktemp("evil") / "pre\x1b[2Jset"
    table = loaded.spec.item_table.copy()
    tokens = [f"{item}\x1b[2J\u202e" if row < 3 else item for row, item in enumerate(loaded.spec.items.tokens.tolist())]
    table.index = tokens
    table["title"] = [f"T{row}{EVIL}x" for row in range(len(table))]
    spec = dataclasses.replace(loaded.spec, items=Vocabulary(tokens), item_table=table)
    loaded.model.bind_vocabulary(spec)
    return presets.save(loaded.model, spec, folder), tokens


def test_a_text_becomes_one_line():
    assert printable(f"a{EVIL}b") == "a�[2J�31m����  b"
    assert printable("Größe 🎬 日本 👩‍🚀") == "Größe 🎬 日本 👩‍🚀"


def test_control_characters_of_ids_and_titles_are_replaced(evil, tmp_path, capsys):
    folder, tokens = evil
    recommend = ["recommend", str(folder), "--k", "100", "--history"]
    commands = [[*recommend, tokens[0]], ["explain", str(folder), "--history", tokens[0], tokens[1]]]
    for command in commands:
        assert main(command) == 0
        message = capsys.readouterr()
        assert "[2J" in message.out and not FORBIDDEN & {*message.out, *message.err}
    assert main([*recommend, tokens[1]]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 101  # a title with a line break takes one line
    for command in ([*recommend, f"no{EVIL}"], ["recommend", f"no{EVIL}", "--history", "x"], [f"no{EVIL}"]):
        assert main(command) == 2
        message = capsys.readouterr()
        assert len(message.err.splitlines()) == 1 and not FORBIDDEN & {*message.out, *message.err}
    assert presets.load(folder).spec.items.tokens.tolist() == tokens  # stored values are not changed


def test_names_of_columns_and_files_neither(tmp_path, capsys):
    data = tmp_path / "da\x1b[2Jta.csv"
    data.write_text("user,item,ti\x1b[2Jme\n" + "".join(f"u{u},i{i},{i}\n" for u in range(3) for i in range(3)))
    assert main(["train", "--data", str(data), "--out", str(tmp_path / "out"), "--time", "nowhen"]) == 2
    message = capsys.readouterr()
    assert not FORBIDDEN & {*message.out, *message.err} and len(message.err.splitlines()) == 1


def test_a_stream_that_cannot_encode_a_title(preset):
    done = _process(
        "import tfrec.terminal as t; t.accept_every_character(); t.say('Größe 🎬'); t.say('日本', error=True)",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0 and done.stdout == "Gr\\xf6\\xdfe \\U0001f3ac\n" and done.stderr == "\\u65e5\\u672c\n"


@pytest.mark.slow
def test_help_lists_and_mistakes_need_no_tensorflow():
    commands = [
        (["list"], 0, "sasrec_ml1m"),
        (["--help"], 0, "serve-check"),
        (["train", "--help"], 0, "--recipe"),
        (["train", "--dta", "x"], 2, "unknown option --dta: did you mean --data?"),
        (["--verison"], 2, "unknown option --verison: did you mean --version?"),
        (["trian"], 2, "invalid choice: 'trian'"),
        (["train", "--data", ".", "--out", "x", "--recipe", "sasrec_ml1n"], 2, "did you mean sasrec_ml1m"),
        (["train", "--data", "absent.csv", "--out", "x"], 2, "absent.csv does not exist"),
        (["recommend", "sasrec_mars", "--history", "x"], 2, "There is no preset 'sasrec_mars'"),
        (["evaluate", "SASRec_ml1n", "--data", "."], 2, "Did you mean sasrec_ml1m or "),
        (["recommend", "sasrec_ml1m", "--user", ""], 2, "--user: expected an id, got an empty text"),
        (["explain", "sasrec_ml1m", "--user", " "], 2, "--user: expected an id, got an empty text"),
        (["recommend", "sasrec_ml1m", "--history", "x", "--k", "0"], 2, "at least 1"),
        (["train", "--data", ".", "--out", "x", "--min-rating", "nan"], 2, "expected a finite number, got 'nan'"),
    ]
    script = (
        "import contextlib, io, json, sys\nfrom tfrec.cli import main\nfound = []\n"
        "for arguments in json.loads(sys.argv[1]):\n"
        "    out = io.StringIO()\n"
        "    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):\n"
        "        code = main(arguments)\n"
        "    found.append((code, out.getvalue()))\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "print(json.dumps([found, sorted(heavy)]))\n"
    )
    done = _process(script, json.dumps([arguments for arguments, *_ in commands]))
    assert done.returncode == 0, done.stderr
    found, heavy = json.loads(done.stdout)
    for (arguments, code, message), (ended, printed) in zip(commands, found, strict=True):
        assert (ended, message in printed) == (code, True), (arguments, printed)
        assert ended == 0 or len(printed.splitlines()) == 1
    assert heavy == []


def test_the_list_fits_a_terminal(capsys):
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) < 100
    (row,) = (line for line in lines if line.startswith("hstu_ml1m"))
    assert row.split()[1:] == ["HSTU", "0.3331", "0.1964", "0.1720", "1.3", "float32"]
    places = [lines.index(next(line for line in lines if text in line)) for text in ("-- Amazon Beauty", "hstu_beauty")]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["sasrec_ml1m", "hstu_beauty", "afm_ml100k"])
def test_recipes_are_found_by_name_with_weights_or_without(name):
    path = presets.find_recipe(name)
    assert path.parent.name == name and path == presets.find_recipe(path) == presets.find_recipe(path.parent)


@pytest.mark.slow
def test_a_recipe_by_name_is_the_one_that_is_trained_by(films, tmp_path, monkeypatch, capsys):
    asked = {}
    done = SimpleNamespace(training=SimpleNamespace(model=SimpleNamespace(input_names=("history",))))
    monkeypatch.setattr("tfrec.runner.run", lambda *given, **more: asked.update(recipe=given[1], **more) or done)
    monkeypatch.setattr("tfrec.cli.import_modules", lambda names: None)
    data = ["train", "--data", str(films), "--recipe", "gsasrec_ml1m", "--out", str(tmp_path / "out")]
    monkeypatch.setattr("tfrec.presets.load", lambda folder: "the preset")
    monkeypatch.setattr("tfrec.cli.train.say_list", lambda *given: asked.update(list=(given[0], *given[2:])))
    user = read(films).user_ids[0]
    assert main([*data, "--import", "my_models", "--list-for", user, "--relevant", "4"]) == 0
    assert asked["list"] == ("the preset", user, 10, 4.0)
    steps = capsys.readouterr().out.partition("Next:\n")[2].splitlines()
    assert len(steps) == 2 and all(step.endswith(" --import my_models") for step in steps)
    assert asked["recipe"].loss["class"] == "BinaryCrossEntropy"
    assert asked["recipe_text"] == presets.find_recipe("gsasrec_ml1m").read_text(encoding="utf-8")


def _process(script, *arguments, **environment):
    root = Path(__file__).parents[2]
    line = [sys.executable, "-c", script, *arguments]
    return subprocess.run(line, cwd=root, capture_output=True, text=True, env={**os.environ, **environment})

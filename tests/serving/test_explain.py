"""`tfrec explain`: the attention weights behind a score, with titles and as a plot."""

import numpy as np
import pytest
from small_ranking_preset import ranking_preset

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.errors import InputError
from tfrec.inference.candidate_scores import ranking_inputs
from tfrec.inference.explanation import Attention
from tfrec.models import AutoInt, DeepFM

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def din(tmp_path_factory):
    return ranking_preset(tmp_path_factory.mktemp("din") / "din")


def test_it_prints_the_weights_with_titles_and_draws_them(din, tmp_path, capsys):
    spec, picture = din.spec, tmp_path / "weights.png"
    history = [spec.title(2), "7", "日本"]
    asked = ["explain", str(din.folder), "--history", *history, "--history-labels", "5", "nan", "3", "--item", "🎬"]
    asked += ["--user", "ann", "--features", "age=20", "tastes=Drama|War", "portrait=0.1,0.2,0.3", "zip code=1010"]
    assert main([*asked, "--out", str(picture)]) == 0
    head, _, name, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith(f"{spec.title(int(spec.items.encode(['🎬'])[0]))}  [🎬]: rating ") and name == "history"
    titles = [spec.title(int(one)) for one in spec.items.encode([spec.items.tokens[0], "7", "日本"])]
    assert [line.split("  ")[-1].strip() for line in lines[:3]] == titles
    assert picture.read_bytes()[1:4] == b"PNG" and "heat map written" in lines[-1]


def test_the_weights_and_the_score_equal_those_of_the_model(din):
    history, features = ["7", "日本", "no such id", "a,b"], {"user": "ann", "age": 20.0}
    score, (attention,) = serving.explain(din.model, din.spec, "🎬", history, features)
    given = {name: [value] for name, value in features.items()}
    assert score == pytest.approx(serving.rank(din.model, din.spec, [["🎬"]], [history], given)[0, 0], abs=1e-6)
    inputs = ranking_inputs(din.model, din.spec, [["🎬"]], [history], given)
    weights = np.asarray(din.model.attention_weights(inputs)["history"])[0]
    np.testing.assert_allclose(attention.weights, weights[inputs["history"][0] != 0], rtol=1e-6)
    assert len(attention.labels[0]) == 3  # the unknown id is no event
    np.testing.assert_array_equal(din.explain(history, "🎬", features=features)[0].weights, attention.weights)
    assert din.rank([["🎬"]], [history], given)[0, 0] == pytest.approx(score, abs=1e-6)
    with pytest.raises(InputError, match=r"use preset\.rank"):
        din.recommend([history])


def test_without_a_candidate_the_newest_of_the_history_is_scored(din, capsys):
    assert main(["explain", str(din.folder), "--history", "7", "日本", "🎬"]) == 0
    newest = capsys.readouterr().out
    assert main(["explain", str(din.folder), "--history", "7", "日本", "--item", "🎬"]) == 0
    assert capsys.readouterr().out == newest


def test_an_empty_history_has_nothing_to_attend_to(din, tmp_path, capsys):
    asked = ["explain", str(din.folder), "--item", "7"]
    assert main(asked) == 0
    assert "nothing to attend to" in capsys.readouterr().out
    assert main([*asked, "--out", str(tmp_path / "none.png")]) == 2
    assert "no attention weights to draw" in capsys.readouterr().err and not (tmp_path / "none.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No item to score"),
        (["--item", "zzz"], 'no item with the title or id "zzz"'),
        (["--item", "7", "--features", "size=3"], "got 'size=3'"),
        (["--item", "7", "--features", "age"], "got 'age'"),
        (["--item", "7", "--features", "age=old"], "'age' needs numbers, got 'old'"),
        (["--item", "7", "--features", "age=1,2"], "'age' needs one number"),
        (["--item", "7", "--features", "portrait=1,2"], "2 numbers: expected 3"),
        (["--item", "7", "--history", "🎬", "--history-labels", "1", "2"], "needs one label for each"),
        (["--item", "7", "--out", "weights.jpg"], "weights.png"),
    ],
)
def test_bad_input_gets_one_clear_line(din, arguments, message, capsys):
    assert main(["explain", str(din.folder), *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


def test_models_without_attention_or_of_another_kind_raise_an_error(din, tmp_path, capsys):
    model = DeepFM(din.spec.model_features(), embedding_dim=4, hidden_dims=[4], seed=0)
    presets.save(model, din.spec, tmp_path / "deepfm")
    assert main(["explain", str(tmp_path / "deepfm"), "--item", "7"]) == 2
    assert "DeepFM has no attention" in capsys.readouterr().err
    model = AutoInt(din.spec.model_features(), embedding_dim=4, num_layers=1, num_heads=2, head_dim=4, seed=0)
    presets.save(model, din.spec, tmp_path / "autoint")
    assert main(["explain", str(tmp_path / "autoint"), "--item", "7", "--history", "日本"]) == 2
    assert "AutoInt reads no history" in capsys.readouterr().err
    assert main(["explain", str(tmp_path / "autoint"), "--item", "7", "--out", str(tmp_path / "a.png")]) == 0
    printed = capsys.readouterr().out
    assert "layer_1, mean of 2 heads, the strongest 12 of" in printed and " -> " in printed


def test_a_history_is_read_with_its_titles(tmp_path, capsys):
    history = ["Toy Story (1995)", "Heat (1995)", "Casino (1995)"]
    asked = ["explain", "sasrec_ml1m", "--history", *history, "--out", str(tmp_path / "weights.png")]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Recommends ") and (tmp_path / "weights.png").read_bytes()[1:4] == b"PNG"
    assert all(printed.count(f"  {title}\n") == 2 for title in history)  # in each of two blocks
    preset = presets.load("sasrec_ml1m")
    ids = [preset.spec.items.tokens[preset.spec.titles.index(title)] for title in history]
    weights = serving.explain_history(preset.model, preset.spec, ["no such id", *ids])
    assert [one.labels[-1] for one in weights] == [tuple(history)] * 2
    np.testing.assert_allclose(weights[0].weights.sum(-1), 1, rtol=1e-5)
    assert main(["explain", "sasrec_ml1m", "--history", history[0], "--item", history[1]]) == 0
    score = serving.score(preset.model, preset.spec, [ids[:1]], [ids[1:2]])[0, 0]
    assert f"score {score:.3f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--history is missing"),
        (["--history", "1", "--user", "ann"], "leave out users (--user"),
        (["--history", "1", "--history-labels", "3"], "remove --history-labels"),
        (["--history", "1", "--timestamps", "3"], "reads no timestamps"),
    ],
)
def test_arguments_that_the_model_does_not_read_raise_an_error(arguments, message, capsys):
    assert main(["explain", "sasrec_ml100k", *arguments]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


@pytest.mark.parametrize("heads", [1, 2, 8])
def test_pairs_and_heads_of_any_number_are_drawn(heads):
    random, names = np.random.default_rng(0), ("item", "genres", "price in $ and $")
    numbers = tuple(map(str, range(heads)))
    pairs = Attention("layer_1", ("head", "feature", "feature"), (numbers, names, names), random.random((heads, 3, 3)))
    rows = Attention("cross", ("head", "history"), (numbers, ("x" * 80,)), np.ones((heads, 1)))
    assert serving.heat_map([pairs, rows], "A title")[1:4] == b"PNG"
    np.testing.assert_allclose(pairs.over_heads().weights, pairs.weights.mean(0))

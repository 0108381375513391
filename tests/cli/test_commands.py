"""The commands of the command line."""

import json

import pytest

from tfrec import evaluation, serving
from tfrec.baseline_names import RETRIEVAL_BASELINES
from tfrec.cli import main
from tfrec.data import LeaveLastOut, read
from tfrec.presets import load

pytestmark = pytest.mark.slow


def test_train_reports_writes_and_measures(films, tmp_path, capsys):
    out, rows = tmp_path / "preset", (films / "ratings.csv").read_text()
    (tmp_path / "ratings.csv").write_text(f"{rows}once,{rows.splitlines()[1].split(',')[1]},4.0,1\n")
    command = ["train", "--data", str(tmp_path / "ratings.csv"), "--out", str(out), "--epochs", "1"]
    assert main([*command, "--min-item-count", "3"]) == 0
    printed = capsys.readouterr().out
    left = "Not evaluated: 1 of 81 users, who have fewer than three rows, which all stay in the training part."
    for message in ("rows read", "rows kept", "popularity", "item-to-item", "sasrec", "tfrec export", left):
        assert message in printed
    metrics = load(out).metrics
    assert set(metrics["test"]) == {"popularity", "item-to-item", "sasrec"}
    training = metrics["training"]
    assert training["seed"] == 0 and training["machine"] and training["data_sha256"] and training["seconds"] > 0
    assert (out / "recipe.toml").exists() and (out / "learning_curve.png").read_bytes()[1:4] == b"PNG"


def test_the_written_recipe_trains_the_same_again(films, preset, tmp_path, monkeypatch, capsys):
    def broken(*arguments, **options):
        raise ValueError("no font")

    monkeypatch.setattr("tfrec.training.curves.learning_curve", broken)  # a failing plot loses no preset
    out = tmp_path / "again"
    assert main(["train", "--data", str(films), "--recipe", str(preset / "recipe.toml"), "--out", str(out)]) == 0
    first, again = (load(folder).metrics["training"] for folder in (preset, out))
    assert "learning_curve.png was not drawn: no font" in capsys.readouterr().err and len(list(out.glob("*.png"))) == 0
    assert again["recipe"] == first["recipe"] and first["recipe"]["loss"]["class"] == "SampledSoftmax"
    assert again["history"]["loss"] == pytest.approx(first["history"]["loss"], rel=1e-3)


def test_interrupted_before_anything_was_kept(films, tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tfrec.training.train", interrupted)
    assert main(["train", "--data", str(films), "--out", str(tmp_path / "preset")]) == 1
    assert "interrupted; nothing was written" in capsys.readouterr().err


def test_an_interrupted_run_goes_on(films, tmp_path, capsys, monkeypatch):
    out, partial, recipe = tmp_path / "preset", tmp_path / "preset.partial", tmp_path / "recipe.toml"
    recipe.write_text('[model]\nclass = "SASRec"\nhidden_dim = 8\nnum_blocks = 1\n')
    command = ["train", "--data", str(films), "--out", str(out), "--epochs", "2", "--max-length", "10"]
    command += ["--recipe", str(recipe)]

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("tfrec.evaluation.evaluate", interrupted)
        assert main(command) == 1
    assert f"interrupted; the same command continues from {partial}" in capsys.readouterr().err
    assert partial.exists() and not out.exists()
    assert main([*command, "--seed", "1"]) == 2
    error = capsys.readouterr().err
    assert "another recipe: its seed is 0, now it is 1" in error and "--restart" in error
    assert main(command) == 0
    assert "Resuming after epoch 2" in capsys.readouterr().out
    assert not partial.exists() and len(load(out).metrics["training"]["history"]["loss"]) == 2
    partial.mkdir()
    (partial / "thesis.txt").write_text("years of work")
    assert main([*command, "--restart"]) == 2
    assert "cannot be read as one" in capsys.readouterr().err and (partial / "thesis.txt").exists()


def test_evaluate(films, preset, tmp_path, capsys):
    report = tmp_path / "report.json"
    assert main(["evaluate", str(preset), "--data", str(films), "--k", "5", "10", "--out", str(report)]) == 0
    assert "ndcg@5" in capsys.readouterr().out
    measured = load(preset).metrics["test"]["sasrec"]["metrics"]
    assert json.loads(report.read_text())["metrics"]["ndcg@10"] == pytest.approx(measured["ndcg@10"], abs=1e-6)


def test_evaluate_uses_the_split_of_the_training(films, tmp_path, capsys):
    recipe, out, report = tmp_path / "recipe.toml", tmp_path / "preset", tmp_path / "report.json"
    text = 'epochs = 1\nmax_length = 8\nweights = "float16"\n'
    text += '[split]\nrule = "by-time"\nvalid = 0.6\ntest = 0.8\n[model]\nclass = "STAMP"\n'
    recipe.write_text(text + "hidden_dim = 8\n")
    named = ["--baseline", "ials", "user-knn"]
    assert main(["train", "--data", str(films), "--recipe", str(recipe), "--out", str(out), *named]) == 0
    assert list(load(out).metrics["test"]) == ["ials", "user-knn", "stamp"]
    trained = capsys.readouterr().out
    assert main(["evaluate", str(out), "--data", str(films), "--out", str(report), *named, "ease"]) == 0
    evaluated = capsys.readouterr().out
    assert "drawn again" not in evaluated and "\nease " in evaluated and "popularity" not in evaluated
    for name in named[1:]:  # fitted on the same rows, they have the same numbers
        rows = [
            next(line for line in text.splitlines() if line.startswith(f"{name} ")) for text in (trained, evaluated)
        ]
        assert rows[0].split()[:-1] == rows[1].split()[:-1]
    vectors = load(out).model.get_weights()[0]
    assert (vectors == vectors.astype("float16")).all()  # the recipe's dtype; the metrics are those of these weights
    measured, again = load(out).metrics["test"]["stamp"], json.loads(report.read_text())
    assert again["metrics"] == pytest.approx(measured["metrics"], abs=1e-6)
    assert again["num_targets"] == measured["num_targets"] > again["num_users"]
    rows = (films / "ratings.csv").read_text().splitlines()
    (tmp_path / "ratings.csv").write_text("\n".join(rows[:-5]) + "\n")
    assert main(["evaluate", str(out), "--data", str(tmp_path / "ratings.csv")]) == 0
    assert "not the rows that the preset was trained on" in capsys.readouterr().out
    assert main(["evaluate", str(out), "--data", str(films), "--all-rows"]) == 2
    assert "--all-rows needs a ranking preset" in capsys.readouterr().err


def test_a_diverging_training_raises_an_error_that_says_what_to_do(films, tmp_path, capsys):
    recipe, out = tmp_path / "recipe.toml", tmp_path / "preset"
    sizes = 'epochs = 9\nschedule = "constant"\n[model]\nclass = "STAMP"\nhidden_dim = 8\n'
    recipe.write_text(sizes + '[optimizer]\nclass = "SGD"\nlearning_rate = 1e30\n')
    assert main(["train", "--data", str(films), "--recipe", str(recipe), "--out", str(out)]) == 2
    message = capsys.readouterr().err
    assert "has diverged" in message and "learning rate" in message and not out.exists()


def test_a_part_without_targets_raises_an_error_before_training(tmp_path, capsys):
    (tmp_path / "few.csv").write_text("user,item,time\nu,i0,1\nu,i1,2\nu,i2,3\nv,i0,1\nv,i3,2\n")
    assert main(["train", "--data", str(tmp_path / "few.csv"), "--out", str(tmp_path / "preset")]) == 2
    output = capsys.readouterr()
    assert "None of the 1 held-back items occurs in the training rows" in output.err and "Epoch" not in output.out
    assert "'i1' is only held back" in output.err  # and nothing of ids that look alike


def test_recommend_takes_titles_and_ids(preset, capsys):
    spec = load(preset).spec
    first, second = spec.items.tokens[:2]
    assert main(["recommend", str(preset), "--history", first, spec.titles[1].upper(), "--k", "3"]) == 0
    printed = capsys.readouterr().out
    assert f"[{first}]" in printed and f"[{second}]" in printed.splitlines()[0]
    assert len(printed.splitlines()) == 4
    assert main(["recommend", str(preset), "--history", first, "--k", "5000"]) == 0
    output, left = capsys.readouterr(), spec.num_items - 1
    assert len(output.out.splitlines()) == left + 1 and f"Only {left} of 5,000 items" in output.err


def test_recommend_answers_no_history_by_popularity(preset, capsys):
    assert main(["recommend", str(preset), "--k", "2", "--history"]) == 0
    spec = load(preset).spec
    lines = capsys.readouterr().out.splitlines()
    assert "empty" in lines[0] and spec.title(2) in lines[1] and spec.title(3) in lines[2]


def test_recommend_with_a_rating_model_lists_the_best_predicted_ratings(capsys):
    asked = ["recommend", "matcher_ml100k", "--user", "1", "--history", "1", "50", "--history-labels", "5", "4"]
    assert main([*asked, "--k", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("History: Toy Story") and lines[1] == "Predicted rating:" and len(lines) == 5
    found = load("matcher_ml100k")
    unseen = [item for item in found.spec.items.tokens.tolist() if item not in ("1", "50")]
    scores = serving.rank(found.model, found.spec, [unseen], [["1", "50"]], {"user": ["1"]}, [[5.0, 4.0]])[0]
    for line, at in zip(lines[2:], (-scores).argsort(kind="stable")[:3], strict=True):
        assert line.endswith(f"[{unseen[at]}]") and f"{scores[at]:.3f}" in line
    assert main([*asked[:-1]]) == 2
    assert "--history-labels needs one number for each of 2 items, got 1." in capsys.readouterr().err


def test_recommend_to_a_user_of_the_data(films, preset, capsys):
    """The history and the held-back item of the user are those of the evaluation."""
    found, table = load(preset), read(films)
    _, _, test = table.split(LeaveLastOut())
    code = next(
        user
        for user, item in zip(test.targets.user_codes, test.targets.item_codes, strict=True)
        if table.item_ids[item] in found.spec.items
    )
    user, parts = table.user_ids[code], (test.history, test.targets)
    history, targets = (part.item_ids[part.item_codes[part.user_codes == code]] for part in parts)
    (items,), _ = found.recommend([history.tolist()], k=120)
    place = items.index(targets[0]) + 1
    for k, hits in ((place, 1), (place - 1, 0)):
        if k:
            assert main(["recommend", str(preset), "--data", str(films), "--user", user, "--k", str(k)]) == 0
            printed = capsys.readouterr().out
            assert f"precision@{k} {hits / k:.4f}, recall@{k} {hits:.4f}" in printed
            assert f"{len(history)} items before the test part" in printed and "Held back: 1 item of" in printed
            assert printed.count("<- held back, label 4") == hits


def test_recommend_helps_with_an_unknown_title(preset, capsys):
    title = load(preset).spec.titles[0]
    assert main(["recommend", str(preset), "--history", title[:-2] + "q"]) == 2
    assert title in capsys.readouterr().err


def test_a_model_that_reads_timestamps_from_training_to_export(films, tmp_path, capsys):
    recipe, out = tmp_path / "recipe.toml", tmp_path / "preset"
    recipe.write_text('epochs = 1\nmax_length = 8\n[model]\nclass = "TiSASRec"\nhidden_dim = 8\nnum_blocks = 1\n')
    assert main(["train", "--data", str(films), "--recipe", str(recipe), "--out", str(out)]) == 0
    assert main(["export", str(out), str(tmp_path / "films")]) == 0
    assert '"timestamps": [[0, 0]]' in capsys.readouterr().out
    asked = ["recommend", str(out), "--history", *load(out).spec.items.tokens[:2], "--k", "3"]
    assert main([*asked, "--timestamps", "1500000000", "1500086400"]) == 0
    answer = capsys.readouterr().out
    assert main([*asked, "--timestamps", "2017-07-14T02:40:00", "2017-07-15T02:40:00"]) == 0
    assert capsys.readouterr().out == answer
    for stamps, message in (
        ([], "tisasrec reads timestamps: pass"),
        (["--timestamps", "1500000000"], "2 items needs 2 timestamps"),
        (["--timestamps", "1500000000", "soon"], "'soon' is invalid"),
    ):
        assert main([*asked, *stamps]) == 2
        assert message in capsys.readouterr().err
    sequences = tmp_path / "sequences.txt"
    sequences.write_text("".join(f"{user} {(user + item) % 7}\n" for user in range(9) for item in range(5)))
    assert main(["train", "--data", str(sequences), "--recipe", str(recipe), "--out", str(tmp_path / "other")]) == 2
    error = capsys.readouterr().err
    assert "reads timestamps" in error and len(error.splitlines()) == 1
    assert not (tmp_path / "other").exists()


def test_export_and_list(preset, tmp_path, capsys):
    assert main(["export", str(preset), str(tmp_path / "films"), "--k", "5"]) == 0
    assert "docker run" in capsys.readouterr().out and (tmp_path / "films" / "1" / "saved_model.pb").exists()
    assert main(["list"]) == 0
    title, head, *rows = capsys.readouterr().out.splitlines()
    assert "catalogue" in title and "NDCG@10" in head and any(row.startswith("sasrec_ml1m") for row in rows)
    assert any("RMSE" in row for row in rows) and any(row.startswith("din_ml100k") for row in rows)


def test_quickstart(tmp_path, capsys):
    assert main(["quickstart", "--out", str(tmp_path / "q"), "--users", "150", "--epochs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "docker run" in printed and "curl" in printed and "recommended" in printed
    assert (tmp_path / "q" / "learning_curve.png").exists()


def test_baselines_that_cannot_be_fitted_raise_an_error_before_training(films, preset, tmp_path, monkeypatch, capsys):
    def refused(*command):
        assert main([*command, "--data", str(films)]) == 2
        return capsys.readouterr().err

    train = ["train", "--out", str(tmp_path / "out"), "--baseline"]
    assert evaluation.BASELINES == RETRIEVAL_BASELINES
    assert "invalid choice: 'svd'" in refused(*train, "svd") and "'svd'" in refused(
        "evaluate", "x", "--baseline", "svd"
    )
    assert "baselines of retrieval models" in refused(*train, "ease", "--label", "rating")
    monkeypatch.setattr("tfrec.environment.memory", lambda: 200_000)
    assert "EASE inverts a dense matrix" in refused(*train, "ease")
    assert "EASE inverts a dense matrix" in refused("evaluate", str(preset), "--baseline", "popularity", "ease")
    assert not (tmp_path / "out").exists()

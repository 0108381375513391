"""`tfrec train` and `tfrec evaluate` use the split of the data."""

import json
from types import SimpleNamespace

import pandas as pd
import pytest

from tfrec import runner
from tfrec.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture
def parts(films, tmp_path):
    """The films as RecBole's benchmark files: a tenth of each user's rows for the test, a tenth for validation."""
    rows = pd.read_csv(films / "ratings.csv")
    place = rows.groupby("userId").cumcount() % 10
    rows.columns = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
    for name, chosen in (("train", place < 8), ("valid", place == 8), ("test", place == 9)):
        rows[chosen].to_csv(tmp_path / f"films.{name}.inter", sep="\t", index=False)
    return tmp_path, int((place == 9).sum())


def test_the_split_of_the_data_is_trained_and_evaluated_with(parts, preset, capsys, monkeypatch):
    folder, count = parts
    asked = []

    def run(table, recipe, out, recipe_text, checkpoint):
        recipe, text = runner.resolve(recipe, table, recipe_text)
        asked.append((len(table.split(recipe.build_split()).test), recipe.split, text))
        return SimpleNamespace(training=SimpleNamespace(model=SimpleNamespace(input_names=())))

    monkeypatch.setattr(runner, "run", run)
    (folder / "recipe.toml").write_text("epochs = 1\n")
    arguments = ["--recipe", str(folder / "recipe.toml"), "--out", str(folder / "out")]
    assert main(["train", "--data", str(folder), *arguments]) == 0
    assert asked == [(count, {"rule": "fixed"}, None)]  # the preset has the recipe with the split that was used
    assert f"{count:,} test rows" in capsys.readouterr().out
    report = folder / "report.json"
    assert main(["evaluate", str(preset), "--data", str(folder / "films"), "--out", str(report)]) == 0
    assert 0 < json.loads(report.read_text())["num_targets"] <= count
    assert "own split" in capsys.readouterr().out

"""The lists of an export, measured on held-back rows: the metrics of the lists that Python gives."""

import numpy as np
import pandas as pd
import pytest
from small_preset import IDS

from tfrec import serving
from tfrec.cli import main
from tfrec.data import Examples, FeatureSpec, Interactions, LeaveLastOut
from tfrec.errors import InputError
from tfrec.measure import evaluate_export

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    frame = pd.DataFrame([(f"u{u}", item) for u in range(40) for item in random.permutation(IDS)[:5]])
    return frame.rename(columns={0: "user", 1: "item"}).assign(time=range(200), rating=random.integers(1, 6, 200))


def expected(served, table, k):
    """Recall and NDCG of lists by user code."""
    targets = table.split(LeaveLastOut()).test.targets
    places = [
        served[user].index(item) if item in served[user][:k] else None
        for user, item in zip(targets.user_codes, targets.item_ids[targets.item_codes], strict=True)
    ]
    hits = [place for place in places if place is not None]
    return len(hits) / len(places), sum(1 / np.log2(place + 2) for place in hits) / len(places)


def histories(table):
    history = table.split(LeaveLastOut()).test.history
    names = history.item_ids[history.item_codes]
    return [names[history.user_codes == user].tolist() for user in range(len(table.user_ids))]


def test_the_metrics_are_those_of_the_lists(preset, exported, rows, tmp_path, capsys):
    table = Interactions.from_pandas(rows, "user", "item", "time")
    served, _ = serving.recommend(preset.model, preset.spec, histories(table), 4)
    found = evaluate_export(exported, table, ks=(1, 4, 9))
    for k in (1, 4, 9):
        wanted = expected(served, table, k)
        assert [found.report.metrics[f"{one}@{k}"] for one in ("recall", "ndcg")] == pytest.approx(wanted, abs=1e-6)
    assert found.report.metrics["recall@9"] == found.report.metrics["recall@4"] > 0
    assert (found.report.model, found.report.num_users, found.report.list_length) == ("sasrec", 40, 4)
    assert "The export serves 4 items: targets below them count as misses" in str(found) and "popularity" in str(found)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    command = ["evaluate", str(exported), "--data", str(tmp_path / "rows.csv"), "--k", "4"]
    assert main([*command, "--relevant", "3", "--max-users", "5", "--out", str(tmp_path / "report.json")]) == 0
    printed = capsys.readouterr().out
    assert "5 of " in printed and "at least 3" in printed and (tmp_path / "report.json").exists()
    for more, said in (
        (["--keep-seen"], "--keep-seen applies to presets"),
        (["--all-rows"], "--all-rows applies to presets"),
        (["--label", "rating"], "--label applies to ranking presets"),
        (["--relevant", "6"], "No held-back row has a label of at least 6"),
    ):
        assert main([*command, *more]) == 2 and said in capsys.readouterr().err


def test_folders_and_tables_that_cannot_be_measured(exported, rows, tmp_path):
    table = Interactions.from_pandas(rows, "user", "item", "time")
    (tmp_path / "1").mkdir()
    with pytest.raises(InputError, match="holds no export"):
        evaluate_export(tmp_path, table)
    with pytest.raises(InputError, match="on interactions, not on labelled rows"):
        evaluate_export(exported, Examples.from_pandas(rows, "rating", "user", "item"))
    other = rows.assign(item=["x" + item for item in rows["item"]])
    with pytest.raises(InputError, match=r"None of the items of .* occurs in the training part"):
        evaluate_export(exported, Interactions.from_pandas(other, "user", "item", "time"))
    assert FeatureSpec.fit(table).num_items <= len(IDS)

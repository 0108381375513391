"""Items without training rows have the same scores in an export as in the evaluation, from their features."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import IDS, made
from small_ranking_preset import FEATURES, labelled_rows, ranking_preset

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.data import FeatureSpec, History, Interactions
from tfrec.evaluation import predictions
from tfrec.models import ExpertFusion, SASRec
from tfrec.serving.files import export_manifest, recorded_answers

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
COLD = ["🎬", "only ranked"]  # the side table has no vector for the second
ALL = [*IDS, "only ranked", "nowhere"]
HISTORY, LABELS = ["7", "a,b", "日本"], [5.0, 3.0, 4.0]


@pytest.fixture(scope="module")
def parts():
    """Training rows without the cold items, and later rows of all items."""
    rows = labelled_rows(ids=(*IDS, "only ranked"))
    raw, early = rows.item_ids[rows.item_codes], np.arange(len(rows)) < 200
    return rows.take(early & ~np.isin(raw, COLD)), rows.take(~early)


@pytest.fixture(scope="module")
def din(parts, tmp_path_factory):
    rule = History(length=4, with_label=True, min_label=2, item_features=("genres", "year"))
    spec = FeatureSpec.fit(parts[0], features=FEATURES, history=rule)
    return ranking_preset(tmp_path_factory.mktemp("din") / "din", spec)


@pytest.fixture(scope="module")
def fusion(din, tmp_path_factory):
    model = ExpertFusion(din.spec.model_features(), embedding_dim=4, hidden_dims=[4], task="rating", seed=0)
    return made(model, din.spec, tmp_path_factory.mktemp("fusion") / "fusion")


@pytest.fixture(scope="module")
def served(din, fusion, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    return {
        name: serving.export_ranking(preset, folder / name, verify="runtime")
        for name, preset in (("din", din), ("fusion", fusion))
    }


@pytest.fixture(scope="module")
def function_of():
    """`function_of(version, signature)` of an export that is loaded once."""
    load = functools.cache(lambda version: tf.saved_model.load(str(version)).signatures)
    return lambda version, signature="rank": load(version)[signature]


@pytest.fixture(scope="module")
def rank(function_of):
    """`rank(version, history, labels, items, **features)` of one user."""

    def asked(version, history, labels, items, **features):
        function = function_of(version)
        inputs = {"history": [history], "history_labels": [labels], "item_ids": [items], **features}
        nothing = {"portrait": [[np.nan] * 3], "tastes": [[""]]}
        for name, one in function.structured_input_signature[1].items():
            inputs.setdefault(name, nothing.get(name, [""] if one.dtype == tf.string else [np.nan]))
            inputs[name] = tf.constant(inputs[name], one.dtype)
        return function(**inputs)["scores"].numpy()[0]

    return asked


@pytest.mark.parametrize("name", ["din", "fusion"])
def test_served_scores_equal_evaluated_scores(name, parts, din, fusion, served, function_of):
    """The export scores every test row, including cold items, from the raw values of its table."""
    preset, (train, test) = {"din": din, "fusion": fusion}[name], parts
    wanted = predictions(preset.model, preset.spec, test, train)
    users, items = (test.user_ids[test.user_codes], test.item_ids[test.item_codes])
    assert set(COLD) < set(items)
    histories, labels = [], []
    for user in users:  # all training rows are earlier
        own = np.flatnonzero(train.user_ids[train.user_codes] == user)
        histories.append(train.item_ids[train.item_codes[own]].tolist())
        labels.append(train.labels[own].tolist())
    width = max(map(len, histories))
    table = test.users.loc[users]
    tastes = [text.split("|") if isinstance(text, str) else [] for text in table["tastes"]]
    inputs = {
        "history": [[*row, *[""] * (width - len(row))] for row in histories],
        "history_labels": [[*row, *[np.nan] * (width - len(row))] for row in labels],
        "item_ids": items[:, None].tolist(),
        "user": users.tolist(),
        "age": table["age"].tolist(),
        "tastes": [[*row, *[""] * (3 - len(row))] for row in tastes],
        "portrait": [row if isinstance(row, list) else [np.nan] * 3 for row in table["portrait"]],
        **{
            column.replace(" ", "_"): ["" if pd.isna(one) else one for one in test.context[column]]
            for column in ("zip code", "device")
        },
        "price": test.context["price"].astype(float).tolist(),
    }
    function = function_of(served[name])
    specs = function.structured_input_signature[1]
    found = function(**{key: tf.constant(inputs[key], one.dtype) for key, one in specs.items()})["scores"].numpy()
    is_cold = np.isin(items, COLD)
    np.testing.assert_allclose(found[is_cold, 0], wanted[is_cold], atol=1e-5)
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-5)


def test_cold_items_with_different_features_have_different_scores(din, served, rank):
    scores = rank(served["din"], HISTORY, LABELS, ALL)
    np.testing.assert_allclose(
        scores, serving.rank(din.model, din.spec, [ALL], [HISTORY], history_labels=[LABELS])[0], atol=1e-5
    )
    of = dict(zip(ALL, scores, strict=True))
    assert abs(of["🎬"] - of["nowhere"]) > 1e-3 and abs(of["🎬"] - of["only ranked"]) > 1e-3
    forgotten = din.spec.with_cold_items(None)
    before = serving.rank(din.model, forgotten, [ALL], [HISTORY], history_labels=[LABELS])[0]
    assert before[ALL.index("🎬")] == before[ALL.index("nowhere")] == pytest.approx(of["nowhere"], abs=1e-5)
    known = [place for place, item in enumerate(ALL) if item not in COLD]
    np.testing.assert_allclose(before[known], scores[known], atol=1e-5)


def test_a_cold_item_is_no_event(served, rank):
    plain = rank(served["fusion"], HISTORY, LABELS, ALL)
    more = rank(served["fusion"], [*HISTORY, *COLD], [*LABELS, 5.0, 5.0], ALL)
    np.testing.assert_allclose(more, plain, atol=1e-6)


def test_the_gate_requests_cold_items_and_the_manifest_counts_them(served):
    calls, _ = recorded_answers.read(served["din"])
    asked = {item for call in calls for row in call.inputs["item_ids"] for item in row}
    assert set(COLD) < asked and export_manifest.read(served["din"])["cold_items"] == len(COLD)


def test_an_export_without_their_content_never_becomes_visible(din, tmp_path, monkeypatch):
    """The graph without cold items, as in old exports."""
    from tfrec.serving.graph import ranking_graph

    built = ranking_graph.RankingModule.__init__
    monkeypatch.setattr(
        ranking_graph.RankingModule,
        "__init__",
        lambda self, model, spec, *more: built(self, model, spec.with_cold_items(None), *more),
    )
    with pytest.raises(serving.ParityError, match="differ"):
        serving.export_ranking(din, tmp_path / "films", verify="runtime")
    assert not (tmp_path / "films").exists()


def test_two_stages_rank_items_by_content_if_only_retrieval_knows_them(din, tmp_path, function_of):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(IDS, 180)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    assert "🎬" in spec.items and len(spec.cold) == 0
    first = made(SASRec(spec.num_items, max_length=5, hidden_dim=8, seed=0), spec, tmp_path / "first")
    version = serving.export_two_stage(first, din, tmp_path / "films", 10, 11, verify="runtime")
    function = function_of(version, "recommend_by_history")
    found = function(history=tf.constant([HISTORY]))
    items = [item.decode() for item in found["item_ids"].numpy()[0]]
    assert "🎬" in items
    wanted = serving.rank(din.model, din.spec, [items], [HISTORY])[0]
    np.testing.assert_allclose(found["scores"].numpy()[0], wanted, atol=1e-5)


def test_a_preset_keeps_them_and_explain_knows_them(din, tmp_path, capsys):
    again = presets.load(din.folder)
    assert again.spec.cold.ids.tokens.tolist() == COLD
    history = ["--history", "7", "日本"]
    title = again.spec.title_of("🎬")
    assert main(["explain", str(din.folder), *history, "--item", "🎬"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{title}  [🎬]: rating ")
    assert main(["explain", str(din.folder), *history, "--item", title.upper()]) == 0
    assert capsys.readouterr().out == printed
    score = serving.rank(din.model, din.spec, [["🎬"]], [["7", "日本"]])[0, 0]
    assert f"rating {score:.2f}" in printed
    assert main(["explain", str(din.folder), "--history", "🎬", "7"]) == 2
    assert "has no training row, so the model cannot read it" in capsys.readouterr().err
    assert main(["explain", str(din.folder), *history, "--item", "nowhere"]) == 2
    assert 'no item with the title or id "nowhere"' in capsys.readouterr().err


def test_other_cold_items_need_no_training(din, served, rank, tmp_path):
    """An item that came after training is ranked like the one whose content it has."""
    films = labelled_rows().items.loc[["🎬"]].rename(index={"🎬": "premiere"})
    later = dataclasses.replace(din, spec=din.spec.with_cold_items(films))
    version = serving.export_ranking(later, tmp_path / "films", verify="runtime")
    scores = rank(version, HISTORY, LABELS, ["premiere", "🎬", "7"])
    before = rank(served["din"], HISTORY, LABELS, ["🎬", "nowhere", "7"])
    np.testing.assert_allclose(scores, before, atol=1e-6)

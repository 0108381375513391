"""A ranking model that was trained on liked items gets the whole history, with labels that select the events."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import IDS, made
from small_ranking_preset import FEATURES, labelled_rows, ranking_preset

from tfrec import serving
from tfrec.cli import main
from tfrec.data import FeatureSpec, History, Interactions
from tfrec.evaluation import predictions
from tfrec.models import SASRec
from tfrec.serving.files import export_manifest, recorded_answers

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
# Five liked films, one more than is read, and disliked ones among them and after them.
HISTORY = ["7", "007", "with space", "a,b", "日本", "Größe", "🎬", " lead"]
LABELS = [5.0, 4.0, 1.0, 4.0, 5.0, 5.0, 3.0, 1.0]
LIKED = ["7", "007", "a,b", "日本", "Größe"]
K, CANDIDATES = 2, 3


@pytest.fixture(scope="module")
def parts():
    rows = labelled_rows(number=400)
    early = np.arange(len(rows)) < 300
    return rows.take(early), rows.take(~early)


@pytest.fixture(scope="module")
def ranking(parts, tmp_path_factory):
    """It reads only the liked films, without their ratings."""
    rule = History(length=4, min_label=4, item_features=("genres",))
    spec = FeatureSpec.fit(parts[0], features=FEATURES, history=rule)
    return ranking_preset(tmp_path_factory.mktemp("ranking") / "din", spec)


@pytest.fixture(scope="module")
def retrieval(tmp_path_factory):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(IDS, 180)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=8)
    model = SASRec(spec.num_items, max_length=8, hidden_dim=8, seed=0)
    return made(model, spec, tmp_path_factory.mktemp("retrieval") / "sasrec")


@pytest.fixture(scope="module")
def version(retrieval, ranking, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "films"
    return serving.export_two_stage(retrieval, ranking, folder, k=K, candidates=CANDIDATES, verify="runtime")


@pytest.fixture(scope="module")
def ask(version):
    """`ask(signature, history, labels, **more)` of one user; without labels they are left out."""
    signatures = tf.saved_model.load(str(version)).signatures
    nothing = {"portrait": [[np.nan] * 3], "history_labels": [[]], "tastes": [[""]], "exclude": [[""]], "allow": [[""]]}

    def asked(signature, history, labels=None, **more):
        given = {"history": [history], **({} if labels is None else {"history_labels": [labels]}), **more}
        found = {}
        for name, one in signatures[signature].structured_input_signature[1].items():
            rows = given.get(name, nothing.get(name, [""] if one.dtype == tf.string else [np.nan]))
            found[name] = tf.constant(rows, one.dtype)
        answer = {name: value.numpy()[0] for name, value in signatures[signature](**found).items()}
        return answer | {"item_ids": [item.decode() for item in answer.get("item_ids", [])]}

    return asked


def test_candidates_depend_on_the_whole_history_and_ranking_on_the_liked_items(retrieval, ranking, ask):
    (found,), _ = serving.recommend(retrieval.model, retrieval.spec, [HISTORY], CANDIDATES)
    scores = serving.rank(ranking.model, ranking.spec, [found], [LIKED])[0]
    order = np.argsort(-scores)[:K]
    for signature in ("serving_default", "recommend_filtered"):
        answer = ask(signature, HISTORY, LABELS)
        assert answer["item_ids"] == [found[at] for at in order]
        np.testing.assert_allclose(answer["scores"], scores[order], atol=1e-5)
    (others,), _ = serving.recommend(retrieval.model, retrieval.spec, [LIKED], CANDIDATES)
    disliked = set(HISTORY) - set(LIKED)
    assert set(others) & disliked  # these would be recommended for the liked films only
    assert not set(answer["item_ids"]) & set(HISTORY)


def test_rank_reads_the_newest_liked_items(ranking, ask):
    """Four are read, and the newest four of the history hold only two of them."""
    wanted = ask("rank", LIKED[-4:], item_ids=[IDS])["scores"]
    np.testing.assert_allclose(ask("rank", HISTORY, LABELS, item_ids=[IDS])["scores"], wanted, atol=1e-6)
    np.testing.assert_allclose(
        serving.rank(ranking.model, ranking.spec, [IDS], [HISTORY], history_labels=[LABELS])[0], wanted, atol=1e-5
    )
    assert np.abs(ask("rank", HISTORY, item_ids=[IDS])["scores"] - wanted).max() > 1e-3


def test_an_item_without_a_label_is_kept(ask):
    plain = ask("rank", HISTORY, item_ids=[IDS])["scores"]
    np.testing.assert_array_equal(ask("rank", HISTORY, [np.nan] * 8, item_ids=[IDS])["scores"], plain)
    labels = [one if one >= 4 else np.nan for one in LABELS]
    np.testing.assert_array_equal(ask("rank", HISTORY, labels, item_ids=[IDS])["scores"], plain)
    by_history = ask("recommend_by_history", HISTORY)
    assert by_history["item_ids"] == ask("recommend", HISTORY)["item_ids"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="history_labels must have the shape of history"):
        ask("rank", HISTORY, LABELS[:3], item_ids=[IDS])


def test_served_scores_equal_evaluated_scores(parts, ranking):
    """With all rated films and their ratings, as in a request; the gate compares the graph with this."""
    train, test = parts
    users, items = test.user_ids[test.user_codes], test.item_ids[test.item_codes]
    own = [np.flatnonzero(train.user_ids[train.user_codes] == user) for user in users]
    histories = [train.item_ids[train.item_codes[rows]].tolist() for rows in own]
    features = {name: test.users.loc[users, name].tolist() for name in ("age", "tastes", "portrait")}
    features |= {name: test.context[name].tolist() for name in ("zip code", "device", "price")} | {"user": users}
    labels = [train.labels[rows] for rows in own]
    found = serving.rank(ranking.model, ranking.spec, items[:, None], histories, features, labels)[:, 0]
    np.testing.assert_allclose(found, predictions(ranking.model, ranking.spec, test, train), atol=1e-5)


def test_the_contract(ranking, version):
    manifest = export_manifest.read(version)
    for name, one in manifest["signatures"].items():
        takes = name != "recommend_by_history"
        assert ("history_labels" in one["inputs"]) == ("history_labels" in one["optional"]) == takes
    assert manifest["history"]["min_label"] == 4 and "history_label" not in ranking.model.input_names
    calls, _ = recorded_answers.read(version)
    sent = np.concatenate([np.ravel(call.inputs["history_labels"]) for call in calls if "user" in call.inputs])
    assert (sent < 4).any() and (sent >= 4).any() and np.isnan(sent).any()
    assert '"history_labels"' not in serving.how_to_ask(version)


def test_a_model_of_all_rows_takes_no_labels(tmp_path):
    spec = FeatureSpec.fit(labelled_rows(), features=FEATURES, history=History(length=4))
    alone = serving.export_ranking(ranking_preset(tmp_path / "all", spec), tmp_path / "films", verify="runtime")
    manifest = export_manifest.read(alone)
    assert "history_labels" not in manifest["signatures"]["rank"]["inputs"] and manifest["history"]["min_label"] is None


def test_explain_leaves_out_items_with_low_labels(ranking, capsys):
    command = ["explain", str(ranking.folder), "--item", "tab\tbed", "--history"]
    assert main([*command, *LIKED]) == 0
    wanted = capsys.readouterr().out
    assert main([*command, *HISTORY, "--history-labels", *map(str, LABELS)]) == 0
    assert capsys.readouterr().out == wanted

"""A retrieval and a ranking model in one export give the same answers as in Python, from raw ids and raw features."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import IDS, made
from small_ranking_preset import USERS, labelled_rows, ranking_preset

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.data import Examples, FeatureSpec, Interactions, LeaveLastOut
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.spec.cold_items import ColdItems
from tfrec.errors import InputError
from tfrec.inference import candidate_scores
from tfrec.measure import evaluate_export
from tfrec.models import DeepFM, SASRec, TiSASRec
from tfrec.serving import stage_overlap
from tfrec.serving.files import export_manifest, recorded_answers
from tfrec.serving.graph import RankingModule
from tfrec.serving.verify import parity

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
HISTORY = ["7", "a,b", "日本"]
ANN = {"user": "ann", "age": 20.0, "zip code": "1010", "device": "tv", "price": 12.5, "tastes": ["Drama", "War"]}


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    return ranking_preset(tmp_path_factory.mktemp("ranking") / "din")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A retrieval preset with an item that the ranking preset does not know."""
    random = np.random.default_rng(0)
    ids = [*IDS, "only retrieved"]
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(ids, 180)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    return made(
        SASRec(spec.num_items, max_length=5, hidden_dim=8, num_blocks=1, seed=0),
        spec,
        tmp_path_factory.mktemp("f") / "one",
    )


@pytest.fixture(scope="module")
def version(first, ranking, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "films"
    return serving.export_two_stage(first, ranking, folder, k=3, candidates=6, verify="runtime")


@pytest.fixture(scope="module")
def rank_only(ranking, tmp_path_factory):
    return serving.export_ranking(ranking, tmp_path_factory.mktemp("rank") / "films", verify="runtime")


@pytest.fixture(scope="module")
def call():
    """`call(version, signature, **inputs)`, with the server's defaults for omitted inputs."""
    loaded = {}

    def of(version, signature, **inputs):
        if version not in loaded:
            loaded[version] = tf.saved_model.load(str(version)).signatures
        specs = loaded[version][signature].structured_input_signature[1]
        given = {
            name: tf.constant(inputs[name], spec.dtype)
            if name in inputs
            else missing(name, spec.dtype, spec.shape.rank)
            for name, spec in specs.items()
        }
        found = loaded[version][signature](**given)
        return {name: value.numpy() for name, value in found.items()}

    return of


def missing(name, dtype, rank):
    """What stands for an input that is left out."""
    value = {tf.string: "", tf.float32: np.nan, tf.int64: 0}[dtype]
    width = {"portrait": 3, "history_labels": 0}.get(name, 1)
    return tf.constant(value, dtype, [1] if rank == 1 else [1, width])


def texts(rows):
    return [[item.decode() for item in row] for row in rows]


def inputs_of(user):
    """The tensors of one user."""
    names = {"zip code": "zip_code"}
    return {names.get(name, name): [value] for name, value in user.items()}


def test_the_answer_is_the_candidates_in_the_ranking_models_order(first, ranking, version, call):
    found = call(version, "serving_default", history=[HISTORY], **inputs_of(ANN))
    candidates, _ = serving.recommend(first.model, first.spec, [HISTORY], 6)
    features = {name: [value] for name, value in ANN.items()}
    scores = serving.rank(ranking.model, ranking.spec, candidates, [HISTORY], features)[0]
    order = np.argsort(-scores, kind="stable")[:3]
    assert texts(found["item_ids"])[0] == [candidates[0][at] for at in order]
    np.testing.assert_allclose(found["scores"][0], scores[order], atol=1e-5)
    assert candidates[0][:3] != texts(found["item_ids"])[0]  # the second stage has changed something


def test_omitted_features_are_missing_and_given_features_change_the_scores(version, call):
    plain = call(version, "rank", history=[HISTORY], item_ids=[IDS])["scores"]
    for name, nothing in (("user", ""), ("device", ""), ("age", np.nan), ("price", np.inf), ("zip_code", "")):
        same = call(version, "rank", history=[HISTORY], item_ids=[IDS], **{name: [nothing]})["scores"]
        np.testing.assert_array_equal(same, plain)
    for name, value in inputs_of(ANN).items():
        other = call(version, "rank", history=[HISTORY], item_ids=[IDS], **{name: value})["scores"]
        assert np.abs(other - plain).max() > 1e-4, name
    lean = call(version, "recommend_by_history", history=[HISTORY])
    full = call(version, "recommend", history=[HISTORY])
    assert texts(lean["item_ids"]) == texts(full["item_ids"])


def test_item_features_are_in_the_export(ranking, rank_only, call, tmp_path):
    """If an item has the features of another item in a graph, its score differs."""
    spec = ranking.spec
    swapped = {name: values.copy() for name, values in spec.item_features.items()}
    for values in swapped.values():
        values[2] = values[5]
    changed = RankingModule(ranking.model, dataclasses.replace(spec, item_features=swapped), tmp_path)
    items = [spec.items.tokens[:2].tolist()]
    before = call(rank_only, "rank", history=[[""]], item_ids=items)["scores"][0]
    nothing = [missing(one.name, one.dtype, one.rank) for one in changed.user_inputs]
    after = changed.signature()(tf.constant([[""]]), tf.constant(items), *nothing)["scores"].numpy()[0]
    assert abs(before[0] - after[0]) > 1e-4 and before[1] == pytest.approx(after[1], abs=1e-6)


def test_items_that_the_ranking_model_does_not_know_are_unseen_ones(version, call):
    scores = call(version, "rank", history=[HISTORY], item_ids=[["only retrieved", "no such id", "", "7"]])["scores"][0]
    assert scores[0] == scores[1] and np.isfinite(scores[[0, 3]]).all() and np.isneginf(scores[2])
    found = call(version, "recommend_filtered", history=[HISTORY], exclude=[[""]], allow=[["only retrieved"]])
    assert texts(found["item_ids"]) == [["only retrieved", "", ""]]


def test_padding_and_unknown_ids_of_a_history_change_nothing(version, call):
    plain = call(version, "rank", history=[HISTORY], item_ids=[IDS])["scores"]
    for history in (["", "", *HISTORY], [*HISTORY, ""], ["7", "no such id", "a,b", "", "日本"]):
        other = call(version, "rank", history=[history], item_ids=[IDS])["scores"]
        np.testing.assert_allclose(other, plain, atol=1e-6)


def test_labels_of_the_history_are_read_and_low_ones_are_no_events(version, call):
    def scores(history, labels):
        return call(version, "rank", history=[history], item_ids=[IDS], history_labels=[labels])["scores"]

    plain = call(version, "rank", history=[HISTORY], item_ids=[IDS])["scores"]
    np.testing.assert_array_equal(scores(HISTORY, [np.nan] * 3), plain)
    assert np.abs(scores(HISTORY, [5, 5, 2]) - scores(HISTORY, [2, 5, 5])).max() > 1e-4
    np.testing.assert_allclose(scores([*HISTORY, "🎬"], [5, 4, 3, 1]), scores(HISTORY, [5, 4, 3]), atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError, match="history_labels must have the shape of history"):
        scores(HISTORY, [5.0])


def test_seen_items_and_filters_hold(version, call):
    for signature, more in (("serving_default", {}), ("recommend_filtered", {"exclude": [["🎬"]], "allow": [IDS[:9]]})):
        (found,) = texts(call(version, signature, history=[HISTORY], **more)["item_ids"])
        assert not set(found) & {*HISTORY, *more.get("exclude", [[]])[0]} and set(found) <= {*IDS, "only retrieved"}


def test_rows_of_a_batch_are_independent_and_a_batch_may_be_empty(version, call):
    user = {"age": [20.0, np.nan], "tastes": [["War"], [""]], "portrait": [[0.1, 0.2, 0.3], [np.nan] * 3]}
    both = call(version, "serving_default", history=[HISTORY, ["🎬", "", ""]], user=["ann", "new"], **user)
    one = {name: rows[1:] for name, rows in user.items()}
    alone = call(version, "serving_default", history=[["🎬"]], user=["new"], **one)
    assert texts(both["item_ids"])[1:] == texts(alone["item_ids"])
    np.testing.assert_allclose(both["scores"][1:], alone["scores"], atol=1e-6)
    none = call(version, "serving_default", history=np.zeros((0, 3), object))
    assert none["item_ids"].shape == none["scores"].shape == (0, 3)


def test_signatures_and_optional_inputs(version, rank_only):
    found = export_manifest.signatures_of(version)
    assert found.keys() == {"serving_default", "recommend", "recommend_by_history", "recommend_filtered", "rank"}
    features = ["age", "device", "history_labels", "portrait", "price", "tastes", "user", "zip_code"]
    assert found["serving_default"]["optional"] == found["rank"]["optional"] == features
    assert found["recommend_by_history"]["inputs"].keys() == {"history"}
    assert found["rank"]["inputs"]["portrait"] == ["float32", [-1, 3]]
    alone = export_manifest.signatures_of(rank_only)
    assert alone.keys() == {"serving_default", "rank"} and alone["serving_default"] == alone["rank"] == found["rank"]


def test_the_manifest_names_both_presets(first, ranking, version):
    manifest = export_manifest.read(version)
    assert (
        manifest["model"] == "SASRec"
        and manifest["ranking"]["model"] == "DIN"
        and manifest["candidates"] == 6
        and manifest["k"] == 3
    )
    assert manifest["preset_files"] == first.manifest["files"]
    assert manifest["ranking"]["preset_files"] == ranking.manifest["files"]
    assert manifest["inputs"]["zip code"] == "zip_code" and manifest["parity"]["largest_difference"] < 1e-5


def test_serve_check_passes(version):
    for check in serving.serve_check(version, requests=120):
        assert check.passed, check


def test_every_signature_is_replayed_with_missing_and_unseen_values(version):
    calls, _ = recorded_answers.read(version)
    assert {one.signature for one in calls} == export_manifest.signatures_of(version).keys()
    asked = [one.inputs for one in calls if one.signature == "serving_default"]
    for name, odd in (("user", ""), ("tastes", "no such value"), ("device", "7.0")):
        assert any(odd in np.ravel(inputs[name]) for inputs in asked), name
    assert any(np.isnan(inputs["age"]).any() for inputs in asked)


def test_an_export_with_other_answers_never_becomes_visible(ranking, tmp_path, monkeypatch):
    """Here the reference forgets one feature."""
    inputs = candidate_scores.ranking_inputs

    def without_age(model, spec, item_ids, histories, features, labels):
        features = {name: values for name, values in features.items() if name != "age"}
        return inputs(model, spec, item_ids, histories, features, labels)

    monkeypatch.setattr(candidate_scores, "ranking_inputs", without_age)
    with pytest.raises(serving.ParityError, match="differ"):
        serving.export_ranking(ranking, tmp_path / "films", verify="runtime")
    assert not (tmp_path / "films").exists()


def test_a_model_with_nan_scores_raises_an_error(ranking, tmp_path, monkeypatch):
    broken = ranking_preset(tmp_path / "broken", ranking.spec)
    broken.model.weights[0].assign(np.full(broken.model.weights[0].shape, np.nan))
    with pytest.raises(InputError, match="are NaN or infinite: its training has diverged"):
        serving.export_ranking(broken, tmp_path / "films")
    monkeypatch.setattr("tfrec.presets.check_finite", lambda model: None)  # finite weights may give NaN, too
    with pytest.raises(InputError, match="scores that are not finite"):
        serving.export_ranking(broken, tmp_path / "films")
    assert not (tmp_path / "films").exists()


def test_a_retrieval_model_with_timestamps_and_another_index(ranking, tmp_path, call):
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(IDS, 180)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    timed = made(TiSASRec(spec.num_items, max_length=5, hidden_dim=8, num_blocks=1, seed=0), spec, tmp_path / "timed")
    version = serving.export_two_stage(
        timed, ranking, tmp_path / "films", 3, 6, verify="runtime", index="int8", withdrawn=["🎬"], keep=1
    )
    signatures = export_manifest.signatures_of(version)
    assert signatures["recommend_by_history"]["inputs"].keys() == {"history", "timestamps"}
    found = call(version, "recommend_by_history", history=[HISTORY], timestamps=[[1, 100, 9999]])
    assert "🎬" not in texts(found["item_ids"])[0]


def test_a_ranking_model_without_item_ids(tmp_path, call):
    """As in tables of advertisements: no user, no item, no history."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"label": random.integers(0, 2, 50), "C1": random.choice(["a", "b"], 50)})
    frame["c1"], frame["I1"] = random.choice(["x", "y"], 50), random.normal(size=50)
    spec = FeatureSpec.fit(Examples.from_pandas(frame, label="label"))
    model = DeepFM(spec.model_features(), embedding_dim=4, hidden_dims=[4], seed=0)
    presets.save(model, spec, tmp_path / "ads")
    version = serving.export_ranking(tmp_path / "ads", tmp_path / "served", verify="runtime")
    found = call(version, "rank", C1=["a", "b"], c1_=["x"], I1=[0.5, np.nan])["scores"]
    features = {"C1": ["a", "b"], "c1": ["x", "x"], "I1": [0.5, np.nan]}
    np.testing.assert_allclose(found, serving.rank(model, spec, None, features=features), atol=1e-6)
    assert "NaN" in serving.how_to_ask(version)


def test_presets_with_few_common_items_give_a_warning(first, ranking):
    """The manifest counts retrieved items by how they are known; below one half there is a warning."""
    items = first.spec.items.tokens
    few = dataclasses.replace(ranking.spec, items=Vocabulary([*items[:3], "x"]), item_counts=np.ones(4, int))
    few = dataclasses.replace(few, cold=ColdItems(Vocabulary([items[4], "y"])))
    found = stage_overlap.count(first.spec, few, withdrawn=[items[0]])
    assert found == {"items": len(items) - 1, "trained": 2, "by_content": 1, "share": round(3 / (len(items) - 1), 4)}
    message = f"3 of the {len(items) - 1} items .*: 2 from training rows, 1 from features only.*the same ids"
    assert re.search(message, stage_overlap.fault(found))
    assert stage_overlap.fault(stage_overlap.count(first.spec, ranking.spec)) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"candidates": 2}, "at least k=3, got 2"),
        ({"k": 0}, "at least 1"),
        ({"withdrawn": ["x"]}, "Unknown items to withdraw"),
    ],
)
def test_arguments_that_cannot_be(change, message, first, ranking, tmp_path):
    with pytest.raises(InputError, match=message):
        serving.export_two_stage(first, ranking, tmp_path / "films", **{"k": 3, "candidates": 6, **change})


def test_presets_of_the_wrong_kind_are_named(first, ranking, tmp_path):
    with pytest.raises(InputError, match="has the class SASRec, expected RankingModel"):
        serving.export_two_stage(first, first, tmp_path / "films")
    with pytest.raises(InputError, match="has the class DIN, expected RetrievalModel"):
        serving.export_two_stage(ranking, ranking, tmp_path / "films")


def test_how_to_ask_shows_a_request_that_is_answered(version, call):
    line = serving.how_to_ask(version).splitlines()[1]
    body = json.loads(line.partition(" -d ")[2].strip("'"))
    assert call(version, body["signature_name"], **body["inputs"])["item_ids"].shape == (1, 3)


def test_the_gate_holds_ratings_more_tightly_than_scores():
    asked = serving.Call("rank", {"history": [["7"]]})
    with pytest.raises(serving.ParityError, match="differ"):
        parity.compare(asked, {"scores": np.array([[0.5]])}, {"scores": np.array([[0.50005]])}, 1e-5)


def test_the_command(version, rank_only, monkeypatch, capsys):
    asked = {}

    def stub(of):
        def export(*presets, **more):
            asked.update(presets=presets, more=more)
            return of

        return export

    monkeypatch.setattr(serving, "export_two_stage", stub(version))
    monkeypatch.setattr(serving, "export_ranking", stub(rank_only))
    assert main(["export", "--retrieval", "A", "--ranking", "B", "DIR", "--k", "3", "--candidates", "6"]) == 0
    assert asked["presets"] == ("A", "B", Path("DIR"), 3, 6) and asked["more"]["mask_seen"] is True
    printed = capsys.readouterr().out
    assert (
        "recommend_by_history" in printed
        and "knows 11 of the 12 items of the retrieval model (92%): 11 from" in printed
    )
    assert main(["export", "--ranking", "B", "--keep", "2", "DIR"]) == 0
    assert asked["presets"] == ("B", Path("DIR")) and asked["more"] == {
        "verify": "tensorflow",
        "keep": 2,
        "keep_rejected": None,
    }
    printed = capsys.readouterr().out
    popular = (rank_only / "assets" / "item.txt").read_text("utf-8").split("\n")[:2]
    assert f'"item_ids": [{json.dumps(popular, ensure_ascii=False)}]' in printed.replace("'\"'\"'", "'")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--retrieval", "sasrec_ml1m", "DIR"], "needs --ranking"),
        (["sasrec_ml1m", "DIR", "--ranking", "RANKING"], "--retrieval sasrec_ml1m --ranking"),
        (["--ranking", "RANKING", "DIR", "--candidates", "50"], "--candidates needs --retrieval"),
        (["--ranking", "RANKING", "DIR", "--keep-seen"], "--keep-seen needs --retrieval"),
        (
            ["--retrieval", "sasrec_ml1m", "--ranking", "RANKING", "DIR", "--int8"],
            "--int8-weights works only without --ranking",
        ),
        (["--retrieval", "RANKING", "--ranking", "RANKING", "DIR"], "has the class DIN, expected RetrievalModel"),
        (["--ranking", "sasrec_ml1m", "DIR"], "has the class SASRec, expected RankingModel"),
        (["--ranking", "RANKING"], "PRESET"),
        (["sasrec_ml1m"], "DIR"),
    ],
)
def test_commands_that_cannot_be(options, message, ranking, tmp_path, capsys):
    places = {"DIR": str(tmp_path / "films"), "RANKING": str(ranking.folder)}
    assert main(["export", *(places.get(one, one) for one in options)]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line and not (tmp_path / "films").exists()


def test_the_served_lists_are_measured_with_what_is_known_of_the_users(first, ranking, version):
    """As the two models rank in Python, from the users' histories, ratings and columns."""
    random = np.random.default_rng(5)
    labelled = labelled_rows()
    frame = pd.DataFrame([(user, item) for user in USERS for item in random.permutation(IDS)[:6]], columns=["u", "i"])
    frame["stars"] = random.integers(1, 6, len(frame))
    people = labelled.users.rename_axis("u").reset_index()
    table = Interactions.from_pandas(frame, "u", "i", weight="stars", users=people)
    test = table.split(LeaveLastOut()).test
    found, hits = evaluate_export(version, table, ks=(3,)), []
    for code, user in enumerate(table.user_ids):
        own = test.history.user_codes == code
        history = table.item_ids[test.history.item_codes[own]].tolist()
        candidates, _ = serving.recommend(first.model, first.spec, [history], 6)
        row = labelled.users.loc[user]
        features = {"user": [user], **{name: [row[name]] for name in ("age", "tastes", "portrait")}}
        labels = [test.history.weights[own].tolist()]
        scores = serving.rank(ranking.model, ranking.spec, candidates, [history], features, labels)[0]
        listed = [candidates[0][at] for at in np.argsort(-scores, kind="stable")[:3]]
        hits.append(table.item_ids[test.targets.item_codes[test.targets.user_codes == code]][0] in listed)
    assert found.report.metrics["recall@3"] == pytest.approx(np.mean(hits), abs=1e-6) and any(hits)
    assert found.report.model == "sasrec + din"
    assert "The requests lack device, price, zip code" in str(found)


def test_an_export_that_only_ranks_has_no_lists(rank_only):
    frame = pd.DataFrame({"u": list("aaa"), "i": IDS[:3]})
    with pytest.raises(InputError, match="recommends no items: it scores the items of a request"):
        evaluate_export(rank_only, Interactions.from_pandas(frame, "u", "i"))

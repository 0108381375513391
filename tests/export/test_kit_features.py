"""export/client.py with two-stage exports, over both transports: it returns the answers of the SavedModel."""

import math

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

HISTORIES = [["1", "1196", "260"], ["50"]]
FEATURES = {"user": ["7", "8"], "age": [34, None], "device": ["tv", "phone"], "tastes": [["Drama", "War"], []]}


@pytest.fixture(params=["rest", "grpc"])
def ranked(request, client_module, two_stages_rest, two_stages_grpc):
    """A client of each kind."""
    address = {"rest": two_stages_rest, "grpc": two_stages_grpc}[request.param]
    return client_module.Client("ranked", **{request.param: address}, timeout=20)


@pytest.fixture(scope="module")
def saved(two_stages):
    """`saved(signature, **texts)` in Python's TensorFlow, for both histories."""
    import tensorflow as tf

    signatures = tf.saved_model.load(str(two_stages)).signatures

    def ask(key, **more):
        return signatures[key](
            history=tf.constant([["1", "1196", "260"], ["50", "", ""]]),
            history_labels=tf.constant(more.pop("history_labels", [[math.nan] * 3] * 2)),
            user=tf.constant(["7", "8"]),
            age=tf.constant([34, math.nan], tf.float32),
            device=tf.constant(["tv", "phone"]),
            tastes=tf.constant([["Drama", "War"], ["", ""]]),
            **{name: tf.constant(rows) for name, rows in more.items()},
        )

    return ask


def check(found, wanted):
    for row, ids, scores in zip(found, wanted["item_ids"].numpy(), wanted["scores"].numpy(), strict=True):
        assert [item for item, _ in row] == [item.decode() for item in ids if item]
        np.testing.assert_allclose([score for _, score in row], scores[: len(row)], atol=1e-6)


def test_signatures_are_read_from_the_server(ranked):
    found = ranked.signatures()
    assert {"serving_default", "recommend_by_history", "recommend_filtered", "rank"} <= found.keys()
    assert found["rank"]["age"] == ("float32", (-1,)) and found["rank"]["tastes"] == ("string", (-1, -1))


def test_recommend_with_features(ranked, saved):
    check(ranked.recommend(HISTORIES, features=FEATURES), saved("serving_default"))
    other = ranked.recommend(HISTORIES, features={**FEATURES, "device": ["phone"]})  # one for all
    assert other[1] == ranked.recommend(HISTORIES, features=FEATURES)[1] and other[0] != other[1]


def test_filters_with_features(ranked, saved):
    found = ranked.recommend(HISTORIES, exclude=[["318"]], features=FEATURES)
    check(found, saved("recommend_filtered", exclude=[["318"]] * 2, allow=[[""]] * 2))
    assert not any(item == "318" for row in found for item, _ in row)


def test_rank(ranked, saved):
    items = [["318", "no such id", "593"]]
    found = ranked.rank(HISTORIES, items, FEATURES)
    np.testing.assert_allclose(found, saved("rank", item_ids=items * 2)["scores"].numpy(), atol=1e-6)


def test_items_with_low_labels_are_no_events_but_are_still_excluded(ranked, saved):
    told = {**FEATURES, "history_labels": [[1, 0, 1], [None]]}
    found = ranked.recommend(HISTORIES, features=told)
    check(found, saved("serving_default", history_labels=[[1.0, 0.0, 1.0], [math.nan] * 3]))
    assert "1196" not in [item for item, _ in found[0]]
    items = [["318", "593"]]
    clicked = ranked.rank([["1", "260"], ["50"]], items, FEATURES)
    np.testing.assert_allclose(ranked.rank(HISTORIES, items, told), clicked, atol=1e-6)


def test_labels_are_cut_and_padded_like_the_history(client_module, monkeypatch):
    client, lists, asked = client_module.Client("m", rest="http://x", widths={"history": 3}), (-1, -1), {}
    inputs = {name: client_module.Input("string", lists) for name in ("history", "item_ids")}
    inputs["history_labels"] = client_module.Input("float32", lists)
    inputs["timestamps"] = client_module.Input("int64", lists)
    inputs["portrait"] = client_module.Input("float32", (-1, 2))
    monkeypatch.setattr(client, "_signatures", {"rank": inputs})
    monkeypatch.setattr(client._server, "predict", lambda _, given, __: asked.update(given) or {"scores": [[0.5]] * 3})
    histories, labels = [["1", "2", "3", "4"], ["5"], ["6"]], [[1, 2, 3, 4], [5], [None]]
    client.rank(histories, [["9"]], {"history_labels": labels})
    assert asked["history"] == [["2", "3", "4"], ["5", "", ""], ["6", "", ""]]
    np.testing.assert_array_equal(asked["history_labels"], [[2, 3, 4], [5, math.nan, math.nan], [math.nan] * 3])
    assert asked["timestamps"] == [[0] * 3] * 3
    np.testing.assert_array_equal(asked["portrait"], [[math.nan] * 2] * 3)
    with pytest.raises(
        client_module.BadRequest, match="history_labels must have one number for each item of the histories"
    ):
        client.rank(histories, [["9"]], {"history_labels": [[1, 2]] * 3})
    with pytest.raises(client_module.BadRequest, match="portrait needs 2 numbers per row, got 3"):
        client.rank(histories, [["9"]], {"portrait": [[1, 2, 3]]})


def test_omitted_features_are_missing_values(ranked):
    assert ranked.recommend(HISTORIES, features={}) == ranked.recommend(
        HISTORIES, features={name: [None] for name in FEATURES}
    )
    assert len(ranked.rank(HISTORIES, [["318"]])) == 2 and ranked.recommend([], features={}) == []


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"size": [3]}, "'size' is not a feature of rank, whose features are"),
        ({"age": ["old"] * 2}, "age must be a number, got 'old'"),
        ({"age": [1, 2, 3]}, "age needs a list with one value for each of 2 rows"),
        ({"tastes": ["Drama", "War"]}, "tastes needs one list per row, got 'Drama'"),
        ({"device": "tv"}, "device needs a list with one value for each of 2 rows"),
        ({"device": [True]}, "device must be texts or integers, got True"),
    ],
)
def test_invalid_features_raise_an_error_before_the_request(ranked, client_module, features, message):
    with pytest.raises(client_module.BadRequest, match=message):
        ranked.rank(HISTORIES, [["318"]], features)


def test_arguments_that_the_model_does_not_take_raise_an_error(client, ranked, client_module):
    with pytest.raises(client_module.BadRequest, match="no ranking model"):
        client.rank([["1"]], [["318"]])
    with pytest.raises(client_module.BadRequest, match="needs item_ids"):
        ranked.rank(HISTORIES)


def test_the_command(client_module, two_stages_rest, ranked, capsys):
    asked = ["--rest", two_stages_rest, "--model", "ranked", "--history", "1", "1196", "--timeout", "20"]
    known = ["--features", "age=34", "device=tv", "tastes=Drama|War"]
    assert client_module.main([*asked, *known]) == 0
    lines = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    features = {"age": [34], "device": ["tv"], "tastes": [["Drama", "War"]]}
    assert lines == [item for item, _ in ranked.recommend([["1", "1196"]], features=features)[0]]
    assert client_module.main([*asked, "--rank", "318", "593", *known]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == ["318", "593"]
    assert client_module.main([*asked, "--features", "age=old"]) == 2
    assert "age must be numbers" in capsys.readouterr().err

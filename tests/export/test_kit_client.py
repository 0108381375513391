"""export/client.py returns the answers of the SavedModel over both transports, and explains failures."""

import math
from pathlib import Path

import numpy as np
import pytest
from kit import IDS

pytestmark = pytest.mark.tensorflow

HISTORIES = [
    ["1", "1196"],
    [],
    ["Größe, 日本", "🎬", "no such id"],
    ["nul\x00byte", 'quo"te\\', "1", "260", "50", "318", "1"],
]


@pytest.fixture(scope="module")
def saved(exported):
    """`saved(signature, **inputs)`: the SavedModel's answer in TensorFlow for Python, without a server."""
    import tensorflow as tf

    signatures = tf.saved_model.load(str(exported)).signatures

    def ask(key, **inputs):
        found = signatures[key](**{name: tf.constant(rows, tf.string) for name, rows in inputs.items()})
        return {name: value.numpy() for name, value in found.items()}

    return ask


def padded(rows):
    width = max(1, *map(len, rows))
    return [[*row, *[""] * (width - len(row))] for row in rows]


def check_ranked(found, wanted):
    assert len(found) == len(wanted["item_ids"])
    for row, ids, scores in zip(found, wanted["item_ids"], wanted["scores"], strict=True):
        named = [(item.decode(), score) for item, score in zip(ids, scores.tolist(), strict=True) if item]
        assert [item for item, _ in row] == [item for item, _ in named]
        np.testing.assert_allclose([score for _, score in row], [score for _, score in named], atol=1e-6)


# === The answers are the model's ===


def test_recommend(client, saved):
    check_ranked(client.recommend(HISTORIES), saved("serving_default", history=padded(HISTORIES)))


def test_an_empty_history_gets_the_most_popular_items(client):
    (of_empty,), (of_unknown,) = client.recommend([[]]), client.recommend([["no such id"]])
    assert len(of_empty) == 4 and of_empty == of_unknown


def test_integers_are_converted_to_ids(client):
    assert client.recommend([[1, 1196]]) == client.recommend([["1", "1196"]]) == client.recommend([np.array([1, 1196])])


def test_filters(client, saved):
    exclude, allow = [["260"], [], ["🎬"], ["1210"]], [["260", "50", "2858", "593"], ["1"], [], ["no such id"]]
    found = client.recommend(HISTORIES, exclude=exclude, allow=allow)
    wanted = {"history": padded(HISTORIES), "exclude": padded(exclude), "allow": padded(allow)}
    check_ranked(found, saved("recommend_filtered", **wanted))
    assert {item for item, _ in found[0]} == {"50", "2858", "593"}
    assert [item for item, _ in found[1]] == ["1"]
    assert len(found[2]) == 4  # an empty list allows all items
    assert found[3] == []  # a list with only unknown ids allows nothing


def test_a_filter_with_one_row_applies_to_all_and_omitted_filters_change_nothing(client):
    for name in ("exclude", "allow"):
        ids = ["260", "1210", "50", "593"]
        assert client.recommend(HISTORIES, **{name: [ids]}) == client.recommend(HISTORIES, **{name: [ids] * 4})
        plain = client.recommend(HISTORIES)
        for found, row in zip(client.recommend(HISTORIES, **{name: [[]]}), plain, strict=True):
            assert [item for item, _ in found] == [item for item, _ in row]
            np.testing.assert_allclose([one for _, one in found], [one for _, one in row], atol=1e-6)


def test_score(client, saved):
    ids = [["50", "no such id", "🎬"], ["1"], [], ["260", "260"]]
    found = client.score(HISTORIES, ids)
    wanted = saved("score", history=padded(HISTORIES), item_ids=padded(ids))["scores"]
    assert [len(row) for row in found] == [3, 1, 0, 2]
    for row, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(row, expected[: len(row)], atol=1e-6)
    assert found[0][1] == -math.inf  # "-Infinity" on the way, over REST


def test_vectors(client, saved):
    np.testing.assert_allclose(
        client.embed_users(HISTORIES), saved("embed_users", history=padded(HISTORIES))["vectors"], atol=1e-6
    )
    items = ["1", "no such id", "🎬"]
    found = client.embed_items(items)
    np.testing.assert_allclose(found, saved("embed_items", item_ids=items)["vectors"], atol=1e-6)
    assert not any(found[1])


def test_similar_items(client, saved):
    items = ["1", "no such id", "Größe, 日本"]
    found = client.similar_items(items)
    check_ranked(found, saved("similar_items", item_ids=items))
    assert found[1] == [] and "1" not in dict(found[0])


def test_a_request_without_rows_is_not_sent(client, served):
    before = len(served.requests)
    assert client.recommend([]) == client.score([], [[]]) == client.similar_items([]) == client.embed_users([]) == []
    assert len(served.requests) == before


def test_answers_are_plain_python_objects(client):
    ((item, score), *_), *_ = client.recommend([["1"]])
    assert type(item) is str and type(score) is float
    assert type(client.embed_items(["1"])[0][0]) is float


def test_status(client, client_module, rest):
    assert client.status() == [{"version": 1, "state": "AVAILABLE", "message": ""}]
    assert [one["version"] for one in client_module.Client("films", rest=rest).status()] == [1, 2]


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_a_version_or_label_selects_the_version(kind, client_module, served, rest, grpc_target):
    address = {kind: {"rest": rest, "grpc": grpc_target}[kind]}
    for named, version in (({}, 2), ({"version": 1}, 1), ({"label": "canary"}, 2), ({"label": "stable"}, 1)):
        client_module.Client("films", **address, **named, timeout=20).recommend([["1"]])
        assert served.version_of(served.requests[-1].model_spec) == version


# === Time stamps ===


@pytest.fixture(scope="module")
def echo(tmp_path_factory):
    """A server that returns the request, with the signature of a model that reads timestamps."""
    import tensorflow as tf
    from grpc_double import grpc_server
    from rest_double import rest_server
    from served_model import ServedModel

    texts, numbers = (
        tf.TensorSpec((None, None), tf.string, "history"),
        tf.TensorSpec((None, None), tf.int64, "timestamps"),
    )
    module = tf.Module()
    module.echo = tf.function(
        lambda history, timestamps: {
            "item_ids": tf.strings.join([history, tf.strings.as_string(timestamps)], "@"),
            "scores": tf.cast(timestamps, tf.float32),
        },
        [texts, numbers],
    )
    folder = tmp_path_factory.mktemp("echo") / "1"
    tf.saved_model.save(module, str(folder), {"serving_default": module.echo})
    model = ServedModel("echo", {1: folder}, {})
    with rest_server(model) as rest, grpc_server(model) as target:
        yield {"rest": rest, "grpc": target}


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_timestamps_are_padded_and_cut_with_their_items(kind, client_module, echo):
    def asked(widths, *rest):
        client = client_module.Client("echo", **{kind: echo[kind]}, widths=widths, timeout=20)
        return ids_of(client.recommend(*rest, timestamps=[[2**60 + 1, 7, np.int64(-1)], [], [5]]))

    histories = [["a", "b", "c"], [], [260]]
    first = f"a@{2**60 + 1}"  # which a float64 does not hold
    assert asked(None, histories) == [[first, "b@7", "c@-1"], ["@0"] * 3, ["260@5", "@0", "@0"]]
    assert asked({"history": 2}, histories) == [["b@7", "c@-1"], ["@0"] * 2, ["260@5", "@0"]]


def test_missing_timestamps_raise_an_error(client_module, echo):
    for kind, address in echo.items():
        with pytest.raises(client_module.BadRequest, match="timestamps"):
            client_module.Client("echo", **{kind: address}, timeout=20).recommend([["1"]])


# === A server that batches ===


@pytest.fixture(scope="module")
def batching(exported):
    """A server on which all requests of a signature fall into one batch."""
    from grpc_double import grpc_server
    from rest_double import rest_server
    from served_model import ServedModel

    model = ServedModel("films", {1: exported}, {}, batching=True)
    with rest_server(model) as rest, grpc_server(model) as target:
        yield {"rest": rest, "grpc": target}


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_requests_with_fixed_widths_can_be_batched(kind, client_module, batching, rest):
    widths = {"history": 9, "exclude": 4, "allow": 5, "item_ids": 3}
    client = client_module.Client("films", **{kind: batching[kind]}, widths=widths, timeout=20)
    plain = client_module.Client("films", rest=rest, timeout=20)
    for rows in (HISTORIES, [["1"]], [["1"] * 9], [[], ["260"]]):
        assert ids_of(client.recommend(rows)) == ids_of(plain.recommend(rows))
        for filters in ({"exclude": [["50"]]}, {"allow": [["50", "593"]]}):
            assert ids_of(client.recommend(rows, **filters)) == ids_of(plain.recommend(rows, **filters))
        np.testing.assert_allclose(client.score(rows, [["50"]]), plain.score(rows, [["50"]]), atol=1e-5)


def ids_of(rows):
    return [[item for item, _ in row] for row in rows]


def test_the_error_for_different_widths_is_that_of_the_server(client_module, batching):
    client = client_module.Client("films", rest=batching["rest"], widths={"history": 9}, timeout=20)
    client.embed_users([["1"]])
    with pytest.raises(client_module.BadRequest, match="different shapes and padding is turned off"):
        client_module.Client("films", rest=batching["rest"], timeout=20).embed_users([["1"]])


def test_a_longer_history_is_cut_to_its_newest_and_other_lists_must_fit(client_module, rest):
    client = client_module.Client("films", rest=rest, widths={"history": 2, "exclude": 1}, timeout=20)
    long = ["50", "318", "1", "1196"]
    assert client.embed_users([long]) == client.embed_users([["1", "1196"]])
    with pytest.raises(client_module.BadRequest, match="exclude has a list of length 2, but widths sets 1"):
        client.recommend([long], exclude=[["50", "318"]])


def test_ids_of_the_readme_are_ids_of_the_model(exported):
    vocabulary = Path(exported / "assets" / "item.txt").read_text("utf-8").split("\n")
    assert set(IDS) <= set(vocabulary)

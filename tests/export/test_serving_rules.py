"""The rules of the server that export/README.md describes, each shown on an export."""

import json
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def post(rest):
    """`post(body)` -> (code, answer)."""

    def ask(body, path="/v1/models/films:predict"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(rest + path, json.dumps(body).encode(), timeout=20) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())["error"]

    return ask


@pytest.fixture
def predict(grpc_target):
    """`predict(signature, **inputs)` -> outputs, over gRPC, without our client."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    channel = grpc.insecure_channel(grpc_target)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def ask(signature, **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "films", signature
        for name, rows in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(rows, tf.string))
        return {name: tf.make_ndarray(one).tolist() for name, one in stub.Predict(request, timeout=20).outputs.items()}

    yield ask
    channel.close()


# === gRPC ===


def test_filters_are_optional_over_grpc(predict):
    history = [["1", "1196"], ["260", ""]]
    plain = predict("serving_default", history=history)
    assert predict("recommend", history=history) == plain
    assert predict("recommend_filtered", history=history) == plain
    excluded = predict("recommend_filtered", history=history, exclude=[["50"]])
    everything = predict("recommend_filtered", history=history, exclude=[["50"], ["50"]], allow=[[""]])
    assert excluded == everything and all(b"50" not in row for row in excluded["item_ids"])


def test_a_server_with_batching_rejects_defaults_if_there_are_two_rows(exported):
    """Omitted inputs have one row, but with batching all inputs need the same number of rows."""
    import tensorflow as tf
    from served_model import Refused, ServedModel
    from tensorflow_serving.apis import predict_pb2

    served = ServedModel("films", {1: exported}, {}, batching=True)

    def ask(history):
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = "films", "recommend_filtered"
        request.inputs["history"].CopyFrom(tf.make_tensor_proto(history, tf.string))
        return served.predict(request)

    assert ask([["1"]]).outputs
    with pytest.raises(Refused, match="equal 0th-dimension size"):
        ask([["1"], ["260"]])


def test_grpc_rejects_inputs_that_the_signature_lacks(predict):
    import grpc

    with pytest.raises(grpc.RpcError, match="invalid name: allow"):
        predict("serving_default", history=[["1"]], allow=[["1"]])


# === REST ===


def test_both_forms_of_a_request_give_the_same_answer(post):
    code, columns = post({"inputs": {"history": [["1", "1196"], ["260", ""]]}})
    assert code == 200 and columns["outputs"].keys() == {"item_ids", "scores"}
    code, rows = post({"instances": [{"history": ["1", "1196"]}, {"history": ["260", ""]}]})
    assert code == 200
    assert [row["item_ids"] for row in rows["predictions"]] == columns["outputs"]["item_ids"]
    assert post({"instances": [["1", "1196"], ["260", ""]]}) == (200, rows)  # the one input needs no name


def test_unknown_names_are_ignored_in_the_columnar_form(post):
    """A trap: these filters are ignored."""
    lean = post({"inputs": {"history": [["1"]]}})
    assert post({"inputs": {"history": [["1"]], "allow": [["50"]], "exclude": [["1"]]}}) == lean


def test_one_output_comes_without_its_name(post):
    code, answer = post({"signature_name": "embed_items", "inputs": {"item_ids": ["1"]}})
    assert code == 200 and len(answer["outputs"]) == 1 and len(answer["outputs"][0]) == 8


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"signature_name": "recommend_filtered", "inputs": {"history": [["1"]]}}, "Missing named input: "),
        (
            {"signature_name": "recommend_filtered", "instances": [{"history": ["1"]}]},
            "must only have keys: allow,exclude,history",
        ),
        ({"instances": [{"history": ["1"], "allow": ["1"]}]}, "does not have named input: allow"),
        ({"inputs": {"history": [["1", "1196"], ["260"]]}}, "unexpected size: 1"),
        ({"instances": [{"history": ["1", "1196"]}, {"history": ["260"]}]}, r"Expecting shape \[2\] but got: \[1\]"),
        ({"inputs": {"history": [[1]]}}, "Type: Number is not of expected type: string"),
        ({"inputs": {"history": [["1"]]}, "instances": [["1"]]}, "only one of"),
        ({"history": [["1"]]}, "Missing 'inputs' or 'instances' key"),
        ({"instances": []}, "list with values"),
        ({"signature_name": "no such", "inputs": {"history": [["1"]]}}, "not found in signature def"),
        ({"inputs": {"history": ["1", "1196"]}}, "shape|rank|Shape"),
        (
            {"signature_name": "score", "inputs": {"history": [["1"]] * 3, "item_ids": [["1"]] * 2}},
            "item_ids must have as many rows as",
        ),
    ],
)
def test_rest_rejects_invalid_requests(post, body, message):
    import re

    code, error = post(body)
    assert code == 400 and re.search(message, error), error


def test_empty_filters_over_rest_change_nothing(post):
    history = {"history": [["1", "1196"], ["260", ""]]}
    lean = post({"inputs": history})[1]["outputs"]
    for filters in ({"exclude": [[]], "allow": [[]]}, {"exclude": [[""]], "allow": [["", ""], ["", ""]]}):
        full = post({"signature_name": "recommend_filtered", "inputs": {**history, **filters}})
        assert full == (200, {"outputs": lean})


def test_short_lists_are_filled_with_empty_ids_and_minus_infinity(rest):
    body = {
        "signature_name": "recommend_filtered",
        "inputs": {"history": [["1"]], "exclude": [[""]], "allow": [["50"]]},
    }
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{rest}/v1/models/films:predict", json.dumps(body).encode(), timeout=20) as response:
        text = response.read().decode()
    assert '"-Infinity"' not in text and text.count("-Infinity") == 3
    found = json.loads(text)["outputs"]
    assert found["item_ids"] == [["50", "", "", ""]] and found["scores"][0][1:] == [float("-inf")] * 3

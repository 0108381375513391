"""Failures of export/client.py: the message of the server or of the client gives the reason."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

pytestmark = pytest.mark.tensorflow


def test_an_unreachable_server_is_reported(client_module):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # a free port without a server
        port = taken.getsockname()[1]
        with pytest.raises(client_module.NotReachable, match=r"No REST server answers at .*running.*8501"):
            client_module.Client("films", rest=f"http://127.0.0.1:{port}").recommend([["1"]])
        with pytest.raises(client_module.NotReachable, match=r"UNAVAILABLE.*gRPC 8500"):
            client_module.Client("films", grpc=f"127.0.0.1:{port}", timeout=20).recommend([["1"]])


def test_rest_at_the_grpc_port_is_reported(client_module, grpc_target):
    with pytest.raises(client_module.ServingError, match=r"8501|JSON"):
        client_module.Client("films", rest=f"http://{grpc_target}", timeout=5).recommend([["1"]])


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_unknown_models_versions_and_labels_raise_an_error(kind, client_module, rest, grpc_target):
    address = {kind: {"rest": rest, "grpc": grpc_target}[kind]}
    for model, named in (("filme", {}), ("films", {"version": 7}), ("a/b:c", {})):
        client = client_module.Client(model, **address, **named, timeout=20)
        with pytest.raises(client_module.NotServed, match=r"Servable not found.*models\.config"):
            client.recommend([["1"]])
    with pytest.raises(client_module.NotServed, match="Could not find any versions of model filme"):
        client_module.Client("filme", **address, timeout=20).status()
    with pytest.raises(client_module.BadRequest, match="Unrecognized servable version label: beta"):
        client_module.Client("films", **address, label="beta", timeout=20).recommend([["1"]])


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_too_slow_an_answer_times_out(kind, client_module, served, rest, grpc_target, monkeypatch):
    client = client_module.Client("films", **{kind: {"rest": rest, "grpc": grpc_target}[kind]}, timeout=0.3)
    monkeypatch.setattr(served, "delay", 1.0)
    began = time.monotonic()
    with pytest.raises(client_module.TimedOut, match=r"did not answer in 0\.3 s"):
        client.recommend([["1"]])
    assert time.monotonic() - began < 1.0


def test_timestamps_for_a_model_that_reads_none_raise_an_error(client, client_module):
    with pytest.raises(client_module.BadRequest, match=r"timestamps|invalid name"):
        client.recommend([["1", "260"]], timestamps=[[978300019, 978301968]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.recommend(["1", "2"]), "histories needs lists of ids, got '1'"),
        (lambda client: client.recommend(5), "histories must be a list of lists of ids, got 5"),
        (lambda client: client.recommend("12"), "histories must be a list of lists of ids, got the text '12'"),
        (lambda client: client.recommend([[1.5]]), r"texts or integers, got 1\.5"),
        (lambda client: client.recommend([[True]]), "texts or integers, got True"),
        (lambda client: client.recommend([["\ud800"]]), "texts or integers"),
        (
            lambda client: client.recommend([["1"]] * 3, exclude=[["1"]] * 2),
            "exclude needs one list for each of the 3.*got 2",
        ),
        (lambda client: client.score([["1"]] * 3, [["1"]] * 2), "item_ids needs one list for each of the 3"),
        (lambda client: client.recommend([["1"]], timestamps=[[1, 2]]), "one number for each item of the histories"),
        (lambda client: client.recommend([["1"]], timestamps=[["now"]]), "whole seconds since 1970, got 'now'"),
        (lambda client: client.recommend([["1"]], timestamps=[[2**70]]), "whole seconds"),
        (lambda client: client.similar_items("1"), "item_ids needs lists of ids"),
    ],
)
def test_invalid_requests_are_not_sent(call, message, client_module, rest, served):
    before = len(served.requests)
    with pytest.raises(client_module.BadRequest, match=message):
        call(client_module.Client("films", rest=rest))
    assert len(served.requests) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "Give either rest"),
        ({"rest": "http://localhost:1", "grpc": "localhost:1"}, "Give either rest"),
        ({"rest": "localhost:8501"}, "rest must be an address such as"),
        ({"rest": "http://localhost:1", "version": 1, "label": "stable"}, "a version or a label"),
        ({"rest": "http://localhost:1", "label": ""}, "label is empty"),
        *(
            ({"rest": "http://localhost:1", "timeout": wrong}, "timeout must be a number")
            for wrong in (0, -1, "x", True)
        ),
        ({"grpc": "localhost:1", "widths": {"history": 0}}, "widths must map names of inputs to whole numbers"),
    ],
)
def test_invalid_arguments_of_the_constructor_raise_an_error(arguments, message, client_module):
    with pytest.raises(client_module.BadRequest, match=message):
        client_module.Client("films", **arguments)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Welcome!</html>", "did not answer in JSON"),
        (b"{}", "cannot be read, {}"),
        (b"[]", r"cannot be read, \[\]"),
        (b'{"error": "no"}', "cannot be read"),
        (b'{"predictions": []}', "0 answers to 1 rows"),
        (b'{"predictions": [{"item_ids": []}]}', "KeyError.*scores"),
    ],
)
def test_an_answer_of_another_server_raises_an_error(body, message, client_module):
    """Another server uses the port."""

    class Somebody(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *rest):
            pass

    with HTTPServer(("127.0.0.1", 0), Somebody) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(client_module.ServingError, match=f"{message}.*Check that this is TensorFlow Serving"):
            client_module.Client("films", rest=f"http://127.0.0.1:{server.server_port}").recommend([["1"]])

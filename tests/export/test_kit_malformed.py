"""export/client.py with invalid servers: every failure is a `ServingError`, raised within the timeout."""

import json
import socket
import threading
import time
from contextlib import contextmanager

import pytest

pytestmark = pytest.mark.tensorflow

RANKED = {"item_ids": ["a", "b"], "scores": [2.0, 1.0]}
DEEP = b"[" * 100_000


@contextmanager
def server(*pieces, pause=0.0, reset=False):
    """A server that reads one request per connection and sends these bytes; returns its address."""
    listening, stop = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def answer():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                try:
                    read_request(connection)
                    for piece in pieces:
                        connection.sendall(piece)
                        if stop.wait(pause):
                            return
                    if reset:  # linger 0: close() sends RST
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                except OSError:
                    pass

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        listening.close()


def read_request(connection):
    """All of it: what is closed before it was read is reset, and the client may never see the answer."""
    with connection.makefile("rb") as request:
        size = 0
        while (line := request.readline()).strip():
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        request.read(size)


def http(body, head=b"", status=b"200 OK", length=None):
    size = len(body) if length is None else length
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, size, head, body)


def predictions(*rows):
    return http(json.dumps({"predictions": rows}).encode())


# Name -> what the server sends, and a part of the error message.
ANSWERS = {
    "nothing": (b"", "No REST server answers"),
    "no HTTP": (b"220 mail.example.org ESMTP\r\n", "No REST server answers"),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", "answered 204"),
    "an empty body": (http(b""), "did not answer in JSON"),
    "half a body": (http(b'{"predictions"', length=900), "sent an incomplete answer"),
    "half a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{", "sent an incomplete answer"),
    "no chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzebra\r\n", "sent an incomplete answer"),
    "a huge header": (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "No REST server answers"),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 500 + b"\r\n", "No REST server answers"),
    "a status that is not a number": (b"HTTP/1.1 fine\r\n\r\n", "No REST server answers"),
    "gzip": (http(b"\x1f\x8b\x08", b"Content-Encoding: gzip\r\n"), r"compressed answer \(gzip\)"),
    "a redirect": (http(b"", b"Location: http://other/\r\n", b"302 Found"), "a redirect to http://other/"),
    "a redirect of a POST": (http(b"", b"Location: /there\r\n", b"307 Temporary Redirect"), "a redirect to /there"),
    "UTF-16": (http('{"predictions": []}'.encode("utf-16")), "did not answer in JSON"),
    "Latin-1": (http(b'{"predictions": "\xfc"}'), "did not answer in JSON"),
    "deep JSON": (http(DEEP), r"did not answer in JSON \(it is nested too deeply\)"),
    "deep JSON in an error": (http(DEEP, status=b"500 Oh"), "answered 500"),
    "an error without a body": (http(b"", status=b"500 Oh"), "answered 500: nothing"),
    "a number of many digits": (http(b'{"predictions": [' + b"9" * 5000 + b"]}"), "did not answer in JSON"),
    "a text": (http(b'"predictions"'), "cannot be read"),
    "null": (http(b"null"), "cannot be read"),
    "rows that are no lists": (http(b'{"predictions": 3}'), "cannot be read"),
    "a row that is a number": (predictions(3), "cannot be read"),
    "no scores": (predictions({"item_ids": ["a"]}), "cannot be read"),
    "NaN": (predictions({**RANKED, "scores": [float("nan"), 1.0]}), "scores contains nan"),
    "infinity": (predictions({**RANKED, "scores": [float("inf"), 1.0]}), "scores contains inf"),
    "a number beyond floats": (http(b'{"predictions": [{"item_ids": ["a"], "scores": [%s]}]}' % (b"9" * 400)), "large"),
    "scores that are texts": (predictions({**RANKED, "scores": ["2", "1"]}), "'2', which is not a number"),
    "scores that are true": (predictions({**RANKED, "scores": [True, False]}), "True, which is not a number"),
    "scores that are null": (predictions({**RANKED, "scores": None}), "None, which is not a number"),
    "fewer scores than ids": (predictions({**RANKED, "scores": [2.0]}), "1 scores for 2 ids"),
    "ids that are numbers": (predictions({**RANKED, "item_ids": [1, 2]}), "1 is not an id"),
    "ids that are not valid texts": (predictions({**RANKED, "item_ids": ["\ud800", "b"]}), "is not an id"),
    "one list of ids": (predictions({**RANKED, "item_ids": "ab"}), "not a list"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_a_malformed_answer_is_a_serving_error(case, client_module):
    sent, message = ANSWERS[case]
    with server(sent) as address, pytest.raises(client_module.ServingError, match=message) as caught:
        client_module.Client("films", rest=address).recommend([["1"]])
    assert len(str(caught.value)) < 700 and "\n" not in str(caught.value)


def test_a_reset_connection_is_a_serving_error(client_module):
    with server(http(b"{", length=99), reset=True) as address, pytest.raises(client_module.ServingError):
        client_module.Client("films", rest=address).recommend([["1"]])


SLOW = {
    "a body a byte at a time": [http(b"", length=500), *([b" "] * 500)],
    "headers a byte at a time": [b"HTTP/1.1 200 OK\r\n", *([b"X"] * 500)],
    "chunks without an end": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *([b"1\r\n \r\n"] * 500)],
    "a status that goes on": [b"HTTP/1.1 100 Continue\r\n\r\n"] * 500,
    "an error a byte at a time": [http(b"", status=b"500 Oh", length=500), *([b" "] * 500)],
}


@pytest.mark.parametrize("case", SLOW)
def test_the_timeout_covers_the_whole_call(case, client_module):
    with server(*SLOW[case], pause=0.05) as address:
        client, began = client_module.Client("films", rest=address, timeout=0.3), time.monotonic()
        with pytest.raises(client_module.TimedOut, match=r"did not answer in 0\.3 s"):
            client.recommend([["1"]])
    assert 0.25 < time.monotonic() - began < 1.5


def test_a_server_that_does_not_read_the_request_times_out(client_module):
    """The request is longer than the buffers of the operating system for a server that does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        client, began = client_module.Client("films", rest=address, timeout=0.3), time.monotonic()
        with pytest.raises(client_module.TimedOut):
            client.recommend([["x" * 1000] * 20_000])
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("length", [b"Content-Length: 2000\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_too_large_an_answer_raises_an_error(length, client_module):
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (2000, b"x" * 2000) if b"chunked" in length else b"x" * 2000
    with server(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n" + body) as address:
        client = client_module.Client("films", rest=address, max_bytes=1999)
        with pytest.raises(client_module.ServingError, match=r"more than 1,999 bytes.*max_bytes"):
            client.recommend([["1"]])


def test_too_large_an_answer_over_grpc_raises_an_error(client_module, grpc_target):
    client = client_module.Client("films", grpc=grpc_target, timeout=20, max_bytes=40)
    with pytest.raises(client_module.ServingError, match=r"more than 40 bytes.*max_bytes"):
        client.recommend([["1"]])
    assert client_module.Client("films", grpc=grpc_target, timeout=20, max_bytes=4000).recommend([["1"]])


def test_answers_in_chunks_and_with_whole_numbers_are_read(client_module):
    body = b'{"predictions": [{"item_ids": ["a", ""], "scores": [2, -Infinity]}]}'
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with server(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n") as address:
        found = client_module.Client("films", rest=f"{address}/").recommend([["1"]])
    assert found == [[("a", 2.0)]] and type(found[0][0][1]) is float


@pytest.mark.parametrize(
    ("method", "body", "message"),
    [
        ("status", b"{}", "cannot be read"),
        ("status", b'{"model_version_status": [{"version": "one", "state": "AVAILABLE"}]}', "cannot be read"),
        ("status", b'{"model_version_status": [{"version": "1", "state": 3}]}', "cannot be read"),
        ("signatures", b'{"metadata": {"signature_def": {"signature_def": []}}}', "cannot be read"),
        ("signatures", b'{"metadata": {"signature_def": {"signature_def": {"rank": {}}}}}', "cannot be read"),
    ],
)
def test_malformed_metadata_raises_an_error(method, body, message, client_module):
    with server(http(body)) as address, pytest.raises(client_module.ServingError, match=message):
        getattr(client_module.Client("films", rest=address), method)()


@pytest.mark.parametrize(
    ("method", "row", "message"),
    [
        ("score", [1.0, 2.0], "2 scores for 1 ids"),
        ("embed_items", [float("nan")], "vectors contains nan"),
        ("embed_items", "vector", "not a number"),
        ("similar_items", {"item_ids": [], "scores": [1.0]}, "1 scores for 0 ids"),
    ],
)
def test_malformed_answers_of_other_signatures_raise_an_error(method, row, message, client_module):
    arguments = ([["1"]], [["2"]]) if method == "score" else (["1"],)
    with server(predictions(row)) as address, pytest.raises(client_module.ServingError, match=message):
        getattr(client_module.Client("films", rest=address), method)(*arguments)


def test_malformed_answers_over_grpc_raise_an_error(client_module, grpc_target, monkeypatch):
    client = client_module.Client("films", grpc=grpc_target, timeout=20)
    client.signatures()
    real = client._server._call

    def without_scores(method, request):
        answer = real(method, request)
        del answer.outputs["scores"]
        return answer

    def torn(method, request):
        answer = real(method, request)
        del answer.outputs["scores"].float_val[1:]
        answer.outputs["scores"].tensor_content = b"123"
        return answer

    for spoiled, message in ((without_scores, "lacks scores"), (torn, "cannot be read")):
        monkeypatch.setattr(client._server, "_call", spoiled)
        with pytest.raises(client_module.ServingError, match=message):
            client.recommend([["1"]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(
            ({"timeout": wrong}, "timeout must be a number")
            for wrong in (float("inf"), float("nan"), 10**400, "3", None, 1e9)
        ),
        *(({"model": wrong}, "model must be the name") for wrong in (None, "", 3, "\ud800")),
        *(({"version": wrong}, "version must be a whole number") for wrong in (-1, True, "1/../2", 1.5, 2**63)),
        *(({"label": wrong}, "label must be a version label") for wrong in (3, "\ud800")),
        *(({"max_bytes": wrong}, "max_bytes must be a whole number") for wrong in (0, True, "1", 2**31, 10**5000)),
        *(
            ({"widths": wrong}, "widths must map names of inputs to whole numbers")
            for wrong in ([1], {"history": True}, 3)
        ),
        *(
            ({"rest": wrong}, "rest must be an address")
            for wrong in (
                "http://[::1",
                "http://localhost:99999",
                "http://localhost:http",
                "http://localhost:0",
                "http://",
                "http:///v1",
                "http://a..b",
                "http://local host",
                "http://localhost\r\nX: y",
                "ftp://localhost",
                "file:///etc/passwd",
                "http://localhost:8501?model=x",
                "http://localhost:8501#x",
                "",
                b"http://localhost",
                5,
            )
        ),
        *(
            ({"rest": None, "grpc": wrong}, "grpc must be a host and a port")
            for wrong in ("", "localhost", "http://localhost:8500", "localhost:99999", "local host:1", "a:b@c:1", 8500)
        ),
    ],
)
def test_invalid_arguments_of_a_client_raise_an_error(arguments, message, client_module):
    with pytest.raises(client_module.BadRequest, match=message):
        client_module.Client(**{"model": "films", "rest": "http://localhost:1", **arguments})


def test_a_password_is_not_repeated(client_module):
    with pytest.raises(client_module.BadRequest, match="without user name and password") as caught:
        client_module.Client("films", rest="http://me:secret@localhost:8501")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.recommend([["1"]], timestamps=5), "timestamps must be a list of lists"),
        (lambda client: client.recommend([["1"]], timestamps=[5]), "timestamps must be a list of lists"),
        (lambda client: client.recommend([[10**5000]]), "texts or integers"),
        (lambda client: client.recommend([["1"]], features=[3]), "features must map names"),
        (lambda client: client.recommend([["1"]], features={"age": 3}), "age needs a list"),
        (lambda client: client.recommend([["1"]], features={"history_labels": [[10**400]]}), "too large for a float"),
        (lambda client: client.score([["1"]], None), "item_ids must be a list of lists"),
    ],
)
def test_invalid_requests_raise_an_error(call, message, client_module):
    with pytest.raises(client_module.BadRequest, match=message):
        call(client_module.Client("films", rest="http://127.0.0.1:1"))


def test_versions_and_names_are_quoted(client_module):
    asked = []
    with server(http(b"{}")) as address:
        client = client_module.Client("a/b ?#é", rest=f"{address}/proxy", version=7)
        client._server._call, client._server._read = (
            (lambda *rest: b"{}"),
            (lambda read, path, *rest: asked.append(path)),
        )
        client.signatures()
    assert asked == ["/proxy/v1/models/a%2Fb%20%3F%23%C3%A9/versions/7/metadata"]


def test_control_characters_do_not_reach_the_terminal(client_module, smoke_module, capsys):
    evil = "a\x1b[31m\x9b\u202e\nb"
    with server(predictions({"item_ids": [evil], "scores": [1.0]})) as address:
        assert client_module.main(["--rest", address, "--model", "m", "--history", "1"]) == 0
    with server(http(json.dumps({"error": evil}).encode(), status=b"400 No")) as address:
        assert client_module.main(["--rest", address, "--model", "m", "--history", "1"]) == 2
        assert smoke_module.main(["--rest", address, "--model", "m"]) == 1
    message = capsys.readouterr()
    for text in (message.out, message.err):
        assert "a\N{REPLACEMENT CHARACTER}[31m" in text and not {"\x1b", "\x9b", "\u202e"} & {*text}
    assert len(message.err.splitlines()) == 1


@pytest.mark.parametrize("case", ["deep JSON", "gzip", "null", "nothing", "NaN"])
def test_the_smoke_test_reports_a_malformed_answer_in_its_table(case, smoke_module, capsys):
    with server(ANSWERS[case][0]) as address:
        assert smoke_module.main(["--rest", address, "--model", "m"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_the_smoke_test_rejects_a_model_that_tfrec_did_not_export(smoke_module, client_module, monkeypatch):
    client = client_module.Client("ads", rest="http://nowhere")
    monkeypatch.setattr(client, "_signatures", {"classify": {}})
    with pytest.raises(smoke_module.Wrong, match="not a model that tfrec exported"):
        smoke_module.requests(client, timed=False)

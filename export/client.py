"""A client for a tfrec model on TensorFlow Serving. It is one file: copy it to where you need it.

    python client.py --rest http://localhost:8501 --model films --history 1 1196

REST needs only Python. gRPC needs `pip install 'tensorflow-serving-api>=2.20,<2.22'`, which installs TensorFlow.

    client = Client("films", grpc="localhost:8500", label="stable", timeout=0.5)
    client.recommend([[1, 1196], []])  # a list of (id, score) for each history, best first
    client.recommend([[1, 1196]], features={"age": [34], "device": ["tv"]})  # for a two-stage export
    client.recommend(users=["42", "7"])  # for a model that reads user ids
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import math
import numbers
import re
import socket
import ssl
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Id = str | int
Ranking = list[tuple[str, float]]
# The value of a feature for one row: a text, a number, a list of texts or numbers, or None if it is missing.
Value = str | float | Sequence[str] | Sequence[float] | None

# The outputs of a signature. REST omits the name of a single output.
_OUTPUTS = {
    "serving_default": ("item_ids", "scores"),
    "recommend_filtered": ("item_ids", "scores"),
    "recommend_by_features": ("item_ids", "scores"),
    "similar_items": ("item_ids", "scores"),
    "score": ("scores",),
    "rank": ("scores",),
    "embed_users": ("vectors",),
    "embed_items": ("vectors",),
}
_LONGEST_TIMEOUT = 86_400  # seconds: a day
_LARGEST_ANSWER = 2**31 - 1  # bytes: the limit of gRPC
_PREVIEW = 200  # characters of an unreadable answer that an error quotes
# Control characters, line separators, marks of the writing direction, and unpaired surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ServingError(Exception):
    """The server gave no valid answer."""


class NotReachable(ServingError):
    """No server answers at this address, or it is overloaded. The request may succeed later or on another server."""


class NotServed(ServingError):
    """The server does not have this model or version, or has not loaded it yet."""


class TimedOut(ServingError):
    """The server did not answer in time."""


class BadRequest(ServingError):
    """The request is invalid: it will fail again if it is repeated."""


class Client:
    """A model on a server.

    Args:
        model: its name in models.config.
        rest: address of the REST port, such as "http://localhost:8501".
        grpc: host and port of gRPC, such as "localhost:8500". Give one of the two.
        version: a version number. Without version and label, the highest loaded version answers, also if it is a
            canary.
        label: a version label, such as "stable".
        timeout: seconds for a whole call, from connecting to the last byte; at most a day. It does not include looking
            up the host name, for which the operating system has its own limit.
        widths: for servers with batching, to which all clients must send lists of the same width: input name -> width,
            such as {"history": 50, "exclude": 20}. Shorter lists are padded. A longer history is cut to its newest
            items, so older items may be recommended again; other lists must not be longer.
        max_bytes: longer answers raise an error (256 MiB).

    Raises:
        BadRequest: if one of these arguments, or an argument of a method, is invalid.
        ServingError: from every method, if the server gives no valid answer; see its subclasses above.
    """

    def __init__(
        self,
        model: str,
        rest: str | None = None,
        grpc: str | None = None,
        version: int | None = None,
        label: str | None = None,
        timeout: float = 5.0,
        widths: dict[str, int] | None = None,
        max_bytes: int = 2**28,
    ) -> None:
        if (rest is None) == (grpc is None):
            raise BadRequest("Give either rest, such as 'http://localhost:8501', or grpc, such as 'localhost:8500'.")
        if version is not None and label is not None:
            raise BadRequest(f"Give a version or a label, not both: got version {version} and label {label!r}.")
        if not _is_name(model):
            raise BadRequest(f"model must be the name of a model in models.config, got {model!r}.")
        if version is not None and not _is_whole(version, 0, 2**63 - 1):
            raise BadRequest(f"version must be a whole number of at least 0, got {version!r}.")
        if label == "":
            raise BadRequest("The label is empty: name a label of models.config, or omit it.")
        if label is not None and not _is_name(label):
            raise BadRequest(f"label must be a version label of models.config, such as 'stable', got {label!r}.")
        if not _is_number(timeout) or not 0 < timeout <= _LONGEST_TIMEOUT:
            raise BadRequest(
                f"timeout must be a number of seconds above 0 and at most {_LONGEST_TIMEOUT:,}, got {_brief(timeout)}."
            )
        if not _is_whole(max_bytes, 1, _LARGEST_ANSWER):
            raise BadRequest(
                f"max_bytes must be a whole number from 1 to {_LARGEST_ANSWER:,}, got {_brief(max_bytes)}."
            )
        if not isinstance(widths or {}, Mapping) or not all(_is_whole(one, 1) for one in (widths or {}).values()):
            raise BadRequest(f"widths must map names of inputs to whole numbers of at least 1, got {widths!r}.")
        number = None if version is None else int(version)
        if rest is not None:
            self._server = _Rest(rest, model, number, label, float(timeout), int(max_bytes))
        else:
            self._server = _Grpc(grpc, model, number, label, float(timeout), int(max_bytes))
        self._widths = widths or {}
        self._signatures: dict[str, dict[str, Input]] | None = None

    def status(self) -> list[dict[str, Any]]:
        """The versions that the server knows: [{"version": 1, "state": "AVAILABLE", "message": ""}]."""
        return sorted(self._server.status(), key=lambda one: one["version"])

    def signatures(self) -> dict[str, dict[str, Input]]:
        """The signatures of the model: name -> inputs. They are read from the server once per client."""
        if self._signatures is None:
            self._signatures = self._server.signatures()
        return self._signatures

    def recommend(
        self,
        histories: Sequence[Iterable[Id]] | None = None,
        exclude: Sequence[Iterable[Id]] | None = None,
        allow: Sequence[Iterable[Id]] | None = None,
        timestamps: Sequence[Iterable[int]] | None = None,
        features: dict[str, Sequence[Value]] | None = None,
        users: Sequence[Id] | None = None,
    ) -> list[Ranking]:
        """The best items for each history, best first; fewer than K if fewer are left.

        Args:
            histories: lists of ids, oldest first. An empty history gets the most popular items. With `users`, they may
                be omitted.
            exclude: ids that must not be recommended; one list per history, or one list for all.
            allow: the only ids that may be recommended; one list per history, or one list for all. An empty list allows
                all items; a list with only unknown ids allows none.
            timestamps: for models that read them: seconds since 1970, one for each item of the histories.
            features: for two-stage exports, and models that read features of users: input name -> a list with one value
                per history, or one value for all. None and omitted features are missing values; {} means that all are
                missing. If the model reads `history_labels`, they are a list for each history, with the label of each
                item or None if unknown.
            users: for models that read user ids: one id per history; "" means an unknown user. For unknown users, some
                models compute the recommendations from the history; others return the most popular items.
        """
        inputs = self._histories(histories, timestamps, features, users)
        if exclude is None and allow is None:
            signature = "serving_default" if features is None else self._with_feature_inputs()
            return self._ranked(signature, self._with_features(signature, inputs, features))
        # Send all inputs, with one row per history: REST and servers with batching require it.
        number = len(inputs["history"])
        for name, lists in (("exclude", exclude), ("allow", allow)):
            inputs[name] = self._rectangle(name, _per_row(name, [[]] if lists is None else lists, number))
        return self._ranked("recommend_filtered", self._with_features("recommend_filtered", inputs, features))

    def score(
        self,
        histories: Sequence[Iterable[Id]] | None,
        item_ids: Sequence[Iterable[Id]],
        timestamps: Sequence[Iterable[int]] | None = None,
        users: Sequence[Id] | None = None,
    ) -> list[list[float]]:
        """The scores of given ids, one list per history or one list for all; -inf for unknown ids."""
        inputs = self._histories(histories, timestamps, users=users)
        rows = _per_row("item_ids", item_ids, len(inputs["history"]))
        inputs["item_ids"] = self._rectangle("item_ids", rows)
        found = self._ask("score", inputs)["scores"]
        return _first(found, rows)

    def rank(
        self,
        histories: Sequence[Iterable[Id]] | None = None,
        item_ids: Sequence[Iterable[Id]] | None = None,
        features: dict[str, Sequence[Value]] | None = None,
    ) -> list[list[float]]:
        """The scores of the ranking model for given ids: click probabilities or ratings.

        Args:
            histories: lists of ids, oldest first, for a model that reads them.
            item_ids: one list per history, or one list for all. "" gets -inf; unknown ids are scored as unseen items.
                A model without item ids takes none, and returns a list with one number per row.
            features: as for `recommend`.
        """
        known = self.signatures().get("rank")
        if known is None:
            raise BadRequest("This export has no ranking model, so it has no signature 'rank': use score.")
        lists = {"histories": ("history", histories), "item_ids": ("item_ids", item_ids)}
        for argument, (name, rows) in lists.items():
            if (rows is None) == (name in known):
                raise BadRequest(f"This model {'needs' if rows is None else 'does not take'} {argument}.")
        inputs, rows = {} if histories is None else self._histories(histories, None, features), None
        if item_ids is not None:
            rows = _per_row("item_ids", item_ids, len(inputs["history"]) if inputs else None)
            inputs["item_ids"] = self._rectangle("item_ids", rows)
        found = self._ask("rank", self._with_features("rank", inputs, features or {}))["scores"]
        return [[score] for score in found] if rows is None else _first(found, rows)

    def similar_items(self, item_ids: Iterable[Id]) -> list[Ranking]:
        """The nearest items of each id by cosine, nearest first; an empty list for unknown ids."""
        return self._ranked("similar_items", {"item_ids": _ids("item_ids", item_ids)})

    def embed_users(
        self,
        histories: Sequence[Iterable[Id]] | None = None,
        timestamps: Sequence[Iterable[int]] | None = None,
        users: Sequence[Id] | None = None,
    ) -> list[list]:
        """The vector of each history, or a list of vectors if the model has several interests."""
        return self._ask("embed_users", self._histories(histories, timestamps, users=users))["vectors"]

    def embed_items(self, item_ids: Iterable[Id]) -> list[list[float]]:
        """The vector of each id; zeros for unknown ids."""
        return self._ask("embed_items", {"item_ids": _ids("item_ids", item_ids)})["vectors"]

    def _ranked(self, signature: str, inputs: dict[str, list]) -> list[Ranking]:
        found = self._ask(signature, inputs)
        rows = zip(found["item_ids"], found["scores"], strict=True)
        return [[(item, score) for item, score in zip(*row, strict=True) if item] for row in rows]

    def _ask(self, signature: str, inputs: dict[str, list]) -> dict[str, list]:
        names = _OUTPUTS[signature]
        number = len(next(iter(inputs.values())))
        if not number:
            return {name: [] for name in names}
        found = self._server.predict(signature, inputs, names)
        try:
            return _checked(found, number, inputs.get("item_ids") if signature in ("score", "rank") else None)
        except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ServingError(
                f"The answer to {signature} is invalid: {_reason(error)}. Check that this is TensorFlow Serving with a "
                "model that tfrec exported."
            ) from None

    def _histories(
        self,
        histories: Sequence[Iterable[Id]] | None,
        timestamps: Sequence[Iterable[int]] | None,
        features: dict[str, Sequence[Value]] | None = None,
        users: Sequence[Id] | None = None,
    ) -> dict[str, list]:
        """The users, the histories, cut and padded, and the values that belong to their items."""
        named = None if users is None else _ids("users", users)
        rows = [[] for _ in named] if histories is None and named is not None else _per_row("histories", histories)
        if named is not None and len(named) != len(rows):
            raise BadRequest(f"users must have one id for each of {len(rows)} histories, got {len(named)}.")
        width = self._widths.get("history")
        newest = slice(None) if width is None else slice(-width, None)
        inputs = {} if named is None else {"user_id": named}
        inputs["history"] = self._rectangle("history", [row[newest] for row in rows])
        _check_features(features)
        per_item = {"timestamps": (timestamps, _seconds, 0)}
        per_item["history_labels"] = ((features or {}).get("history_labels"), _label, math.nan)
        for name, (given, read, missing) in per_item.items():
            if given is None:
                continue
            lists = [() if row is None else row for row in given] if _is_list(given) else None
            if lists is None or not all(map(_is_list, lists)):
                raise BadRequest(f"{name} must be a list of lists of numbers, got {given!r}.")
            values = [[read(one) for one in row] for row in lists]
            if [len(row) for row in values] != [len(row) for row in rows]:
                raise BadRequest(f"{name} must have one number for each item of the histories.")
            inputs[name] = self._rectangle("history", [row[newest] for row in values], missing)
        return inputs

    def _with_feature_inputs(self) -> str:
        """The signature that recommends with features; exports of one stage have a separate one."""
        name = "recommend_by_features"
        return name if name in self.signatures() else "serving_default"

    def _with_features(
        self, signature: str, inputs: dict[str, list], features: dict[str, Sequence[Value]] | None
    ) -> dict[str, list]:
        """All inputs of the signature, which REST and servers with batching require."""
        if features is None:
            return inputs
        _check_features(features)
        known = self.signatures().get(signature)
        if known is None:
            raise BadRequest(f"This export has no signature '{signature}': it has {', '.join(self.signatures())}.")
        rest = {name: one for name, one in known.items() if name not in inputs}
        for name in features:
            if (name not in rest and name != "history_labels") or name not in known:
                raise BadRequest(
                    f"'{name}' is not a feature of {signature}, whose features are: {', '.join(rest) or 'none'}."
                )
        number = max([len(rows) for rows in (inputs or features).values()], default=0)
        for name, one in rest.items():
            if name in ("history_labels", "timestamps"):
                inputs[name] = [[one.missing] * len(history) for history in inputs["history"]]
                continue
            rows = features.get(name, [None])
            if isinstance(rows, str | bytes) or not hasattr(rows, "__len__") or len(rows) not in (1, number):
                raise BadRequest(
                    f"{name} needs a list with one value for each of {number} rows, or one value for all, got {rows!r}."
                )
            rows = [_value(name, one, row) for row in (rows if len(rows) == number else [*rows] * number)]
            inputs[name] = self._rectangle(name, rows, one.missing) if one.is_list else rows
        return inputs

    def _rectangle(self, name: str, rows: list[list], padding: Id = "") -> list[list]:
        longest = max([1, *map(len, rows)])
        width = self._widths.get(name, longest)
        if longest > width:
            raise BadRequest(
                f"{name} has a list of length {longest}, but widths sets {width}: shorten the list, or set a larger "
                "width in all clients."
            )
        return [[*row, *[padding] * (width - len(row))] for row in rows]


class Input(NamedTuple):
    """An input of a signature.

    Attributes:
        dtype: "string", "int64" or "float32".
        shape: the sizes of its axes, first that of the batch; -1 means any size.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def is_list(self) -> bool:
        """Whether a row has a list of values."""
        return len(self.shape) > 1

    @property
    def missing(self) -> str | int | float:
        """The value that means missing."""
        return {"string": "", "int64": 0}.get(self.dtype, math.nan)


class _Rest:
    """The REST port, with the standard library."""

    def __init__(
        self, address: str, model: str, version: int | None, label: str | None, timeout: float, max_bytes: int
    ) -> None:
        self._place = _place(address)
        which = f"/versions/{_quoted(str(version))}" if version is not None else ""
        which = f"/labels/{_quoted(label)}" if label else which
        self._address, self._timeout, self._max_bytes = self._place.geturl(), timeout, max_bytes
        self._path = f"{self._place.path}/v1/models/{_quoted(model)}{which}"

    def status(self) -> list[dict[str, Any]]:
        def read(answer: Any) -> list[dict[str, Any]]:
            return [
                {
                    "version": int(one["version"]),
                    "state": _text(one["state"]),
                    "message": _text(one.get("status", {}).get("error_message", "")),
                }
                for one in answer["model_version_status"]
            ]

        return self._read(read, self._path)

    def signatures(self) -> dict[str, dict[str, Input]]:
        def read(answer: Any) -> dict[str, dict[str, Input]]:
            return {
                name: {
                    key: _input(_text(one["dtype"]), [int(dim["size"]) for dim in one["tensor_shape"].get("dim", [])])
                    for key, one in signature["inputs"].items()
                }
                for name, signature in answer["metadata"]["signature_def"]["signature_def"].items()
                if signature["inputs"]
            }

        return self._read(read, f"{self._path}/metadata")

    def predict(self, signature: str, inputs: dict[str, list], outputs: Sequence[str]) -> dict[str, list]:
        rows = [dict(zip(inputs, row, strict=True)) for row in zip(*inputs.values(), strict=True)]

        def read(answer: Any) -> dict[str, list]:
            found = answer["predictions"]
            if len(found) != len(rows):
                raise ValueError(f"{len(found)} answers to {len(rows)} rows")
            return {name: [row[name] if len(outputs) > 1 else row for row in found] for name in outputs}

        return self._read(read, f"{self._path}:predict", {"signature_name": signature, "instances": rows})

    def _read(self, read: Callable[[Any], Any], path: str, body: dict[str, Any] | None = None) -> Any:
        where = f"{self._place.scheme}://{self._place.netloc}{path}"
        answer = self._call(path, where, body)
        try:
            # The server writes -inf as -Infinity, which Python reads and strict JSON parsers reject.
            content = json.loads(answer.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise ServingError(
                f"{where} did not answer in JSON ({_reason(error)}). Check that this is TensorFlow Serving."
            ) from None
        try:
            return read(content)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ServingError(
                f"{where} gave an answer that cannot be read, {_preview(answer)} ({error!r}). Check that this is "
                "TensorFlow Serving."
            ) from None

    def _call(self, path: str, where: str, body: dict[str, Any] | None) -> bytes:
        """The body of a valid answer; everything else raises a `ServingError`."""
        data = None if body is None else json.dumps(body).encode()
        # Requests go directly to the server: proxies in the environment are ignored, and redirects are not followed.
        connection = _Connection(self._place, time.monotonic() + self._timeout)
        try:
            connection.request("GET" if data is None else "POST", path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = self._body(response, where)
        except TimeoutError:
            raise TimedOut(f"{where} did not answer in {self._timeout:g} s.") from None
        except http.client.IncompleteRead:
            raise ServingError(f"{where} sent an incomplete answer. Check the server's log, and try again.") from None
        except (OSError, http.client.HTTPException) as error:
            raise NotReachable(
                f"No REST server answers at {self._address}: {error!r}. Check that it is running, and that this is its "
                "REST port (8501; the gRPC port is 8500)."
            ) from None
        except ValueError as error:
            raise ServingError(
                f"{where} did not answer in HTTP ({error}). Check that this is TensorFlow Serving."
            ) from None
        finally:
            connection.hang_up()
        if response.status != 200:
            if 300 <= response.status < 400:
                to = response.headers.get("Location", "nowhere")
                raise ServingError(
                    f"{where} answered {response.status}, a redirect to {to}. Redirects are not followed: give the "
                    "address of the server itself."
                )
            kind = _HTTP.get(response.status, ServingError)
            raise kind(f"{where} answered {response.status}: {_error_message(answer)}{_HINTS.get(kind, '')}")
        return answer

    def _body(self, response: http.client.HTTPResponse, where: str) -> bytes:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding != "identity":
            raise ServingError(
                f"{where} sent a compressed answer ({coding}), which was not requested: turn off compression in the "
                "proxy in front of the server."
            )
        answer = response.read(self._max_bytes + 1) if (response.length or 0) <= self._max_bytes else None
        if answer is None or len(answer) > self._max_bytes:
            raise ServingError(
                f"{where} sent more than {self._max_bytes:,} bytes: request fewer rows, or set a larger max_bytes."
            )
        if response.length:  # the rest of the body; read(n) does not report that the connection has ended
            raise http.client.IncompleteRead(answer, response.length)
        return answer


class _Connection(http.client.HTTPConnection):
    """A connection with one deadline for everything that is done on it."""

    def __init__(self, place: urllib.parse.SplitResult, deadline: float) -> None:
        self._tls = ssl.create_default_context() if place.scheme == "https" else None
        super().__init__(place.hostname or "", place.port or (443 if self._tls else 80))
        self._deadline = deadline
        self._opened: socket.socket | None = None

    def hang_up(self) -> None:
        """Close the socket. (http.client calls `close` while the body is still to be read.)"""
        if self._opened is not None:
            self._opened.close()

    def connect(self) -> None:
        failed: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM):
            found = None
            try:
                found = socket.socket(family, kind, protocol)
                found.settimeout(_remaining(self._deadline))
                found.connect(address)
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if self._tls:
                    found.settimeout(_remaining(self._deadline))
                    found = self._tls.wrap_socket(found, server_hostname=self.host)
            except OSError as error:
                failed = error
                if found is not None:
                    found.close()
                continue
            self.sock, self._opened = _Timed(found, self._deadline), found
            return
        raise failed or OSError(f"{self.host} has no address")


class _Timed(io.RawIOBase):
    """The part of a socket that `http.client` uses, where each operation has the time that is left as its timeout."""

    def __init__(self, wrapped: socket.socket, deadline: float) -> None:
        self._socket, self._deadline = wrapped, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(_remaining(self._deadline))
        return self._socket.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._socket.settimeout(_remaining(self._deadline))
            view = view[self._socket.send(view) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._socket, self._deadline))


def _remaining(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _place(address: str) -> urllib.parse.SplitResult:
    """The parts of an address without a slash at its end; raises `BadRequest` if it is not the address of a server."""
    wanted = "rest must be an address such as 'http://localhost:8501'"
    if not isinstance(address, str) or any(not " " < one != "\x7f" for one in address):
        raise BadRequest(f"{wanted}, without spaces, got {address!r}.")
    try:
        found = urllib.parse.urlsplit(address)
        host, port = found.hostname or "", found.port
        host.encode("idna")
    except ValueError as error:
        raise BadRequest(f"{wanted}, got {_without_login(address)!r} ({error}).") from None
    if found.username is not None or found.password is not None:
        raise BadRequest(f"{wanted}, without user name and password, got {_without_login(address)!r}.")
    if found.scheme not in ("http", "https") or not host or port == 0 or found.query or found.fragment:
        raise BadRequest(f"{wanted}, got {_without_login(address)!r}.")
    path = urllib.parse.quote(found.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
    return found._replace(path=path)


def _without_login(address: str) -> str:
    """An address for an error message, without a password, because messages may be logged."""
    return re.sub(r"(//)[^/]*@", r"\1...@", address)


class _Grpc:
    """The gRPC port, with tensorflow-serving-api."""

    def __init__(
        self, target: str, model: str, version: int | None, label: str | None, timeout: float, max_bytes: int
    ) -> None:
        if not isinstance(target, str) or not _is_target(target):
            raise BadRequest(
                f"grpc must be a host and a port, such as 'localhost:8500', got {_without_login(f'{target!r}')}."
            )
        try:
            import grpc
            import numpy
            import tensorflow
            from tensorflow_serving.apis import (
                get_model_metadata_pb2,
                get_model_status_pb2,
                model_service_pb2_grpc,
                predict_pb2,
                prediction_service_pb2_grpc,
            )
        except ImportError as missing:
            raise ServingError(
                f"gRPC needs a package that is not installed ({missing}): pip install "
                "'tensorflow-serving-api>=2.20,<2.22', or use rest."
            ) from missing
        self._grpc, self._numpy, self._tf = grpc, numpy, tensorflow
        self._metadata, self._signature_map = (
            get_model_metadata_pb2.GetModelMetadataRequest,
            get_model_metadata_pb2.SignatureDefMap,
        )
        self._status, self._predict = get_model_status_pb2.GetModelStatusRequest, predict_pb2.PredictRequest
        self._target, self._model, self._version, self._label, self._timeout = target, model, version, label, timeout
        self._max_bytes = max_bytes
        # A batch of vectors may exceed gRPC's default limit of 4 MiB. Proxies are not used.
        options = [("grpc.max_receive_message_length", max_bytes), ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(target, options)
        self._models = model_service_pb2_grpc.ModelServiceStub(channel)
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def status(self) -> list[dict[str, Any]]:
        answer = self._call(self._models.GetModelStatus, self._named(self._status()))
        return self._read(
            lambda: [
                {"version": one.version, "state": one.State.Name(one.state), "message": one.status.error_message}
                for one in answer.model_version_status
            ]
        )

    def signatures(self) -> dict[str, dict[str, Input]]:
        request = self._named(self._metadata(metadata_field=["signature_def"]))
        answer, found = self._call(self._predictions.GetModelMetadata, request), self._signature_map()

        def read() -> dict[str, dict[str, Input]]:
            if not answer.metadata["signature_def"].Unpack(found):
                raise ValueError("it has no signature_def")
            return {
                name: {
                    key: _input(self._tf.dtypes.as_dtype(one.dtype).name, [dim.size for dim in one.tensor_shape.dim])
                    for key, one in signature.inputs.items()
                }
                for name, signature in found.signature_def.items()
                if signature.inputs
            }

        return self._read(read)

    def predict(self, signature: str, inputs: dict[str, list], outputs: Sequence[str]) -> dict[str, list]:
        request = self._named(self._predict())
        request.model_spec.signature_name = signature
        for name, rows in inputs.items():
            one = rows
            while isinstance(one, list):
                one = one[0] if one else ""
            dtype = {int: self._numpy.int64, float: self._numpy.float32}.get(type(one), object)
            request.inputs[name].CopyFrom(self._tf.make_tensor_proto(self._numpy.array(rows, dtype)))
        answer = self._call(self._predictions.Predict, request).outputs
        missing = [name for name in outputs if name not in answer]
        if missing:
            raise ServingError(
                f"The answer of {self._target} to {signature} lacks {missing[0]}. Check that tfrec exported this model."
            )
        return self._read(lambda: {name: _texts(self._tf.make_ndarray(answer[name]).tolist()) for name in outputs})

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except Exception as error:  # of protobuf, NumPy and TensorFlow, whose errors for a malformed message are many
            raise ServingError(
                f"{self._target} gave an answer that cannot be read ({error!r}). Check that this is TensorFlow Serving."
            ) from None

    def _named(self, request: Any) -> Any:
        request.model_spec.name = self._model
        if self._version is not None:
            request.model_spec.version.value = self._version
        if self._label is not None:
            request.model_spec.version_label = self._label
        return request

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except self._grpc.RpcError as error:
            kind = _GRPC.get(error.code().name, ServingError)
            if kind is TimedOut:
                raise TimedOut(f"{self._target} did not answer in {self._timeout} s.") from None
            details = error.details() or ""
            if kind is NotReachable and "larger than max" in details:  # the client's limit, reported by gRPC
                raise ServingError(
                    f"{self._target} sent more than {self._max_bytes:,} bytes: request fewer rows, or set a larger "
                    "max_bytes."
                ) from None
            raise kind(f"{self._target} answered {error.code().name}: {details}{_HINTS.get(kind, '')}") from None


_HTTP = {400: BadRequest, 404: NotServed, 429: NotReachable, 503: NotReachable, 504: TimedOut}
_GRPC = {
    "INVALID_ARGUMENT": BadRequest,
    "FAILED_PRECONDITION": BadRequest,
    "OUT_OF_RANGE": BadRequest,
    "NOT_FOUND": NotServed,
    "DEADLINE_EXCEEDED": TimedOut,
    "RESOURCE_EXHAUSTED": NotReachable,
    "UNAVAILABLE": NotReachable,
}
_HINTS = {
    NotServed: ". Check the name, the versions in models.config, and status(): the version may still be loading.",
    NotReachable: ". Check that the server is running, that the port is right (gRPC 8500, REST 8501), and the load.",
}


def _input(dtype: str, shape: list[int]) -> Input:
    names = {"DT_STRING": "string", "DT_INT64": "int64", "DT_FLOAT": "float32"}
    return Input(names.get(dtype, dtype), tuple(shape))


def _value(name: str, kind: Input, given: Any) -> Any:
    """The value of a feature for one row, in the form that the signature needs."""
    if not kind.is_list:
        return kind.missing if given is None else _scalar(name, kind, given)
    width = kind.shape[1] if kind.shape[1] > 0 else None
    if given is None:
        return [kind.missing] * (width or 0)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise BadRequest(f"{name} needs one list per row, got {given!r}.")
    row = [_scalar(name, kind, one) for one in given]
    if width is not None and len(row) != width:
        raise BadRequest(f"{name} needs {width} numbers per row, got {len(row)}.")
    return row


def _scalar(name: str, kind: Input, one: Any) -> str | int | float:
    if kind.dtype == "string":
        return _id(name, one)
    if not _is_number(one):
        raise BadRequest(f"{name} must be a number, got {one!r}.")
    if kind.dtype == "int64":
        if not math.isfinite(_float(name, one)) or one != int(one) or not -(2**63) <= one < 2**63:
            raise BadRequest(f"{name} must be a whole number of 64 bits, got {_brief(one)}.")
        return int(one)
    return _float(name, one)


def _float(name: str, one: Any) -> float:
    try:
        return float(one)
    except OverflowError:
        raise BadRequest(f"{name} is too large for a float: got {_brief(one)}.") from None


def _is_number(one: Any) -> bool:
    return isinstance(one, numbers.Real) and not isinstance(one, bool)


def _is_whole(one: Any, least: int, most: float = math.inf) -> bool:
    return isinstance(one, numbers.Integral) and not isinstance(one, bool) and least <= one <= most


def _is_list(one: Any) -> bool:
    return isinstance(one, Iterable) and not isinstance(one, str | bytes | Mapping)


def _is_name(one: Any) -> bool:
    """Whether it is a text that a request can contain."""
    if not isinstance(one, str) or not one:
        return False
    try:
        return one.encode() is not None
    except UnicodeEncodeError:
        return False


def _is_target(target: str) -> bool:
    """Whether it is an address for gRPC: HOST:PORT, or one of gRPC's schemes, such as unix:/path."""
    if not target or any(not " " < one != "\x7f" for one in target) or "@" in target or not _is_name(target):
        return False
    if re.match(r"(dns|unix|unix-abstract|vsock|ipv4|ipv6|xds):", target):
        return True
    host, _, port = target.rpartition(":")
    return bool(host) and "/" not in target and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 2**16


def _check_features(features: Any) -> None:
    if features is None:
        return
    if not isinstance(features, Mapping):
        raise BadRequest(f"features must map names of inputs to lists, got {features!r}.")
    for name, rows in features.items():
        if not hasattr(rows, "__len__"):
            raise BadRequest(f"{name} needs a list with one value per row, or one value for all, got {rows!r}.")


def _first(found: list[list[float]], rows: list[list[str]]) -> list[list[float]]:
    """The scores of the given ids of each row, without those of the padding."""
    return [scores[: len(ids)] for scores, ids in zip(found, rows, strict=True)]


def _checked(found: dict[str, Any], number: int, requested_ids: list[list[str]] | None) -> dict[str, Any]:
    """The outputs of a signature; raises `ValueError` or `TypeError` if they are not valid answers of it.

    Args:
        found: the outputs by name.
        number: number of rows of the request.
        requested_ids: the ids of each row, if the signature returns a score for each id.
    """
    checked: dict[str, Any] = {}
    for name, rows in found.items():
        if not isinstance(rows, list) or len(rows) != number:
            raise ValueError(f"{name} does not have the {number} rows of the request")
        if name == "item_ids":
            checked[name] = [[_answered_id(one) for one in _listed(name, row)] for row in rows]
        else:
            checked[name] = [_numbers(name, row) for row in rows]
    if "vectors" in checked and len({str(_shape(row)) for row in checked["vectors"]}) > 1:
        raise ValueError("the vectors have different widths")
    lengths = [len(row) for row in requested_ids or checked.get("item_ids", [])]
    for row, length in zip(checked.get("scores", []), lengths, strict=False):
        if len(_listed("scores", row)) != length:
            raise ValueError(f"it has {len(row)} scores for {length} ids")
    return checked


def _listed(name: str, row: Any) -> list:
    if not isinstance(row, list):
        raise TypeError(f"a row of {name} is not a list but {_brief(row)}")
    return row


def _answered_id(one: Any) -> str:
    if not isinstance(one, str) or not (one == "" or _is_name(one)):
        raise TypeError(f"{_brief(one)} is not an id")
    return one


def _numbers(name: str, row: Any) -> Any:
    if isinstance(row, list):
        return [_numbers(name, one) for one in row]
    if not _is_number(row):
        raise TypeError(f"{name} contains {_brief(row)}, which is not a number")
    value = float(row)
    if math.isnan(value) or value == math.inf or (name == "vectors" and value == -math.inf):
        raise ValueError(f"{name} contains {value}")  # a score of -inf is valid: that of an unknown id
    return value


def _shape(row: Any) -> Any:
    return [len(row), *sorted({str(_shape(one)) for one in row})] if isinstance(row, list) else None


def _text(one: Any) -> str:
    if not isinstance(one, str):
        raise TypeError(f"{one!r} is not a text")
    return one


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _error_message(body: bytes) -> str:
    """The error message in a server's answer: {"error": "..."} from TensorFlow Serving."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return _preview(body) or "nothing"


def _preview(body: bytes) -> str:
    return body[:_PREVIEW].decode("utf-8", "replace")


def _brief(one: Any) -> str:
    """A value for an error message, shortened. (Python does not print numbers with thousands of digits.)"""
    try:
        text = repr(one)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= _PREVIEW else f"{text[:_PREVIEW]}..."


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)


def printable(text: str) -> str:
    """A text for one line of a terminal: ids and server messages may contain control sequences."""
    return _UNPRINTABLE.sub(lambda found: " " if found[0].isspace() else "\N{REPLACEMENT CHARACTER}", text)


def _texts(values: Any) -> Any:
    """Nested lists with bytes decoded to texts."""
    if isinstance(values, list):
        return [_texts(one) for one in values]
    return values.decode() if isinstance(values, bytes) else values


def _per_row(name: str, lists: Sequence[Iterable[Id]], number: int | None = None) -> list[list[str]]:
    """Lists of ids as texts, one for each of `number` histories; a single list applies to all of them."""
    if isinstance(lists, str | bytes):
        raise BadRequest(f"{name} must be a list of lists of ids, got the text {lists!r}.")
    if not isinstance(lists, Iterable):
        raise BadRequest(f"{name} must be a list of lists of ids, got {lists!r}.")
    rows = [_ids(name, row) for row in lists]
    if number is None or len(rows) == number:
        return rows
    if len(rows) != 1:
        raise BadRequest(f"{name} needs one list for each of the {number} histories, or one for all, got {len(rows)}.")
    return rows * number


def _ids(name: str, row: Iterable[Id]) -> list[str]:
    if isinstance(row, str | bytes) or not isinstance(row, Iterable):
        raise BadRequest(f"{name} needs lists of ids, got {row!r}.")
    return [_id(name, one) for one in row]


def _id(name: str, one: Id) -> str:
    if isinstance(one, numbers.Integral) and not isinstance(one, bool):
        try:
            return str(int(one))
        except ValueError:  # Python does not print numbers of more than 4,300 digits
            raise BadRequest(f"{name} must be texts or integers, got {_brief(one)}.") from None
    if isinstance(one, str) and (one == "" or _is_name(one)):
        return str(one)
    raise BadRequest(f"{name} must be texts or integers, got {one!r}.")


def _seconds(one: int) -> int:
    if isinstance(one, numbers.Integral) and not isinstance(one, bool) and abs(int(one)) < 2**63:
        return int(one)
    raise BadRequest(f"timestamps must be whole seconds since 1970, got {one!r}.")


def _label(one: float | None) -> float:
    if one is None or _is_number(one):
        return math.nan if one is None else _float("history_labels", one)
    raise BadRequest(f"history_labels must be numbers, got {one!r}.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Send one request and print lines of "id, score". Exit code 2: invalid request; 1: no valid answer."""
    parser = argparse.ArgumentParser(description="Send a request to a tfrec model on TensorFlow Serving.")
    parser.add_argument("--rest", metavar="URL", help="such as http://localhost:8501")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="such as localhost:8500")
    parser.add_argument("--model", required=True, help="its name in models.config")
    parser.add_argument("--version", type=int, help="a version number")
    parser.add_argument("--label", help="a version label: stable, canary")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds for a whole call (5)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--history", nargs="*", metavar="ID", help="recommend items for this history, oldest item first")
    what.add_argument("--similar", nargs="+", metavar="ID", help="find similar items of each of these")
    what.add_argument("--status", action="store_true", help="print the versions that the server knows")
    parser.add_argument(
        "--user", metavar="ID", help="id of the user, for a model that reads it; --history may be omitted"
    )
    parser.add_argument("--exclude", nargs="*", metavar="ID", help="with --history: do not recommend these items")
    parser.add_argument("--allow", nargs="*", metavar="ID", help="with --history: recommend only these items")
    parser.add_argument("--score", nargs="+", metavar="ID", help="with --history: print the scores of these items")
    parser.add_argument(
        "--rank", nargs="+", metavar="ID", help="with --history: print the ranking model's scores of these items"
    )
    parser.add_argument(
        "--features",
        nargs="*",
        metavar="NAME=VALUE",
        help="of the user, or for two stages: age=34 device=tv 'tastes=Drama|War'",
    )
    parser.add_argument(
        "--timestamps", nargs="*", type=int, metavar="S", help="with --history: seconds since 1970 of each item"
    )
    given = parser.parse_args(arguments)
    if given.history is None and given.user is None and not given.similar and not given.status:
        parser.error("one of the arguments --history --user --similar --status is required")

    def one(row: list | str | None) -> list | None:
        return None if row is None else [row]

    try:
        client = Client(given.model, given.rest, given.grpc, given.version, given.label, given.timeout)
        if given.status:
            lines = [[str(one["version"]), one["state"], one["message"]] for one in client.status()]
        elif given.similar:
            found = client.similar_items(given.similar)
            lines = [
                [item, near, f"{score:.6g}"]
                for item, row in zip(given.similar, found, strict=True)
                for near, score in row
            ]
        elif given.rank:
            scores = client.rank([given.history], [given.rank], _features(client, "rank", given.features or []))[0]
            lines = [[item, f"{score:.6g}"] for item, score in zip(given.rank, scores, strict=True)]
        elif given.score:
            scores = client.score(one(given.history), [given.score], one(given.timestamps), one(given.user))[0]
            lines = [[item, f"{score:.6g}"] for item, score in zip(given.score, scores, strict=True)]
        else:
            features = None
            if given.features is not None:
                features = _features(client, client._with_feature_inputs(), given.features)
            times, users = one(given.timestamps), one(given.user)
            rows = client.recommend(one(given.history), one(given.exclude), one(given.allow), times, features, users)
            lines = [[item, f"{score:.6g}"] for item, score in rows[0]]
    except ServingError as error:
        print(printable(str(error)), file=sys.stderr)
        return 2 if isinstance(error, BadRequest) else 1
    for line in lines:
        print("\t".join(map(printable, line)).rstrip("\t"))
    return 0


def _features(client: Client, signature: str, given: Sequence[str]) -> dict[str, list]:
    """Features from texts NAME=VALUE; a list is written V|V|V."""
    known, found = client.signatures().get(signature, {}), {}
    for text in given:
        name, _, value = text.partition("=")
        kind = known.get(name)
        if kind is None:
            raise BadRequest(
                f"--features: expected NAME=VALUE with an input of the model, got {text!r}. Its inputs: "
                f"{', '.join(known)}."
            )
        try:
            parts = value.split("|") if kind.dtype == "string" else [float(part) for part in value.split("|")]
        except ValueError:
            raise BadRequest(f"{name} must be numbers, got {value!r}.") from None
        found[name] = [parts if kind.is_list else value if kind.dtype == "string" else parts[0]]
    return found


if __name__ == "__main__":
    sys.exit(main())

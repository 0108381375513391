"""The REST port of TensorFlow Serving: JSON to a PredictRequest and back, by the rules of the server's sources.

model_servers/http_rest_api_util.cc has the paths, http_server.cc the status codes, util/json_tensor.cc what a request
may be and how an answer is written.
"""

import contextlib
import json
import math
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from served_model import Refused, ServedModel
from tensorflow_serving.apis import model_pb2, predict_pb2

PREDICT = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?:predict", re.IGNORECASE)
METADATA = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?/metadata", re.IGNORECASE)
STATUS = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?", re.IGNORECASE)
HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
NAMES = {bool: "Bool", int: "Number", float: "Number", str: "String", type(None): "Null", dict: "Object", list: "Array"}


class Handler(BaseHTTPRequestHandler):
    served: ServedModel

    def do_GET(self):
        if self.path == "/monitoring/prometheus/metrics":
            return self.reply(200, "# the metrics of a server\n", "text/plain")
        if METADATA.fullmatch(self.path):
            return self.answer(METADATA, lambda spec, body: as_json(self.served.metadata(spec)))
        return self.answer(STATUS, lambda spec, body: as_json(self.served.status(spec)))

    def do_POST(self):
        self.answer(PREDICT, lambda spec, body: predicted(self.served, spec, body))

    def answer(self, paths, method):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            match = paths.fullmatch(self.path)
            if not match:
                raise Refused("INVALID_ARGUMENT", f"Malformed request: {self.command} {self.path}")
            self.reply(200, method(spec_of(match), body))
        except Refused as refused:
            self.reply(HTTP[refused.code], json.dumps({"error": refused.message}))

    def reply(self, code, text, kind="application/json"):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client has timed out
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

    def log_message(self, *rest):
        pass


def spec_of(match):
    name, version, label = match.groups()
    spec = model_pb2.ModelSpec(name=urllib.parse.unquote(name))
    if version:
        spec.version.value = int(version)
    elif label:
        spec.version_label = urllib.parse.unquote(label)
    return spec


def as_json(message):
    return json_format.MessageToJson(
        message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )


def predicted(served, spec, body):
    try:
        content = json.loads(body.decode())
    except ValueError as error:
        raise Refused("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None
    if not isinstance(content, dict):
        raise Refused("INVALID_ARGUMENT", "JSON Value: Is not object")
    key = content.get("signature_name", "serving_default")
    if not isinstance(key, str):
        raise Refused("INVALID_ARGUMENT", "not formatted correctly. 'signature_name' key must be a string value.")
    signature = served.loaded[served.version_of(spec)].signatures.get(key)
    if signature is None:
        raise Refused("INVALID_ARGUMENT", f'Serving signature name: "{key}" not found in signature def')
    if "instances" in content and "inputs" in content:
        raise Refused("INVALID_ARGUMENT", "expecting only one of 'inputs' or 'instances' keys to exist")
    request = predict_pb2.PredictRequest(model_spec=spec)
    request.model_spec.signature_name = key
    types = {name: tf.dtypes.as_dtype(one.dtype) for name, one in signature.inputs.items()}
    if "instances" in content:
        inputs, write = from_rows(content["instances"], types), by_rows
    elif "inputs" in content:
        inputs, write = from_columns(content["inputs"], types), by_columns
    else:
        raise Refused("INVALID_ARGUMENT", "Missing 'inputs' or 'instances' key")
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    outputs = served.predict(request).outputs
    return write({name: tf.make_ndarray(tensor) for name, tensor in sorted(outputs.items())})


# === Requests ===


def from_rows(instances, types):
    """{"instances": [...]}: one row for each, with exactly the inputs of the signature, all of the same shape."""
    if not isinstance(instances, list) or not instances:
        raise Refused("INVALID_ARGUMENT", "Expecting 'instances' to be a list with values")
    if not isinstance(instances[0], dict):
        if len(types) > 1:
            raise Refused("INVALID_ARGUMENT", "instances is a plain list, but expecting list of objects")
        instances = [{next(iter(types)): one} for one in instances]
    columns = {name: [] for name in types}
    for number, row in enumerate(instances):
        if not isinstance(row, dict):
            raise Refused("INVALID_ARGUMENT", f"Expecting object but got list at item {number} of input list")
        for name, value in row.items():
            if name not in types:
                raise Refused(
                    "INVALID_ARGUMENT",
                    f"Failed to process element: {number} key: {name} of 'instances' list. "
                    f"Error: JSON object: does not have named input: {name}",
                )
            if columns[name] and shape_of(columns[name][0]) != shape_of(value):
                raise Refused(
                    "INVALID_ARGUMENT",
                    f"Failed to process element: {number} key: {name} of 'instances' list. Error: Expecting shape "
                    f"{shape_of(columns[name][0])} but got: {shape_of(value)}",
                )
            columns[name].append(value)
        if row.keys() != types.keys():
            raise Refused(
                "INVALID_ARGUMENT",
                f"Failed to process element: {number} of 'instances' list. JSON object must only have keys: "
                + ",".join(sorted(types)),
            )
    return {name: tensor(rows, types[name]) for name, rows in columns.items()}


def from_columns(inputs, types):
    """{"inputs": {...}}: one tensor for each input of the signature; other names are ignored."""
    if not isinstance(inputs, dict):
        if len(types) > 1:
            raise Refused("INVALID_ARGUMENT", "inputs is a plain value/list, but expecting an object")
        inputs = {next(iter(types)): inputs}
    for name in types:
        if name not in inputs:
            raise Refused("INVALID_ARGUMENT", f"Missing named input: {name} in 'inputs' object.")
    return {name: tensor(inputs[name], dtype) for name, dtype in types.items()}


def shape_of(value):
    """The shape of nested lists, from their first elements."""
    if not isinstance(value, list):
        return []
    return [len(value), *(shape_of(value[0]) if value else [])]


def tensor(value, dtype):
    shape, found = shape_of(value), []

    def fill(one, level):
        if isinstance(one, list):
            if level >= len(shape):
                raise Refused(
                    "INVALID_ARGUMENT", f"Encountered list at unexpected level: {level} expected < {len(shape)}"
                )
            if len(one) != shape[level]:
                raise Refused(
                    "INVALID_ARGUMENT",
                    f"Encountered list at unexpected size: {len(one)} at level: {level} expected size: {shape[level]}",
                )
            for inner in one:
                fill(inner, level + 1)
            return
        if level != len(shape):
            raise Refused("INVALID_ARGUMENT", f"JSON Value: {one!r} found at incorrect level: {level + 1}")
        if type(one) not in {tf.string: (str,), tf.int64: (int,), tf.float32: (int, float)}[dtype]:
            raise Refused(
                "INVALID_ARGUMENT",
                f"JSON Value: {json.dumps(one)} Type: {NAMES[type(one)]} is not of expected type: {dtype.name}",
            )
        found.append(one)

    fill(value, 0)
    flat = np.array(found, dtype.as_numpy_dtype)
    return tf.make_tensor_proto(flat.reshape(shape), dtype, shape)


# === Answers ===


def by_rows(outputs):
    """{"predictions": [...]}: one object per row, or only its value if there is a single output."""
    written = {name: [text(row) for row in value] for name, value in outputs.items()}
    rows = zip(*written.values(), strict=True)
    if len(outputs) == 1:
        return f'{{"predictions": [{", ".join(row for (row,) in rows)}]}}'
    objects = (", ".join(f'"{name}": {one}' for name, one in zip(written, row, strict=True)) for row in rows)
    return f'{{"predictions": [{", ".join(f"{{{one}}}" for one in objects)}]}}'


def by_columns(outputs):
    """{"outputs": {...}}, or only the value if there is a single output."""
    if len(outputs) == 1:
        return f'{{"outputs": {text(*outputs.values())}}}'
    return f'{{"outputs": {{{", ".join(f"{json.dumps(name)}: {text(one)}" for name, one in outputs.items())}}}}}'


def text(value):
    if isinstance(value, np.ndarray):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, bytes):
        return json.dumps(value.decode(), ensure_ascii=False)
    return decimal(float(value))


def decimal(value):
    """A float32 as the server writes it: six digits if they suffice, otherwise nine; and special values."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "-Infinity" if value < 0 else "Infinity"
    short = f"{value:.6g}"
    written = short if np.float32(short) == np.float32(value) else f"{value:.9g}"
    return written if "." in written or "e" in written else f"{written}.0"


@contextlib.contextmanager
def rest_server(served: ServedModel):
    """Serve on a free port of this machine; gives "http://localhost:PORT"."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"served": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

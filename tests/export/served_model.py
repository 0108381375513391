"""The model behind both simulated ports: choice of a version, and `Predict` on a real SavedModel.

The rules are those of the server's sources: which version a ModelSpec names (model_servers/server_core.cc), how the
inputs of a request become those of a SignatureDef, defaults filled in (servables/tensorflow/predict_util.cc and
tensorflow/cc/saved_model/util.cc), what status and metadata say (get_model_status_impl.cc,
get_model_metadata_impl.cc), and, with `batching`, what a
BatchingSession refuses (batching/batching_session.cc). Tensors are fed and fetched by name in a session, as there.
"""

import threading
import time
from pathlib import Path

import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, predict_pb2


class Refused(Exception):
    """A status other than OK: a name of gRPC's codes, and the message."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message


class Loaded:
    """A version in memory."""

    def __init__(self, folder: Path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(folder))
        self.signatures = {key: one for key, one in loaded.signature_def.items() if one.inputs}


class ServedModel:
    """A model with its versions and labels.

    `delay` makes each answer take so many seconds. With `batching`, requests are refused as when all requests of a
    signature fell into one batch with the first.
    """

    def __init__(self, name, versions, labels, batching=False):
        self.name, self.labels, self.batching, self.delay = name, labels, batching, 0.0
        once = {folder: Loaded(folder) for folder in {*versions.values()}}
        self.loaded = {version: once[folder] for version, folder in versions.items()}
        self.requests, self._widths, self._lock = [], {}, threading.Lock()

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        version = self.version_of(request.model_spec)
        key = request.model_spec.signature_name or "serving_default"
        if key not in self.loaded[version].signatures:
            raise Refused("FAILED_PRECONDITION", f'Serving signature key "{key}" not found.')
        signature, time_to_wait = self.loaded[version].signatures[key], self.delay
        self.requests.append(request)
        feeds = {
            signature.inputs[name].name: array(name, signature.inputs[name].dtype, tensor)
            for name, tensor in inputs_of(signature, request.inputs).items()
        }
        if self.batching:
            self._must_fit_into_a_batch(key, feeds)
        time.sleep(time_to_wait)
        try:
            found = self.loaded[version].session.run({name: one.name for name, one in signature.outputs.items()}, feeds)
        except tf.errors.OpError as error:
            codes = {tf.errors.INVALID_ARGUMENT: "INVALID_ARGUMENT"}
            raise Refused(codes.get(error.error_code, "INTERNAL"), error.message) from None
        except ValueError as error:  # Python's session checks ranks before the runtime does
            raise Refused("INVALID_ARGUMENT", str(error)) from None
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = version
        for name, value in found.items():
            response.outputs[name].CopyFrom(as_fields(value))
        return response

    def status(self, spec) -> get_model_status_pb2.GetModelStatusResponse:
        if spec.name != self.name:
            raise Refused("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        named = spec.WhichOneof("version_choice")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in [self.version_of(spec)] if named else sorted(self.loaded, reverse=True):
            one = response.model_version_status.add(version=version, state="AVAILABLE")
            one.status.error_code = 0
        return response

    def metadata(self, spec) -> get_model_metadata_pb2.GetModelMetadataResponse:
        version = self.version_of(spec)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for key, one in self.loaded[version].signatures.items():
            signatures.signature_def[key].CopyFrom(one)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name, response.model_spec.version.value = self.name, version
        response.metadata["signature_def"].Pack(signatures)
        return response

    def version_of(self, spec):
        if spec.name != self.name:
            raise Refused("NOT_FOUND", f"Servable not found for request: Latest({spec.name})")
        choice = spec.WhichOneof("version_choice")
        if choice == "version_label":
            if spec.version_label not in self.labels:
                raise Refused("INVALID_ARGUMENT", f"Unrecognized servable version label: {spec.version_label}")
            return self.labels[spec.version_label]
        if choice is None:
            return max(self.loaded)
        if spec.version.value not in self.loaded:
            raise Refused("NOT_FOUND", f"Servable not found for request: Specific({spec.name}, {spec.version.value})")
        return spec.version.value

    def _must_fit_into_a_batch(self, key, feeds):
        if len({len(value) for value in feeds.values()}) > 1:
            raise Refused("INVALID_ARGUMENT", "Batching Run() input tensors must have equal 0th-dimension size")
        with self._lock:
            for name, value in feeds.items():
                if self._widths.setdefault((key, name), value.shape[1:]) != value.shape[1:]:
                    raise Refused(
                        "FAILED_PRECONDITION",
                        f"Tensors with name '{name}' from different tasks have different shapes and padding is turned "
                        "off. Set pad_variable_length_inputs to true, or ensure that all tensors with the same name "
                        "have equal dimensions starting with the first dim.",
                    )


def inputs_of(signature, given):
    """Input name -> tensor: the given inputs, and the defaults of the SignatureDef for omitted ones."""
    found = {}
    for name in signature.inputs:
        if name in given:
            found[name] = given[name]
        elif name in signature.defaults:
            found[name] = signature.defaults[name]
        else:
            raise Refused(
                "INVALID_ARGUMENT",
                f"Signature input alias: {name} not found in request and no default value provided.",
            )
    if extra := set(given) - set(found):
        raise Refused("INVALID_ARGUMENT", f"Inputs contains invalid name: {', '.join(sorted(extra))}")
    return found


def array(name, dtype, tensor):
    if tensor.dtype != dtype:
        wanted, came = (tf.dtypes.as_dtype(one).name for one in (dtype, tensor.dtype))
        raise Refused("INVALID_ARGUMENT", f"Expects {name} to be {wanted} but {came} is provided")
    return tf.make_ndarray(tensor)


def as_fields(value):
    """A TensorProto with its values in typed fields, as the server sends it by default, not packed as bytes."""
    proto = tf.make_tensor_proto(value, shape=value.shape)
    if proto.tensor_content:
        proto.ClearField("tensor_content")
        proto.float_val.extend(value.ravel().tolist())
    return proto

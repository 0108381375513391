"""Warm-up requests, which the server runs before it serves a version, so that the first users need not wait."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfrec.errors import InputError
from tfrec.serving.runtime import Call

PLACE = Path("assets.extra") / "tf_serving_warmup_requests"
LIMIT = 1000  # most records that TensorFlow Serving accepts


def write(export: Path, calls: Sequence[Call], dtypes: dict[str, Any]) -> None:
    """Write calls as the warm-up records of an export.

    Args:
        export: the folder of a SavedModel.
        calls: at most 1,000.
        dtypes: input name -> its TensorFlow type.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    if len(calls) > LIMIT:
        raise InputError(f"TensorFlow Serving takes at most {LIMIT} warm-up requests, got {len(calls)}.")
    path = export / PLACE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as file:
        for call in calls:
            request = predict_pb2.PredictRequest()
            request.model_spec.signature_name = call.signature
            for name, rows in call.inputs.items():
                array = np.array(rows, object if dtypes[name] == tf.string else dtypes[name].as_numpy_dtype)
                request.inputs[name].CopyFrom(tf.make_tensor_proto(array, dtypes[name], array.shape))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            file.write(log.SerializeToString())


def read(export: Path) -> list[Call]:
    """The warm-up calls of an export, if it has any; raises `InputError` if a record is invalid."""
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow_serving.apis import prediction_log_pb2

    path = export / PLACE
    if not path.is_file():
        return []
    try:
        records = [bytes(record.numpy()) for record in tf.data.TFRecordDataset(str(path))]
        logs = [prediction_log_pb2.PredictionLog.FromString(record) for record in records]
    except (DecodeError, tf.errors.OpError) as error:
        raise InputError(f"{path} is damaged: {error}. The server would refuse the version: export again.") from error
    return [
        Call(
            request.model_spec.signature_name,
            {name: _rows(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()},
        )
        for request in (log.predict_log.request for log in logs)
    ]


def choose(calls: Sequence[Call], sizes: Sequence[int] = (1, 8)) -> list[Call]:
    """A few calls of each signature, in batches of these sizes."""
    chosen, seen = [], {}
    for call in calls:
        if seen.setdefault(call.signature, 0) < 2:
            seen[call.signature] += 1
            chosen += [
                Call(call.signature, {name: list(rows[:size]) for name, rows in call.inputs.items()}) for size in sizes
            ]
    return chosen


def _rows(array: np.ndarray) -> list:
    if array.dtype != object:
        return array.tolist()
    return np.array([text.decode() for text in array.ravel()], object).reshape(array.shape).tolist()

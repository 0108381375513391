"""What a SavedModel says of itself, read from its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfrec.errors import InputError


def meta_graph(export: Path) -> Any:
    """The graph and signatures of an export; raises `InputError` where there is none that can be read."""
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = Path(export) / "saved_model.pb"
    try:
        saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(f"{path} cannot be read as a SavedModel: {error}. Export again.") from error
    if not saved.meta_graphs:
        raise InputError(f"{path} holds no graph: it is damaged. Export again.")
    return saved.meta_graphs[0]


def operations_of(export: Path) -> set[str]:
    """The operations of an export's graph and of all its functions."""
    graph = meta_graph(export).graph_def
    return {node.op for nodes in (graph.node, *(one.node_def for one in graph.library.function)) for node in nodes}


def tensors_of(export: Path) -> dict[str, dict[str, dict[str, list]]]:
    """Signature -> {"inputs": {name: [tensor, type as a number, shape]}, "outputs": likewise}; -1 for free axes."""
    return {
        key: {
            side: {name: _described(one) for name, one in sorted(getattr(signature, side).items())}
            for side in ("inputs", "outputs")
        }
        for key, signature in sorted(meta_graph(export).signature_def.items())
        if key != "__saved_model_init_op"
    }


def _described(tensor: Any) -> list:
    return [tensor.name, tensor.dtype, [axis.size for axis in tensor.tensor_shape.dim]]

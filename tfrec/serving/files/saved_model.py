"""What a SavedModel says of itself, read from its file: nothing of it is loaded or run."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from tfrec.errors import InputError

TAG = "serve"
INIT = "__saved_model_init_op"
_ADVICE = "Export the preset again, or copy the folder again."
# Other forms of the same file, which a runtime may prefer to the one that is checked.
_OTHER_FORMS = ("saved_model.cpb", "saved_model.pbtxt")


def meta_graph(export: Path) -> Any:
    """The one graph of an export, with its signatures.

    Raises:
        InputError: where the file cannot be read, or where a runtime could load another graph than this one: the file
            has several graphs, the tags are not "serve" alone, or the file is there in a second form.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    export = Path(export)
    path = export / "saved_model.pb"
    for other in _OTHER_FORMS:
        if (export / other).exists():
            raise InputError(f"{export / other} is a second SavedModel beside saved_model.pb. {_ADVICE}")
    try:
        saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(f"{path} cannot be read as a SavedModel: {error}. {_ADVICE}") from error
    if len(saved.meta_graphs) != 1:
        raise InputError(f"{path} has {len(saved.meta_graphs)} graphs, expected exactly one. {_ADVICE}")
    meta = saved.meta_graphs[0]
    if [*meta.meta_info_def.tags] != [TAG]:
        raise InputError(f"{path} has a graph tagged {[*meta.meta_info_def.tags]}, expected ['{TAG}']. {_ADVICE}")
    if not meta.object_graph_def.nodes:
        raise InputError(f"{path} has no object graph, which every export of tfrec has. {_ADVICE}")
    return meta


def written_by(export: Path) -> str:
    """The version of TensorFlow that wrote an export, "2.20.0", as the SavedModel records it."""
    return meta_graph(export).meta_info_def.tensorflow_version


def check_inside(export: Path) -> None:
    """Raise `InputError` where something in a folder is a link that leads out of it, or no file or folder."""
    root = Path(export).resolve()
    for path in sorted(Path(export).rglob("*")):
        try:
            inside = path.resolve(strict=True).is_relative_to(root) and (path.is_file() or path.is_dir())
        except (OSError, RuntimeError):  # a link to nothing, or to itself
            inside = False
        if not inside:
            raise InputError(f"{path} leads out of the export, or is no file. {_ADVICE}")


def check_assets(export: Path, meta: Any) -> None:
    """Raise `InputError` where an asset is not a file of the export's folder `assets`."""
    folder = Path(export) / "assets"
    for one in meta.asset_file_def:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in one.filename or not name.parts:
            raise InputError(f"{export} names the asset '{one.filename}', which does not lie in it. {_ADVICE}")
        try:
            path = (folder / name).resolve(strict=True)
            there = path.is_relative_to(folder.resolve()) and path.is_file()
        except (OSError, RuntimeError, ValueError):
            there = False
        if not there:
            raise InputError(f"{folder / name} is no file of the export, and the graph reads it. {_ADVICE}")


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
        if key != INIT
    }


def _described(tensor: Any) -> list:
    return [tensor.name, tensor.dtype, [axis.size for axis in tensor.tensor_shape.dim]]

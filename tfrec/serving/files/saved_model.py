"""Read graph, signatures and assets from the file of a SavedModel, without loading or running it."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from tfrec.errors import InputError

TAG = "serve"
INIT = "__saved_model_init_op"
_ADVICE = "Export the preset again, or copy the folder again."
# Other formats of the same file, which a runtime may load instead of the checked one.
_OTHER_FORMS = ("saved_model.cpb", "saved_model.pbtxt")


def meta_graph(export: Path) -> Any:
    """The single graph of an export, with its signatures.

    Raises:
        InputError: if the file cannot be read, or a runtime could load another graph: the file has several graphs,
            other tags than "serve", or exists in a second format.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    export = Path(export)
    path = export / "saved_model.pb"
    for other in _OTHER_FORMS:
        if (export / other).exists():
            raise InputError(f"{export / other} is a second SavedModel next to saved_model.pb. {_ADVICE}")
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
    """The version of TensorFlow that wrote an export, such as "2.20.0", from the SavedModel."""
    return meta_graph(export).meta_info_def.tensorflow_version


def check_inside(export: Path) -> None:
    """Raise `InputError` if a folder contains a link that points outside, or something other than files and folders."""
    root = Path(export).resolve()
    for path in sorted(Path(export).rglob("*")):
        try:
            inside = path.resolve(strict=True).is_relative_to(root) and (path.is_file() or path.is_dir())
        except (OSError, RuntimeError):  # a broken or circular link
            inside = False
        if not inside:
            raise InputError(f"{path} is a link out of the export, or not a regular file. {_ADVICE}")


def check_assets(export: Path, meta: Any) -> None:
    """Raise `InputError` if an asset is not a file in the export's folder `assets`."""
    folder = Path(export) / "assets"
    for one in meta.asset_file_def:
        name = PurePosixPath(one.filename)
        if name.is_absolute() or ".." in name.parts or "\\" in one.filename or not name.parts:
            raise InputError(f"{export} names the asset '{one.filename}', which is outside the export. {_ADVICE}")
        try:
            path = (folder / name).resolve(strict=True)
            there = path.is_relative_to(folder.resolve()) and path.is_file()
        except (OSError, RuntimeError, ValueError):
            there = False
        if not there:
            raise InputError(f"The graph reads the asset {folder / name}, which is not a file of the export. {_ADVICE}")


def operations_of(export: Path) -> set[str]:
    """The operations of an export's graph and of all its functions."""
    graph = meta_graph(export).graph_def
    return {node.op for nodes in (graph.node, *(one.node_def for one in graph.library.function)) for node in nodes}


def tensors_of(export: Path) -> dict[str, dict[str, dict[str, list]]]:
    """Signature -> {"inputs": {name: [tensor, type number, shape]}, "outputs": the same}; free axes are -1."""
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

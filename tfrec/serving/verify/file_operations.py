"""Check that only the saver and the vocabulary tables access files, and only files of the export.

An allowed operation can still do harm through its inputs: `RestoreV2` reads, and `SaveV2` writes, any path. So this
module traces each path back to its source:

- The saver's operations must be in the two functions that the meta graph's `saver_def` runs. Their path must come from
  the saver's file name, which the runtime sets to the export's `variables` folder.
- `InitializeTableFromTextFileV2` must read an asset, whose path the runtime sets to a file of the export's `assets`.
- No signature may compute either of them, so no request can reach a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from tfrec.errors import InputError

_WRITES = frozenset({"MergeV2Checkpoints", "SaveV2", "ShardedFilename"})
_READS = frozenset({"RestoreV2"})
_TABLES = frozenset({"InitializeTableFromTextFileV2"})
FILE_OPERATIONS = _WRITES | _READS | _TABLES
# Operation -> the positions of its inputs that are paths.
_PATHS = {
    "InitializeTableFromTextFileV2": (1,),
    "MergeV2Checkpoints": (0, 1),
    "RestoreV2": (0,),
    "SaveV2": (0,),
    "ShardedFilename": (0,),
}
_SUFFIXES = frozenset({b".part", b"_temp/part"})  # names of checkpoint parts in TensorFlow's saver
_DEEPEST = 20  # most operations between a path and the saver's file name
_CALLS = ("PartitionedCall", "StatefulPartitionedCall")
_INIT = "__saved_model_init_op"
_NO_DATA = frozenset({20, 21})  # DT_RESOURCE, DT_VARIANT: handles, which constants and requests must not contain
_STRING = 7  # DT_STRING


class _Call(NamedTuple):
    """A node that calls a function, and the function that contains the node; None is the main graph."""

    inside: str | None
    node: Any


def check(meta: Any) -> None:
    """Raise `InputError` if a graph could access a file outside the export.

    Args:
        meta: a `MetaGraphDef` whose operations are all allowed.
    """
    _Graph(meta).check()


def functions_called(node: Any) -> Iterator[str]:
    """The names of the functions that a node calls, through its operation or an attribute."""
    yield node.op
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (one.name for one in value.list.func)


class _Graph:
    def __init__(self, meta: Any) -> None:
        self.meta = meta
        self.functions = {one.signature.name: one for one in meta.graph_def.library.function}
        self.nodes = {node.name: node for node in meta.graph_def.node}
        self.assets = {_node(one.tensor_info.name) for one in meta.asset_file_def}
        self.saver_path = _node(meta.saver_def.filename_tensor_name)
        self.saves, self.restores = _node(meta.saver_def.save_tensor_name), _node(meta.saver_def.restore_op_name)
        self.calls: dict[str, list[_Call]] = {name: [] for name in self.functions}
        for inside, nodes in self._bodies():
            for node in nodes:
                for name in {*functions_called(node)} & self.functions.keys():
                    self.calls[name].append(_Call(inside, node))

    def _bodies(self) -> Iterator[tuple[str | None, Iterable[Any]]]:
        yield None, self.meta.graph_def.node
        for name, function in self.functions.items():
            yield name, function.node_def

    def check(self) -> None:
        """Run all checks."""
        touching = set()
        for inside, nodes in self._bodies():
            ops = {node.op for node in nodes} & FILE_OPERATIONS
            if not ops:
                continue
            if inside is None:
                raise _refused(f"{sorted(ops)[0]} is in the main graph, not in a function of the saver or of a table")
            touching |= self._check_function(self.functions[inside], ops)
        self._check_handles()
        self._check_saver(touching)
        self._check_signatures(touching)

    # === Functions ===

    def _check_function(self, function: Any, ops: set[str]) -> set[str]:
        """Check a function that accesses files; returns the nodes of the main graph that call it."""
        name, arguments = function.signature.name, [one.name for one in function.signature.input_arg]
        if "api_implements" in function.attr:  # TensorFlow may replace another function with it
            raise _refused(f"{sorted(ops)[0]} is in '{name}', which may replace another function")
        found = set()
        for call in self.calls[name]:
            if call.inside is not None or call.node.op not in _CALLS:
                raise _refused(f"{sorted(ops)[0]} is in '{name}', which '{call.node.name}' calls")
            found.add(call.node.name)
        body = _Body(function)
        if tables := ops & _TABLES:
            if ops != tables:
                raise _refused(
                    f"'{name}' has {' and '.join(sorted(ops))}, but a table and the saver need separate functions"
                )
            places = {
                arguments.index(body.origin(_input(node, 1)))
                if body.origin(_input(node, 1)) in arguments
                else self._constant_path(node)
                for node in function.node_def
                if node.op in tables
            }
            self._check_asset_calls(function, places)
            return found
        wanted = {self.restores} if ops & _READS else {self.saves}
        if ops & _READS and ops & _WRITES:
            raise _refused(f"'{name}' has {' and '.join(sorted(ops))}: saving and restoring share no function")
        if found != wanted or name in self.meta.object_graph_def.concrete_functions:
            raise _refused(f"{sorted(ops)[0]} is in '{name}', which is not the saver's alone")
        for node in function.node_def:
            for place in _PATHS.get(node.op, ()):
                if not body.is_path(_input(node, place), arguments[0] if arguments else ""):
                    self._constant_path(node)
        return found

    @staticmethod
    def _constant_path(node: Any) -> int:
        raise _refused(f"{node.op} '{node.name}' takes its path from somewhere else than the saver or an asset")

    # === Assets ===

    def _check_asset_calls(self, function: Any, places: set[int]) -> None:
        """Check that the arguments at `places` are assets in all calls of a function."""
        name = function.signature.name
        for call in self.calls[name]:
            for place in places:
                self._check_asset(_input(call.node, place), function.signature.name)
        concrete = self.meta.object_graph_def.concrete_functions
        if name not in concrete:
            return
        bound, nodes = concrete[name].bound_inputs, self.meta.object_graph_def.nodes
        free = len(function.signature.input_arg) - len(bound)
        for place in places:
            at = bound[place - free] if 0 <= place - free < len(bound) else -1
            if not 0 <= at < len(nodes) or nodes[at].WhichOneof("kind") != "asset":
                raise _refused(f"'{name}' reads a file that is not an asset")

    def _check_asset(self, tensor: str, reader: str) -> None:
        node = self._main(tensor)
        while node is not None and node.op == "Identity":
            node = self._main(_input(node, 0))
        if node is not None and node.op == "ReadVariableOp":
            node = self._main(_input(node, 0))
            handle = node.name if node is not None else ""
            uses = [one for one in self.meta.graph_def.node if handle in map(_node, one.input)]
            if node is None or node.op != "VarHandleOp" or not self._is_alone(node):
                raise _refused(f"'{reader}' reads a file that is not an asset")
            for use in uses:
                if handle not in {_node(one) for one in use.input if not one.startswith("^")}:
                    continue
                if use.op not in ("AssignVariableOp", "ReadVariableOp", "VarIsInitializedOp"):
                    raise _refused(f"'{use.name}' may change which file '{reader}' reads")
                if use.op == "AssignVariableOp" and _node(_input(use, 1)) not in self.assets:
                    raise _refused(f"'{use.name}' names a file for '{reader}' that is not an asset")
            return
        if node is None or node.name not in self.assets or node.op not in ("Const", "Placeholder"):
            raise _refused(f"'{reader}' reads a file that is not an asset")

    def _is_alone(self, handle: Any) -> bool:
        """Whether no other node refers to the same variable."""
        names = [
            node.attr["shared_name"].s.decode("utf-8", "replace") or node.name
            for _, nodes in self._bodies()
            for node in nodes
            if node.op == "VarHandleOp"
        ]
        return names.count(handle.attr["shared_name"].s.decode("utf-8", "replace") or handle.name) == 1

    # === Other ways to files ===

    def _check_handles(self) -> None:
        for _, nodes in self._bodies():
            for node in nodes:
                if node.op == "Const" and {node.attr["dtype"].type, node.attr["value"].tensor.dtype} & _NO_DATA:
                    raise _refused(f"the constant '{node.name}' is a handle, which may refer to any resource")

    def _check_saver(self, touching: set[str]) -> None:
        """Check that only the runtime runs the saver, and only the saver reads its file name."""
        saver = {self.saves, self.restores} & touching
        for name in saver:
            if _node(_input(self.nodes[name], 0)) != self.saver_path:
                raise _refused(f"'{name}' saves or restores another path than the saver's")
        if saver and (self.saver_path not in self.nodes or self.nodes[self.saver_path].op != "Placeholder"):
            raise _refused("the saver's file name is not a placeholder, so the runtime cannot set it")
        if self.saver_path in self.assets:
            raise _refused("the saver's file name is an asset")
        for node in self.meta.graph_def.node:
            reads = {*map(_node, node.input)}
            if reads & saver or (self.saver_path in reads and node.name not in saver):
                raise _refused(f"'{node.name}' takes part in saving or restoring")
        begins = []
        if _INIT in self.meta.signature_def:
            begins = [_node(one.name) for one in self.meta.signature_def[_INIT].outputs.values()]
        for name, collection in self.meta.collection_def.items():
            if name == "saved_model_assets":
                raise _refused(f"the collection '{name}' names further assets")
            begins += map(_node, collection.node_list.value)
        if bad := self._needed(begins) & saver:
            raise _refused(f"loading runs '{sorted(bad)[0]}' a second time")

    def _check_signatures(self, touching: set[str]) -> None:
        """Check that no signature accesses a file."""
        kept = touching | self.assets | {self.saver_path}
        for name, one in self.meta.signature_def.items():
            if name == _INIT:
                continue
            sides = [*one.inputs.values(), *one.outputs.values()]
            if any(of.WhichOneof("encoding") != "name" or _node(of.name) not in self.nodes for of in sides):
                raise _refused(f"the signature '{name}' names tensors that the graph lacks")
            fed = [self.nodes[_node(of.name)] for of in one.inputs.values()]
            if any(node.op not in ("Placeholder", "PlaceholderWithDefault") for node in fed) or any(
                of.dtype in _NO_DATA for of in sides
            ):
                raise _refused(f"the signature '{name}' has an input that is not a placeholder for data")
            if bad := self._needed(_node(of.name) for of in sides) & kept:
                raise _refused(f"the signature '{name}' reaches '{sorted(bad)[0]}', so requests could access files")

    def _needed(self, names: Iterable[str]) -> set[str]:
        """The nodes of the main graph that are needed to compute the named ones."""
        found, todo = set(), [*names]
        while todo:
            name = todo.pop()
            if name not in found and name in self.nodes:
                found.add(name)
                todo += map(_node, self.nodes[name].input)
        return found

    def _main(self, tensor: str) -> Any:
        return self.nodes.get(_node(tensor))


class _Body:
    """The body of a function, in which tensors are traced back."""

    def __init__(self, function: Any) -> None:
        self.nodes = {node.name: node for node in function.node_def}

    def origin(self, tensor: str) -> str:
        """The argument or node that a tensor comes from, ignoring copies."""
        name, seen = _node(tensor), set()
        while name in self.nodes and self.nodes[name].op == "Identity" and name not in seen:
            seen.add(name)
            name = _node(_input(self.nodes[name], 0))
        return name

    def is_path(self, tensor: str, argument: str, seen: frozenset[str] = frozenset()) -> bool:
        """Whether a tensor is an argument, or a path that TensorFlow's saver derives from it."""
        name = self.origin(tensor)
        if name not in self.nodes or len(seen) > _DEEPEST:
            return bool(name) and name == argument
        node, seen = self.nodes[name], seen | {name}
        if node.op == "ShardedFilename":
            return _input(node, 0) not in seen and self.is_path(_input(node, 0), argument, seen)
        data = [one for one in node.input if not one.startswith("^")]
        if {self.origin(one) for one in data} & seen:
            return False
        if node.op == "Pack":
            return bool(data) and all(self.is_path(one, argument, seen) for one in data)
        if node.op == "StringJoin":
            return (
                bool(data)
                and not node.attr["separator"].s
                and self.is_path(data[0], argument, seen)
                and all(self._is_suffix(one) for one in data[1:])
            )
        return False

    def _is_suffix(self, tensor: str) -> bool:
        node = self.nodes.get(self.origin(tensor))
        if node is not None and node.op == "Select":
            return all(self._is_suffix_constant(one) for one in node.input[1:3])
        return self._is_suffix_constant(tensor)

    def _is_suffix_constant(self, tensor: str) -> bool:
        node = self.nodes.get(self.origin(tensor))
        return node is not None and node.op == "Const" and {*node.attr["value"].tensor.string_val} <= _SUFFIXES


def _node(tensor: str) -> str:
    """The node of a tensor name or a control input."""
    return tensor.removeprefix("^").partition(":")[0]


def _input(node: Any, place: int) -> str:
    """The name of a node's input at a position, or "" if there is none."""
    data = [one for one in node.input if not one.startswith("^")]
    return data[place] if place < len(data) else ""


def _refused(reason: str) -> InputError:
    return InputError(f"The graph may access files outside of the export: {reason}. Export the preset again.")

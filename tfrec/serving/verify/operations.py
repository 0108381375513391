"""The operations that an export may use: those of the stock server, without access to anything outside the graph."""

from __future__ import annotations

from pathlib import Path

from tfrec.errors import InputError
from tfrec.serving.files.saved_model import check_assets, check_inside, meta_graph
from tfrec.serving.verify import file_operations
from tfrec.serving.verify.file_operations import functions_called

# Operations of core TensorFlow. Excluded on purpose: Python (PyFunc), XLA, custom libraries, the network, and access to
# files, except the vocabulary and the weights at loading.
_NAMES = """
Abs Add AddN AddV2 All Any ArgMax ArgMin Assert AssignVariableOp BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd
BroadcastTo Bucketize Cast Ceil ClipByValue ConcatV2 Const Conv2D Cos Cumsum DepthwiseConv2dNative DisableCopyOnRead
Div DivNoNan Einsum Elu EnsureShape Equal Erf Erfc Exp ExpandDims Expm1 Fill Floor FloorDiv FloorMod
FusedBatchNormV3 Gather GatherNd GatherV2 Greater GreaterEqual HashTableV2 Identity IdentityN If InTopKV2
InitializeTableFromTextFileV2 IsFinite IsInf IsNan L2Loss LeakyRelu Less LessEqual Log Log1p LogSoftmax LogicalAnd
LogicalNot LogicalOr LookupTableFindV2 LowerBound MatMul MatrixBandPart Max Maximum Mean Merge MergeV2Checkpoints
Min Minimum Mul Neg NoOp NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder PlaceholderWithDefault
Pow PreventGradient Prod RaggedRange Range Rank ReadVariableOp RealDiv Reciprocal Relu Relu6 Reshape ResourceGather
RestoreV2 ReverseV2 Round Rsqrt SaveV2 ScatterNd SegmentSum Select SelectV2 Selu Shape ShardedFilename Sigmoid Sign
Sin Slice Snapshot Softmax Softplus Split SplitV Sqrt Square SquaredDifference Squeeze StatefulPartitionedCall
StatelessIf StatelessWhile StaticRegexFullMatch StopGradient StridedSlice StringJoin StringToHashBucketFast Sub Sum
Switch Tan Tanh TensorListConcatV2 TensorListFromTensor TensorListGetItem TensorListReserve TensorListSetItem
TensorListStack TensorScatterAdd TensorScatterMax TensorScatterUpdate Tile TopKV2 Transpose Unpack UnsortedSegmentSum
UpperBound VarHandleOp VarIsInitializedOp Where While ZerosLike
"""
ALLOWED = frozenset(_NAMES.split())


def check(export: Path, also: frozenset[str] = frozenset()) -> list[str]:
    """Check the operations of an export's graph and functions, and return them. Nothing is loaded or run.

    Args:
        export: the folder of a SavedModel.
        also: further allowed operations, which the chosen index needs.

    Raises:
        InputError: if an operation is not allowed or could access files outside the export; if a node calls a function
            that the graph lacks; if a function must be compiled by XLA, which the stock server cannot do.
    """
    meta = meta_graph(export)
    graph = meta.graph_def
    functions = [function.signature.name for function in graph.library.function]
    bodies = [graph.node, *(function.node_def for function in graph.library.function)]
    for names in (functions, *([node.name for node in nodes] for nodes in bodies)):
        if len(set(names)) < len(names):
            raise InputError(f"{export} has two nodes or functions of the same name. Export the preset again.")
    own = set(functions)
    if hidden := sorted(name for name in own if name in ALLOWED or _is_known(name)):
        raise InputError(f"{export} has a function named like the operation {hidden[0]}. Export the preset again.")
    ops = {node.op for nodes in bodies for node in nodes}
    if unsupported := sorted(ops - own - ALLOWED - also):
        raise InputError(
            f"{export} has operations that stock TensorFlow Serving may not support: {', '.join(unsupported)}. Remove "
            "them from the model."
        )
    for node in (node for nodes in bodies for node in nodes):
        if missing := sorted({*functions_called(node)} - {node.op} - own):
            raise InputError(f"{export} calls the function '{missing[0]}', which its graph lacks. Export it again.")
    compiled = [one for one in graph.library.function if one.attr["_XlaMustCompile"].b]
    if compiled or any(node.attr["_XlaMustCompile"].b for nodes in bodies for node in nodes):
        raise InputError(
            f"{export} has functions that XLA must compile, which stock TensorFlow Serving cannot do: remove "
            "jit_compile=True from the model."
        )
    check_inside(export)
    check_assets(export, meta)
    file_operations.check(meta)
    return sorted(ops)


def _is_known(name: str) -> bool:
    """Whether the installed TensorFlow has an operation of this name."""
    from tensorflow.python.framework import op_def_registry

    return op_def_registry.get(name) is not None

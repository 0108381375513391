"""The operations that an export may consist of: what the stock server runs, nothing that reaches out of the graph."""

from __future__ import annotations

from pathlib import Path

from tfrec.errors import InputError
from tfrec.serving.saved_model import meta_graph, operations_of

# Of core TensorFlow. Not here on purpose: anything of Python (PyFunc), of XLA, of custom libraries, of the network, and
# what writes or reads files but for the vocabulary and the weights at loading.
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
    """The operations of an export's graph and of all its functions.

    Args:
        export: the folder of a SavedModel.
        also: further operations that the user has asked for, with the index that needs them.

    Raises:
        InputError: where one is not allowed, or a function must be compiled by XLA, which the stock server cannot.
    """
    functions = meta_graph(export).graph_def.library.function
    ops = operations_of(export)
    own = {function.signature.name for function in functions}  # a function may be called by its name
    compiled = [function.signature.name for function in functions if function.attr["_XlaMustCompile"].b]
    foreign = sorted(ops - own - ALLOWED - also)
    if foreign:
        raise InputError(f"{export} has operations that stock TensorFlow Serving may not have: {', '.join(foreign)}.")
    if compiled:
        raise InputError(f"{export} has functions that XLA must compile, which stock TensorFlow Serving cannot.")
    return sorted(ops)

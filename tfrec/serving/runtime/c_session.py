"""Run a SavedModel through TensorFlow's C API, which the server calls too, without Python's TensorFlow.

This file imports only the standard library and numpy, so the export cannot depend on other Python code.
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_STRING, _STRING_BYTES = 7, 24  # TF_STRING; sizeof(TF_TString)
_NUMBERS = {1: np.float32, 3: np.int32, 9: np.int64, 10: np.bool_}  # TF_DataType -> NumPy


class _Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class RuntimeRefused(RuntimeError):
    """The runtime returned an error; `code` is its canonical code, 3 for an invalid argument."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Session:
    """A loaded SavedModel.

    Args:
        tensorflow: the folder of an installed tensorflow package, for its shared libraries.
        export: the folder of a SavedModel.
        signatures: name -> {"inputs": {name: [tensor, TF_DataType]}, "outputs": the same}.
        libraries: shared libraries with custom operations.
        threads: number of threads of the session; 0 lets TensorFlow choose.
    """

    def __init__(
        self, tensorflow: str, export: str, signatures: dict, libraries: Sequence[str] = (), threads: int = 0
    ) -> None:
        ctypes.CDLL(str(Path(tensorflow) / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
        self._c = ctypes.CDLL(str(Path(tensorflow) / "libtensorflow_cc.so.2"))
        for name in _POINTERS:
            getattr(self._c, name).restype = ctypes.c_void_p
        self._c.TF_StringGetSize.restype = self._c.TF_TensorByteSize.restype = ctypes.c_size_t
        self._c.TF_Dim.restype = ctypes.c_int64
        self._c.TF_Message.restype = ctypes.c_char_p
        self._signatures = signatures
        self._status = ctypes.c_void_p(self._c.TF_NewStatus())
        for library in libraries:
            self._c.TF_LoadLibrary(library.encode(), self._status)
            self._check()
        self._graph = ctypes.c_void_p(self._c.TF_NewGraph())
        tags = (ctypes.c_char_p * 1)(b"serve")
        options = ctypes.c_void_p(self._c.TF_NewSessionOptions())
        if threads:  # ConfigProto{intra_op_parallelism_threads: 2, inter_op_parallelism_threads: 5} on the wire
            config = bytes((0x10, threads, 0x28, threads))
            self._c.TF_SetConfig(options, config, ctypes.c_size_t(len(config)), self._status)
            self._check()
        self._session = ctypes.c_void_p(
            self._c.TF_LoadSessionFromSavedModel(
                options, None, export.encode(), tags, 1, self._graph, None, self._status
            )
        )
        self._check()

    def ask(self, signature: str, inputs: dict[str, object]) -> dict[str, np.ndarray]:
        """Run a signature on nested lists or arrays. Strings are bytes in inputs and outputs."""
        named = self._signatures[signature]
        tensors = [self._tensor(value, named["inputs"][name][1]) for name, value in inputs.items()]
        fed = (_Output * len(inputs))(*(self._output(named["inputs"][name][0]) for name in inputs))
        fetched = (_Output * len(named["outputs"]))(*(self._output(one[0]) for one in named["outputs"].values()))
        values, found = (ctypes.c_void_p * len(inputs))(*tensors), (ctypes.c_void_p * len(named["outputs"]))()
        self._c.TF_SessionRun(
            self._session, None, fed, values, len(inputs), fetched, found, len(found), None, 0, None, self._status
        )
        for tensor in tensors:
            self._c.TF_DeleteTensor(ctypes.c_void_p(tensor))
        self._check()
        return {name: self._array(ctypes.c_void_p(one)) for name, one in zip(named["outputs"], found, strict=True)}

    def _tensor(self, value: object, dtype: int) -> int:
        array = np.asarray(value, object if dtype == _STRING else _NUMBERS[dtype])
        size = array.size * _STRING_BYTES if dtype == _STRING else array.nbytes
        tensor = self._c.TF_AllocateTensor(
            dtype, (ctypes.c_int64 * array.ndim)(*array.shape), array.ndim, ctypes.c_size_t(size)
        )
        data = self._c.TF_TensorData(ctypes.c_void_p(tensor))
        if dtype != _STRING:
            ctypes.memmove(data, np.ascontiguousarray(array).ctypes.data, size)
        elif size:
            ctypes.memset(data, 0, size)  # all of them empty strings
            copy = self._c.TF_StringCopy
            for at, text in enumerate(array.ravel()):
                if text:
                    copy(ctypes.c_void_p(data + at * _STRING_BYTES), text, ctypes.c_size_t(len(text)))
        return tensor

    def _array(self, tensor: ctypes.c_void_p) -> np.ndarray:
        shape = [self._c.TF_Dim(tensor, axis) for axis in range(self._c.TF_NumDims(tensor))]
        dtype, data = self._c.TF_TensorType(tensor), self._c.TF_TensorData(tensor)
        if dtype == _STRING:
            places = [ctypes.c_void_p(data + at * _STRING_BYTES) for at in range(int(np.prod(shape)))]
            texts = [
                ctypes.string_at(self._c.TF_StringGetDataPointer(place), self._c.TF_StringGetSize(place))
                for place in places
            ]
            found = np.array(texts, object).reshape(shape)
        else:
            found = np.frombuffer(ctypes.string_at(data, self._c.TF_TensorByteSize(tensor)), _NUMBERS[dtype])
            found = found.reshape(shape)
        self._c.TF_DeleteTensor(tensor)
        return found

    def _output(self, name: str) -> _Output:
        operation, _, index = name.partition(":")
        return _Output(self._c.TF_GraphOperationByName(self._graph, operation.encode()), int(index or 0))

    def _check(self) -> None:
        if code := self._c.TF_GetCode(self._status):
            raise RuntimeRefused(code, self._c.TF_Message(self._status).decode("utf-8", "replace"))


_POINTERS = (
    "TF_NewStatus",
    "TF_NewGraph",
    "TF_NewSessionOptions",
    "TF_LoadLibrary",
    "TF_LoadSessionFromSavedModel",
    "TF_AllocateTensor",
    "TF_TensorData",
    "TF_GraphOperationByName",
    "TF_StringGetDataPointer",
)

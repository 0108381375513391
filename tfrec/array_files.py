"""Files of named arrays (.npz) from elsewhere: their sizes are checked before anything is unpacked."""

from __future__ import annotations

import math
import os
import zipfile
from pathlib import Path

import numpy as np


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an `.npz` file.

    A small file can unpack to more than the memory holds, and an array's header can claim any size.

    Args:
        path: the file.

    Raises:
        ValueError: if an array is not what its header claims, holds objects, or the arrays take over half of the
            machine's memory.
        zipfile.BadZipFile: if the file is no archive.
        OSError: if it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        total = sum(member.file_size for member in archive.infolist())
        if total > (limit := _memory() // 2):
            raise ValueError(f"its arrays take {total:,} bytes, and at most {limit:,} fit into half of the memory")
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
            claimed = math.prod(shape) * dtype.itemsize
            if dtype.hasobject or min(shape, default=0) < 0 or claimed > member.file_size:
                raise ValueError(f"'{member.filename[:60]}' claims the shape {shape}, which it does not hold")
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except MemoryError as error:
        raise ValueError(f"its arrays do not fit into the memory: {error}") from error


def _memory() -> int:
    """Bytes of memory of the machine."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 16 << 30

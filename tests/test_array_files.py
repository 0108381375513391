"""Files that claim, or unpack to, too many bytes."""

import io
import zipfile

import numpy as np
import pytest

from tfrec import array_files, file_hashes
from tfrec.array_files import read_arrays
from tfrec.errors import InputError
from tfrec.serving.files import recorded_answers


def header(shape, dtype="<f4"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_arrays_are_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(6.0).reshape(2, 3), none=np.zeros((0, 4)), one=np.array(7))
    found = read_arrays(tmp_path / "a.npz")
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]] and found["none"].shape == (0, 4) and found["one"] == 7


@pytest.mark.parametrize("shape, dtype", [((10**13,), "<f4"), ((-3, -3), "<f4"), ((1,), "|O")])
def test_a_header_that_does_not_fit_the_data_raises_an_error(tmp_path, shape, dtype):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", header(shape, dtype) + bytes(8))
    with pytest.raises(ValueError):
        read_arrays(tmp_path / "a.npz")


def test_arrays_larger_than_the_memory_raise_an_error(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(100_000))
    monkeypatch.setattr(array_files, "_memory", lambda: 100_000)
    with pytest.raises(ValueError, match="its arrays take 800,128 bytes, and at most 50,000"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "read", [lambda folder: file_hashes.read_json(folder / recorded_answers.PLACE), recorded_answers.read]
)
def test_json_larger_than_any_that_tfrec_writes_is_not_read(tmp_path, read):
    path = tmp_path / recorded_answers.PLACE
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(file_hashes.LARGEST_JSON + 1)  # a hole, which takes no space on the disk
    with pytest.raises(InputError, match="268,435,457 bytes: expected at most 268,435,456"):
        read(tmp_path)

"""Store the weights of a preset as float16, which takes half the space of float32."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tfrec import atomic
from tfrec.errors import InputError
from tfrec.presets import manifest

WEIGHTS, METRICS = "model.weights.h5", "metrics.json"
DTYPES = ("float32", "float16")
_LARGEST = float(np.finfo("float16").max)
_SMALLEST = 1e-4  # numbers below 6e-5 have fewer bits in float16


def check_dtype(dtype: Any) -> str:
    """The dtype; raises `InputError` if weights cannot be stored in it."""
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype
    raise InputError(
        f"Weights are stored as {' or '.join(DTYPES)}, got {dtype!r}. For int8, save the result of "
        "tfrec.presets.in_int8."
    )


def as_stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """An array in its stored form: cast to `dtype` if it is a matrix of float32 or float16, and unchanged otherwise.

    Vectors, such as biases and the statistics of normalisation, take little space and are not changed. An array whose
    largest number is above 65,504 or below 0.0001 is not changed either, because float16 would lose its values.
    """
    if values.ndim < 2 or values.dtype not in (np.float32, np.float16):
        return values
    largest = np.abs(values).max(initial=0)
    is_damaged = dtype == "float16" and (largest > _LARGEST or 0 < largest < _SMALLEST)
    return values if is_damaged else values.astype(dtype)


def round_weights(model: Any, dtype: str) -> None:
    """Round the weights of a model as a preset of this dtype does, so that both give equal answers."""
    weights = model.get_weights()
    model.set_weights([as_stored(np.asarray(values), dtype).astype(values.dtype) for values in weights])


def save_weights(model: Any, path: Path, dtype: str) -> None:
    """Write the weights of a model to an HDF5 file, which Keras' `load_weights` reads."""
    model.save_weights(path)
    if dtype != "float32":
        rewrite(path, dtype)


def rewrite(path: Path, dtype: str) -> None:
    """Change the dtype of a weights file."""
    new_path = path.with_name(f"{path.name}.new")  # a dataset that is deleted would keep its space
    with h5py.File(path, "r") as old, h5py.File(new_path, "w") as new:

        def copy(name: str, found: h5py.Group | h5py.Dataset) -> None:
            if isinstance(found, h5py.Group):
                new.require_group(name).attrs.update(found.attrs)
            elif found.ndim < 2 or found.dtype.kind != "f":
                old.copy(found, new, name)
            else:
                new.create_dataset(name, data=as_stored(found[()], dtype)).attrs.update(found.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)
    new_path.replace(path)


def convert(folder: str | Path, dtype: str = "float16", measured: Mapping[str, Any] | None = None) -> Path:
    """Store the weights of a saved preset in another dtype. The preset is replaced in one step, never half-written.

    Matrices become float16 and are read back as float32. The file has half the size, and numbers keep a precision of
    eleven bits, which rarely changes recommendations: check it with `tfrec evaluate`. Converting a preset back to
    float32 does not restore the lost bits.

    Args:
        folder: the preset's folder.
        dtype: "float16" or "float32".
        measured: metrics of the converted preset. They are added to metrics.json, with the dtype, as the entry
            "stored_weights", next to the metrics of the training run.

    Raises:
        InputError: if the folder is not a preset, one of its files has changed, or the dtype is another one.

    Example:
        >>> from tfrec import data, models, presets
        >>> spec = data.FeatureSpec.fit(data.generate_world(num_users=60, num_items=120), max_length=10)
        >>> folder = presets.save(models.SASRec(spec.num_items, max_length=10), spec, "films")
        >>> before = (folder / "model.weights.h5").stat().st_size
        >>> (presets.convert(folder) / "model.weights.h5").stat().st_size < 0.8 * before
        True
    """
    folder = Path(folder)
    check_dtype(dtype)
    if not (folder / manifest.NAME).is_file():
        raise InputError(f"{folder} is not a preset: it has no {manifest.NAME}.")
    manifest.verify(folder)
    with atomic.new_folder(folder) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        rewrite(new / WEIGHTS, dtype)
        metrics = {**manifest.read_json(new / METRICS), "stored_weights": {"dtype": dtype, **(measured or {})}}
        manifest.write_json(new / METRICS, metrics)
        manifest.update(new, WEIGHTS, METRICS)
    return folder

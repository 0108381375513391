"""Save the state of a run about every minute, and resume an interrupted run from it."""

from __future__ import annotations

import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tfrec import atomic, environment
from tfrec.data import Examples, Interactions
from tfrec.data.tables.data_hashes import data_hashes, same_data
from tfrec.errors import InputError
from tfrec.training.recipe_file import RecipeFile

SECONDS_APART = 60
_RUN = "run.json"
_ARRAYS = "state.npz"
_ITERATORS_AN_EPOCH = 2  # Keras' fit creates two of a dataset of known length: one to use, one at the end
_EARLY = ("wait", "best", "best_epoch", "stopped_epoch")


class TrainingState(keras.callbacks.Callback):
    """Saves the state of a run in a folder, and resumes the run from it.

    In addition to weights and optimizer, which `keras.callbacks.BackupAndRestore` saves, the state holds the random
    generators, the state of early stopping with the best weights so far, and the history. The folder is replaced
    atomically, so a process killed at any moment leaves a usable state.

    It must come after `early` in the list of callbacks, because it saves and restores the state of `early`.

    Args:
        folder: folder of the state; None saves nothing. An existing state must be of the same recipe and data.
        recipe: recipe of the run.
        table: table of the run.
        early: the early stopping callback, which keeps the best weights.

    Attributes:
        history: one value per epoch for each log, over all parts of the run.
        first_epoch: number of finished epochs, for `fit(initial_epoch=...)`; the maximum if the run had ended.

    Raises:
        InputError: if the folder holds other files, is damaged, or belongs to another recipe or other data.
    """

    def __init__(
        self,
        folder: Path | None,
        recipe: RecipeFile,
        table: Interactions | Examples,
        early: keras.callbacks.EarlyStopping,
    ) -> None:
        super().__init__()
        self._folder = folder
        self._early = early
        self._began = self._saved = time.perf_counter()
        self._earlier_seconds = 0.0
        self._arrays: dict[str, list[np.ndarray]] = {}
        self.history: dict[str, list[float]] = {}
        self.first_epoch = 0
        if folder is None:
            return
        self._identity = {"recipe": json.loads(json.dumps(recipe.to_json())), **data_hashes(table)}
        if folder.exists():
            state = _read(folder)
            self._check_same(state)
            self._arrays = _read_arrays(folder)
            self._early_state = state["early_stopping"]
            self._earlier_seconds = state["seconds"]
            self.history = state["history"]
            self.first_epoch = recipe.epochs if state["finished"] else state["epochs"]

    @property
    def seconds(self) -> float:
        """Training time so far, including earlier parts of the run."""
        return self._earlier_seconds + time.perf_counter() - self._began

    @property
    def resume_note(self) -> str | None:
        """A line for the user if the run is resumed; else None."""
        if not self._arrays:
            return None
        done = len(next(iter(self.history.values())))
        return f"Resuming after epoch {done}, {self._earlier_seconds:,.0f} s of training, from {self._folder}"

    def skip_orders(self, batches: Iterable) -> None:
        """Advance the shuffling of a dataset past the finished epochs, by creating one iterator for each."""
        for _ in range(_ITERATORS_AN_EPOCH * self.first_epoch):
            iter(batches)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the saved state. By now Keras has built everything and reset early stopping."""
        if not self._arrays:
            return
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        for name, variables in {"model": self.model.variables, "optimizer": optimizer.variables}.items():
            values = self._arrays[name]
            if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
                raise InputError(
                    f"{self._folder} holds an unfinished run whose {name} does not fit: it was written by another "
                    "version. Start again with --restart, or delete the folder."
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        for name, value in self._early_state.items():
            setattr(self._early, name, value)
        self._early.best_weights = self._arrays["best"]
        self._arrays = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the logs, and save the state if the last save is old enough or the run has ended."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        finished = bool(self.model.stop_training) or epoch + 1 == self.params["epochs"]
        if self._folder and (finished or time.perf_counter() - self._saved >= SECONDS_APART):
            self._save(self._folder, epoch + 1, finished)
            self._saved = time.perf_counter()

    def _save(self, folder: Path, epochs: int, finished: bool) -> None:
        arrays = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "best": self._early.best_weights or [],
        }
        state = {
            **self._identity,
            "versions": environment.versions(),
            "epochs": epochs,
            "finished": finished,
            "seconds": round(self.seconds, 1),
            "early_stopping": {name: _plain(getattr(self._early, name)) for name in _EARLY},
            "history": self.history,
            "arrays": {name: len(values) for name, values in arrays.items()},
        }
        with atomic.new_folder(folder) as new:
            flat = {f"{name}/{i}": _array(value) for name, values in arrays.items() for i, value in enumerate(values)}
            np.savez(new / _ARRAYS, **flat)
            (new / _RUN).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")

    def _check_same(self, state: dict[str, Any]) -> None:
        what = None
        own, other = self._identity["recipe"], state["recipe"]
        differing = sorted(name for name in own.keys() | other.keys() if own.get(name) != other.get(name))
        if differing:
            name = differing[0]
            what = f"another recipe: its {name} is {other.get(name)!r}, now it is {own.get(name)!r}"
        elif not same_data(state, self._identity):
            what = "other data"
        if what:
            raise InputError(
                f"{self._folder} holds an unfinished run of {what}. To resume it, use the same recipe and data; to "
                "start again, use --restart or another --out."
            )


def discard(folder: Path) -> None:
    """Delete the state of a run, if there is one, and temporary files of killed processes.

    Raises:
        InputError: if the folder holds other files.
    """
    atomic.clear_left(folder.parent, re.escape(folder.name))
    if folder.exists():
        _read(folder)
        shutil.rmtree(folder)


def _read(folder: Path) -> dict[str, Any]:
    try:
        state = json.loads((folder / _RUN).read_text(encoding="utf-8"))
        expected = {"recipe", "data_sha256", "epochs", "finished", "seconds", "early_stopping", "history", "arrays"}
        if not expected <= state.keys():
            raise ValueError("entries are missing")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{folder} should hold the state of an unfinished run, but cannot be read as one: {error}. Move it away, "
            "or use another --out."
        ) from error
    return state


def _read_arrays(folder: Path) -> dict[str, list[np.ndarray]]:
    counts = _read(folder)["arrays"]
    try:
        with np.load(folder / _ARRAYS) as file:
            return {name: [file[f"{name}/{i}"] for i in range(count)] for name, count in counts.items()}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{folder / _ARRAYS} cannot be read: {error}. Start again with --restart, or delete {folder}."
        ) from error


def _array(value: Any) -> np.ndarray:
    array = keras.ops.convert_to_numpy(value)
    return array.astype("float32") if array.dtype.kind == "V" else array  # NumPy's files do not support bfloat16


def _plain(value: Any) -> int | float | None:
    return value.item() if hasattr(value, "item") else value

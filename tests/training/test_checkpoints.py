"""An interrupted run continues, and gives the same result as without the interruption."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from tfrec.data import generate_world
from tfrec.errors import InputError
from tfrec.training import Recipe, checkpoints, train

pytestmark = pytest.mark.slow

# Sampled negatives and dropout draw random numbers, the cosine counts steps, patience counts epochs.
RECIPE = Recipe(
    epochs=4,
    patience=3,
    group_by_length=False,  # one width to compile for
    max_length=12,
    batch_size=16,
    loss={"class": "SampledSoftmax", "num_negatives": 16},
    model={"class": "SASRec", "hidden_dim": 8, "num_blocks": 1, "dropout": 0.3},
    optimizer={"class": "Adam", "learning_rate": 1e-2},
)
WORLD = {"num_users": 100, "num_items": 120, "seed": 0}


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):
    monkeypatch.setattr(checkpoints, "SECONDS_APART", 0)


@pytest.fixture(scope="module")
def table():
    return generate_world(**WORLD)


@pytest.fixture(scope="module")
def uninterrupted(table):
    return train(table, RECIPE, verbose=0)


class Interrupt(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.at = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.at:
            raise KeyboardInterrupt


def assert_same(training, expected):
    assert training.history.keys() == expected.history.keys()
    for name, values in expected.history.items():
        assert training.history[name] == pytest.approx(values, rel=1e-4, abs=1e-6), name
    assert training.best_epoch == expected.best_epoch
    for value, wanted in zip(training.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def after_one_epoch(table, tmp_path_factory):
    """The state of a run that was interrupted after its first epoch."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoints, "SECONDS_APART", 0)
        train(table, RECIPE, verbose=0, callbacks=[Interrupt(1)], checkpoint=folder)
    return folder


@pytest.fixture
def folder(after_one_epoch, tmp_path):
    return shutil.copytree(after_one_epoch, tmp_path / "run")


def test_a_resumed_run_ends_with_the_same_weights(folder, table, uninterrupted):
    with pytest.raises(KeyboardInterrupt):
        train(table, RECIPE, verbose=0, callbacks=[Interrupt(2)], checkpoint=folder)
    seconds = json.loads((folder / "run.json").read_text())["seconds"]
    training = train(table, RECIPE, verbose=0, checkpoint=folder)
    assert_same(training, uninterrupted)
    assert training.seconds > seconds > 0
    # If it was killed after its last epoch, it does not train again.
    nothing = [Interrupt(epoch) for epoch in range(1, 5)]
    assert_same(train(table, RECIPE, verbose=0, callbacks=nothing, checkpoint=folder), uninterrupted)


def test_a_resumed_run_keeps_the_state_of_early_stopping(table, tmp_path):
    folder = tmp_path / "run"
    recipe = Recipe(**{**vars(RECIPE), "patience": 2, "optimizer": {"class": "SGD", "learning_rate": 1e-9}})
    expected = train(table, recipe, verbose=0)
    assert len(expected.history["loss"]) == 3  # the first epoch was the best
    with pytest.raises(KeyboardInterrupt):
        train(table, recipe, verbose=0, callbacks=[Interrupt(2)], checkpoint=folder)
    assert_same(train(table, recipe, verbose=0, checkpoint=folder), expected)


KILLED = """
import os, signal, sys
from pathlib import Path
from tfrec.data import generate_world
from tfrec.training import Recipe, checkpoints, train

checkpoints.SECONDS_APART = 0

real, calls = os.fsync, []
def fsync(file):
    calls.append(file)
    if len(calls) == 6:  # two files an epoch: while the third is saved
        os.kill(os.getpid(), signal.SIGKILL)
    return real(file)
os.fsync = fsync
table = generate_world(**{world})
train(table, Recipe.load(sys.argv[2]), verbose=0, checkpoint=Path(sys.argv[1]))
"""


def test_a_killed_process_leaves_a_state_that_can_be_resumed(table, uninterrupted, tmp_path):
    """Interrupted while it saves; between epochs, an interrupt is the same as a kill."""
    (tmp_path / "recipe.toml").write_text(RECIPE.to_toml())
    folder = tmp_path / "run"
    script = KILLED.replace("{world}", repr(WORLD))
    command = [sys.executable, "-c", script, str(folder), str(tmp_path / "recipe.toml")]
    done = subprocess.run(command, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert json.loads((folder / "run.json").read_text())["epochs"] == 2
    assert_same(train(table, RECIPE, verbose=0, checkpoint=folder), uninterrupted)


def test_the_state_of_another_run_raises_an_error_and_can_be_discarded(folder, table):
    other = Recipe(**{**vars(RECIPE), "epochs": 7})
    with pytest.raises(InputError, match=r"another recipe: its epochs is 4, now it is 7.*--restart"):
        train(table, other, verbose=0, checkpoint=folder)
    with pytest.raises(InputError, match="unfinished run of other data"):
        train(generate_world(**{**WORLD, "seed": 1}), RECIPE, verbose=0, checkpoint=folder)
    later = dataclasses.replace(table, times=table.times * 2)  # in the same order: only the times differ
    assert later.sha256() == table.sha256()
    with pytest.raises(InputError, match="unfinished run of other data"):
        train(later, RECIPE, verbose=0, checkpoint=folder)
    state = json.loads((folder / "run.json").read_text())
    assert state.pop("content_sha256")
    (folder / "run.json").write_text(json.dumps(state))  # as written before there was such a hash
    assert checkpoints.TrainingState(folder, RECIPE, table, keras.callbacks.EarlyStopping()).first_epoch == 1
    checkpoints.discard(folder)
    assert not folder.exists()
    checkpoints.discard(folder)


@pytest.mark.parametrize(("name", "message"), [("run.json", "cannot be read as one"), ("state.npz", "cannot be read")])
def test_a_damaged_state_raises_an_error(name, message, folder, table):
    (folder / name).write_bytes((folder / name).read_bytes()[:-200])
    with pytest.raises(InputError, match=message):
        train(table, RECIPE, verbose=0, checkpoint=folder)


def test_a_state_of_another_version_raises_an_error(folder, table):
    arrays = dict(np.load(folder / "state.npz"))
    np.savez(folder / "state.npz", **{**arrays, "model/0": arrays["model/0"][:-1]})
    with pytest.raises(InputError, match="whose model does not fit: it was written by another version"):
        train(table, RECIPE, verbose=0, checkpoint=folder)


def test_a_folder_with_other_files_is_not_changed(table, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for attempt in (
        lambda: checkpoints.discard(tmp_path),
        lambda: train(table, RECIPE, verbose=0, checkpoint=tmp_path),
    ):
        with pytest.raises(InputError, match="cannot be read as one"):
            attempt()
    assert (tmp_path / "thesis.txt").exists()

"""Models that are built after setting a seed depend only on the seed: importing a package draws no random numbers."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

SCRIPT = """
import random

import keras
import numpy as np

import tfrec


def state():
    return random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]


def made():
    keras.utils.set_random_seed(7)
    model = tfrec.models.SASRec(num_items=5, max_length=4, hidden_dim=4, num_blocks=1)
    return [*model.get_weights(), *(np.asarray(one.value) for one in model.non_trainable_variables)]


first = made()  # nothing of tfrec was loaded before
keras.utils.set_random_seed(7)
before = state()
assert random.random() == __import__("random").Random(7).random()
random.setstate(before[0])
for package in tfrec.__all__:
    loaded = getattr(tfrec, package)
    assert state() == before, package
    for name in getattr(loaded, "__all__", ()):  # classes may load when they are first named
        getattr(loaded, name)
        assert state() == before, f"{package}.{name}"
import tfrec.losses.negatives, tfrec.training.train_retrieval
assert state() == before
for again in (made(), made()):
    for ours, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(ours, theirs)
"""


def test_importing_draws_from_no_global_generator_and_equal_seeds_give_equal_models():
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

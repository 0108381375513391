"""Everything below the data runs on JAX too, in processes of their own: the same losses, the same scores."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ["tests/losses"]  # layers and operations are in the scores of every model
WHAT_COUNTS = "formula"  # most of the time goes into compiling, again for each case

pytestmark = [
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed"),
]


def on_jax(*command):
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # to compile, not to run
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quick, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_losses_pass_their_tests_on_jax():
    done = on_jax("-m", "pytest", "-p", "no:cacheprovider", "-m", "not tensorflow", "-k", WHAT_COUNTS, *ROOMS)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout


def test_every_model_gives_the_same_scores_on_jax(tmp_path):
    """The same weights, and so every layer."""
    script = str(ROOT / "tests" / "models" / "scores_of_all.py")
    done = on_jax(script, str(tmp_path / "jax.npz"))
    assert done.returncode == 0, done.stdout[-8000:]
    command = [sys.executable, script, str(tmp_path / "tensorflow.npz")]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    there, here = (np.load(tmp_path / f"{backend}.npz") for backend in ("jax", "tensorflow"))
    assert set(there.files) == set(here.files) and len(there.files) > 20
    for name in here.files:
        np.testing.assert_allclose(there[name], here[name], atol=2e-5, err_msg=name)


def test_models_on_jax_pull_in_neither_data_nor_tensorflow():
    script = (
        "import sys, keras, tfrec.models, tfrec.losses, tfrec.metrics; assert keras.backend.backend() == 'jax'\n"
        "heavy = {'tfrec.data', 'tensorflow'} & set(sys.modules); assert not heavy, heavy"
    )
    done = on_jax("-c", script)
    assert done.returncode == 0, done.stdout

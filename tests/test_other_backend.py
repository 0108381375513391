"""Everything below the data runs on JAX too: the same tests, in a process of their own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = [
    *("tests/ops", "tests/layers", "tests/losses"),
    *(f"tests/models/test_{model}.py" for model in ("bert4rec", "comirec", "sasrec", "tisasrec")),
]

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


def test_the_ground_floors_pass_their_tests_on_jax():
    done = on_jax("-m", "pytest", "-p", "no:cacheprovider", "-m", "not tensorflow", *ROOMS)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout


def test_models_on_jax_pull_in_neither_data_nor_tensorflow():
    script = (
        "import sys, keras, tfrec.models, tfrec.losses, tfrec.metrics; assert keras.backend.backend() == 'jax'\n"
        "heavy = {'tfrec.data', 'tensorflow'} & set(sys.modules); assert not heavy, heavy"
    )
    done = on_jax("-c", script)
    assert done.returncode == 0, done.stdout

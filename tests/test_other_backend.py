"""Layers, losses and models also run on JAX, in separate processes, with the same losses and scores."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "models"))

import scores_of_all  # noqa: E402

FOLDERS = ["tests/losses"]  # layers and operations are in the scores of every model
WHAT_COUNTS = "formula"  # most of the time goes into compiling, again for each case

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tensorflow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed"),
]


def on_jax(*command):
    quick = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # to compile, not to run
    path = os.pathsep.join(map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "models")))
    env = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "XLA_FLAGS": quick, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_losses_pass_their_tests_on_jax():
    done = on_jax("-m", "pytest", "-p", "no:cacheprovider", "-m", "not tensorflow", "-k", WHAT_COUNTS, *FOLDERS)
    assert done.returncode == 0, done.stdout[-8000:]
    assert " passed" in done.stdout


def test_every_model_gives_the_same_scores_on_jax_without_data_and_tensorflow(tmp_path):
    """The same weights, and so every layer."""
    script = (
        "import sys, keras, tfrec.models, tfrec.losses, tfrec.metrics; assert keras.backend.backend() == 'jax'\n"
        "heavy = {'tfrec.data', 'tensorflow'} & set(sys.modules); assert not heavy, heavy\n"
        "import numpy, scores_of_all; numpy.savez(sys.argv[1], **scores_of_all.scores())"
    )
    done = on_jax("-c", script, str(tmp_path / "jax.npz"))
    assert done.returncode == 0, done.stdout[-8000:]
    there, here = np.load(tmp_path / "jax.npz"), scores_of_all.scores()
    assert set(there.files) == set(here) and len(here) > 20
    for name, scores in here.items():
        np.testing.assert_allclose(there[name], scores, atol=2e-5, err_msg=name)

"""Two replicas give the loss and the weights of one device, also where they hold different numbers of targets."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("learning", [["sgd"], ["adam", "sasrec"]], ids=["all models, sgd", "sasrec, adam"])
def test_two_replicas_learn_what_one_device_learns(learning):
    script = Path(__file__).with_name("two_replicas.py")
    done = subprocess.run([sys.executable, str(script), *learning], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr

"""Two replicas give the loss and the weights of one device, also if they hold different numbers of targets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def test_two_replicas_learn_what_one_device_learns():
    script = Path(__file__).with_name("two_replicas.py")
    path = os.pathsep.join([str(script.parents[1]), *sys.path])
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr

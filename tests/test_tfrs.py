"""Loss, metric and exact index equal those of TensorFlow Recommenders on the same vectors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def found():
    env = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "tfrs_reference.py")], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_in_batch_loss_is_that_of_the_retrieval_task(found):
    """With and without sampling probabilities, accidental hits and hard negatives, with weights of the rows."""
    assert len(found["losses"]) == 8
    theirs, ours = np.array(found["losses"]).T
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert len(set(np.round(theirs, 4))) == 8  # each option changes the loss


def test_loss_metric_and_index_of_a_two_tower_model_are_theirs(found):
    loss, one, five, ids, scores = found["model"]
    np.testing.assert_allclose(loss[1], loss[0], rtol=1e-5)
    assert 0 < five[0] < 1
    np.testing.assert_allclose([one[1], five[1]], [one[0], five[0]], rtol=1e-6)
    assert ids[0] == ids[1]
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-5)

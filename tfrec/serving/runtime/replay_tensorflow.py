"""Run calls with TensorFlow's Python API, without tfrec: `python -I replay_tensorflow.py JOB ANSWERS`.

JOB is a JSON object: "export" names the folder, "calls" is a list of {"signature", "inputs"}, "libraries" are shared
libraries with custom operations. ANSWERS becomes the list of outputs. This file is run by its path. It blocks the
import of tfrec and keras, so the answers come from TensorFlow alone. (TensorFlow imports an installed keras for
`tf.keras`, but works without it.)
"""

import sys
from pathlib import Path

sys.modules["keras"] = sys.modules["tf_keras"] = sys.modules["tfrec"] = None  # any import of them now fails
sys.modules["jax"] = None  # TensorFlow Lite's converter imports an installed jax, but works without it
sys.path.insert(0, str(Path(__file__).parent))

import job  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(job_file: str, answers: str) -> None:
    """Run all calls."""
    task, found = job.read(job_file), []
    for library in task["libraries"]:
        tf.load_op_library(library)
    signatures = tf.saved_model.load(task["export"]).signatures
    for call in task["calls"]:
        function = signatures[call["signature"]]
        specs = function.structured_input_signature[1]
        given = {
            name: tf.constant(np.array(rows, specs[name].dtype.as_numpy_dtype), specs[name].dtype)
            for name, rows in call["inputs"].items()
        }
        found.append({name: value.numpy() for name, value in function(**given).items()})
    job.write(answers, found)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Ask an export in a process that has TensorFlow and nothing of ours: `python -I replay_tensorflow.py JOB ANSWERS`.

JOB is a JSON object: "export" names the folder, "calls" is a list of {"signature", "inputs"}, "libraries" are files
with operations that TensorFlow lacks. ANSWERS becomes the list
of their outputs. This file is run by its path. Importing tfrec or keras is made impossible here, so what answers is
TensorFlow alone. (TensorFlow imports an installed keras by itself, for `tf.keras`, and does without where it cannot.)
"""

import sys
from pathlib import Path

sys.modules["keras"] = sys.modules["tf_keras"] = sys.modules["tfrec"] = None  # any import of them now fails
sys.modules["jax"] = None  # TensorFlow's converter for phones imports an installed jax, and does without
sys.path.insert(0, str(Path(__file__).parent))

import job  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(asked: str, answers: str) -> None:
    """Make every call."""
    task, found = job.read(asked), []
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

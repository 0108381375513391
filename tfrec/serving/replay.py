"""Ask an export in a process that has TensorFlow and nothing of ours: `python replay.py EXPORT REQUESTS ANSWERS`.

REQUESTS is a JSON list of batches, each a list of histories; ANSWERS becomes the list of their answers. This file is
run by its path. Importing tfrec or keras is made impossible here, so what answers is TensorFlow alone. (TensorFlow
imports an installed keras by itself, for `tf.keras`, and does without where it cannot.)
"""

import json
import sys
from pathlib import Path

sys.modules["keras"] = sys.modules["tf_keras"] = sys.modules["tfrec"] = None  # any import of them now fails

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(export: str, requests: str, answers: str) -> None:
    """Replay every batch through `serving_default`."""
    recommend = tf.saved_model.load(export).signatures["serving_default"]
    found = []
    for batch in json.loads(Path(requests).read_text(encoding="utf-8")):
        width = max(map(len, batch))
        rows = [[*history, *[""] * (width - len(history))] for history in batch]
        answer = recommend(history=tf.constant(np.array(rows, dtype=object).reshape(len(batch), width), tf.string))
        ids = [[item.decode("utf-8") for item in row] for row in answer["item_ids"].numpy()]
        found.append({"item_ids": ids, "scores": answer["scores"].numpy().astype(float).tolist()})
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

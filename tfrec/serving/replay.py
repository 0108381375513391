"""Ask an export in a process that has TensorFlow and nothing of ours: `python replay.py EXPORT REQUESTS ANSWERS`.

REQUESTS is a JSON list of batches, each a dict: "history" is a list of histories, "timestamps" those of their items
where the export takes them. ANSWERS becomes the list of their answers. This file is run by its path. Importing tfrec or
keras is made impossible here, so what answers is TensorFlow alone. (TensorFlow imports an installed keras by itself,
for `tf.keras`, and does without where it cannot.)
"""

import json
import sys
from pathlib import Path

sys.modules["keras"] = sys.modules["tf_keras"] = sys.modules["tfrec"] = None  # any import of them now fails

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

_TYPES = {"history": (tf.string, ""), "timestamps": (tf.int64, 0)}  # and what stands at padding


def tensor(rows: list[list], dtype: tf.DType, padding: object) -> tf.Tensor:
    """Rows of any lengths, padded on the right."""
    width = max(map(len, rows))
    padded = [[*row, *[padding] * (width - len(row))] for row in rows]
    return tf.constant(np.array(padded, dtype=object).reshape(len(rows), width), dtype)


def main(export: str, requests: str, answers: str) -> None:
    """Replay every batch through `serving_default`."""
    recommend = tf.saved_model.load(export).signatures["serving_default"]
    found = []
    for batch in json.loads(Path(requests).read_text(encoding="utf-8")):
        answer = recommend(**{name: tensor(rows, *_TYPES[name]) for name, rows in batch.items()})
        ids = [[item.decode("utf-8") for item in row] for row in answer["item_ids"].numpy()]
        found.append({"item_ids": ids, "scores": answer["scores"].numpy().astype(float).tolist()})
    Path(answers).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

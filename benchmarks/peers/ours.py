"""Run by benchmarks/packing.py: SASRec of tfrec, and the same model trained by ordinary Keras code.

`keras padded`: rows padded to the full length, and the Keras loss on logits of all positions. `tfrec padded`: the same
rows with the loss of tfrec. `tfrec grouped`: also groups rows of similar length, as recipes do.
"""

import json
import sys
import time
from pathlib import Path

import keras
import pandas as pd

from tfrec import data, losses, models


def batches(rows, job, grouped):
    frame = pd.DataFrame([(user, item) for user, items in enumerate(rows) for item in items], columns=["user", "item"])
    table = data.Interactions.from_pandas(frame, user="user", item="item")
    found = data.sequences(table, spec(job), job["batch_size"], group_by_length=grouped, seed=0)
    return found.cache()


def spec(job):
    everything = pd.DataFrame({"user": 0, "item": range(1, job["num_items"] + 1)})
    table = data.Interactions.from_pandas(everything, user="user", item="item")
    return data.FeatureSpec.fit(table, max_length=job["max_length"])


class Logits(keras.layers.Layer):
    """Inner products with all rows of an embedding: the usual way to tie weights in Keras."""

    def __init__(self, items):
        super().__init__(name="logits")
        self.items = items

    def call(self, queries):
        return keras.ops.matmul(queries, keras.ops.transpose(self.items.embeddings))


def main():
    job, side = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
    keras.utils.set_random_seed(0)
    sizes = {name: job[name] for name in ("max_length", "hidden_dim", "num_blocks", "num_heads", "dropout")}
    model = models.SASRec(job["num_items"], **sizes)
    loss = losses.FullSoftmax()
    if side == "keras padded":
        model = keras.Model(model.inputs, Logits(model.embedding.items)(model.output))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=False)
    users, grouped = job["users"], side == "tfrec grouped"
    timed, warm = batches(job["rows"][:users], job, grouped), batches(job["rows"][users : 2 * users], job, grouped)
    tokens = sum(int((targets > 1).numpy().sum()) for _, targets, _ in timed)
    # Every width that the timed epoch has must have been traced.
    model.fit(warm.take(3) if not grouped else warm, epochs=1, shuffle=False, verbose=0)
    began = time.perf_counter()
    model.fit(timed, epochs=1, shuffle=False, verbose=0)
    seconds = time.perf_counter() - began
    print(json.dumps({"tokens": tokens, "seconds": seconds, "version": f"keras {keras.__version__}"}))


if __name__ == "__main__":
    main()

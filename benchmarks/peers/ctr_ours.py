"""Run by benchmarks/ctr.py: tfrec's ranking models on `tfrec.data.labelled`, by stock `fit`.

python ctr_ours.py JOB.json
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ctr_data import load

from tfrec import data, models


def build(job: dict, features: list[dict], clicks: float, seed: int) -> models.RankingModel:
    """The model of a job; its output starts at the share of clicks, as in recipes."""
    sizes = job["sizes"]
    deep, dim = {"hidden_dims": sizes["hidden"]}, sizes["embedding"]
    own = {
        "DeepFM": deep,
        "DCNv2": {**deep, "num_cross_layers": sizes["layers"], "structure": "parallel"},
        "AFM": {"attention_dim": dim},
        "AutoInt": {
            **deep,
            "num_layers": sizes["layers"],
            "num_heads": sizes["heads"],
            "head_dim": dim // sizes["heads"],
        },
        "DIN": {**deep, "attention_dims": sizes["attention"], "activation": "relu"},
        "DIEN": {**deep, "auxiliary_weight": 0.0, "activation": "relu"},
        "BST": {**deep, "num_heads": sizes["heads"], "activation": "relu"},
    }[job["model"]]
    bias = float(np.log(clicks / (1 - clicks)))
    same = {"embedding_dim": dim, "output_bias": bias, "seed": seed}
    return getattr(models, job["model"])(features, **own, **same)


class Epochs(keras.callbacks.Callback):
    """Times the epochs, and scores the parts after each."""

    def __init__(self, parts: list) -> None:
        super().__init__()
        self.parts = parts
        self.seconds: list[float] = []
        self.scores: list[list[np.ndarray]] = [[] for _ in parts]

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.began)
        for scores, part in zip(self.scores, self.parts, strict=True):
            logits = self.model.predict(part, verbose=0)[:, 0]
            scores.append(1 / (1 + np.exp(-logits.astype(np.float64))))


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    tf.config.threading.set_intra_op_parallelism_threads(job["threads"])
    split, spec = load(job["data"], Path(job["folder"]), job["rows"])
    seconds, found = [], {}
    for seed in job["seeds"]:
        keras.utils.set_random_seed(seed)
        model = build(job, spec.model_features(), float(split.train.labels.mean()), seed)
        model.compile(
            keras.optimizers.Adam(job["sizes"]["learning_rate"], epsilon=1e-8),
            keras.losses.BinaryCrossentropy(from_logits=True),
            jit_compile=False,
        )
        how = {"known": split.train, "inputs": model.input_names}
        train = split.train.take(np.arange(job["take"])) if "take" in job else split.train
        train = data.labelled(train, spec, batch_size=job["batch_size"], shuffle=True, seed=seed, **how)
        parts = [data.labelled(getattr(split, part), spec, batch_size=4096, **how) for part in job["parts"]]
        epochs = Epochs(parts)
        model.fit(train, epochs=job["epochs"], shuffle=False, verbose=0, callbacks=[epochs])
        seconds.append(epochs.seconds)
        found |= {f"{seed}/{part}": np.array(scores) for part, scores in zip(job["parts"], epochs.scores, strict=True)}
    np.savez(job["scores"], **found)
    print(json.dumps({"seconds": seconds, "version": f"keras {keras.__version__}, tensorflow {tf.__version__}"}))


if __name__ == "__main__":
    main()

"""Run by benchmarks/ctr.py in an environment with DeepCTR-Torch: its models, `compile` and `fit`.

    python ctr_deepctr.py JOB.json

DeepCTR-Torch passes numbers unchanged to the linear part and to the deep network, but not to the attention. Its models
with histories need the padding after the events. DCN-v2 is its `DCN` with matrices. Its regularisation, which is on by
default, is turned off.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from deepctr_torch.callbacks import Callback
from deepctr_torch.inputs import DenseFeat, SparseFeat, VarLenSparseFeat
from deepctr_torch.models import AFM, DCN, DIEN, DIN, AutoInt, DeepFM

WITH_HISTORY = ("DIN", "DIEN")


def columns_of(features: list[dict], dim: int, with_history: bool) -> list:
    """The library's description of the inputs."""
    found = []
    for feature in features:
        name, kind = feature["name"], feature["kind"]
        if kind == "numeric":
            found.append(DenseFeat(name))
        elif kind == "categorical":
            found.append(SparseFeat(name, feature["size"], dim))
        elif kind == "multivalued":
            found.append(VarLenSparseFeat(SparseFeat(name, feature["size"], dim), feature["length"], "mean"))
        elif with_history:
            (size,) = (one["size"] for one in features if one["name"] == feature["of"])
            shared = SparseFeat("hist_item", size, dim, embedding_name="item")
            found.append(VarLenSparseFeat(shared, feature["length"], length_name="seq_length"))
    return found


def inputs_of(arrays: dict, part: str, features: list[dict], with_history: bool) -> dict:
    """The arrays of a part, all float32, because the library concatenates them."""
    found = {}
    for feature in features:
        values = arrays[f"{part}/{feature['name']}"]
        if feature["kind"] != "sequence":
            found[feature["name"]] = values.astype(np.float32)
        elif with_history:
            lengths = (values != 0).sum(axis=1)
            places = (np.arange(values.shape[1]) - lengths[:, None]) % values.shape[1]
            found["hist_item"] = np.take_along_axis(values, places, axis=1).astype(np.float32)
            found["seq_length"] = lengths.astype(np.float32)
    return found


def build(job: dict, columns: list, seed: int):
    sizes, model = job["sizes"], job["model"]
    deep = {"dnn_hidden_units": tuple(sizes["hidden"])}
    same = {"l2_reg_embedding": 0.0, "seed": seed}
    linear = {"l2_reg_linear": 0.0}
    if model == "DeepFM":
        return DeepFM(columns, columns, **deep, **linear, **same)
    if model == "DCNv2":
        how = {"cross_num": sizes["layers"], "cross_parameterization": "matrix", "l2_reg_cross": 0.0}
        return DCN(columns, columns, **how, **deep, **linear, **same)
    if model == "AFM":
        sparse = [column for column in columns if not isinstance(column, DenseFeat)]
        return AFM(columns, sparse, attention_factor=sizes["embedding"], l2_reg_att=0.0, **linear, **same)
    if model == "AutoInt":
        return AutoInt(columns, columns, att_layer_num=sizes["layers"], att_head_num=sizes["heads"], **deep, **same)
    if model == "DIN":
        return DIN(columns, ["item"], att_hidden_size=tuple(sizes["attention"]), **deep, **same)
    return DIEN(columns, ["item"], gru_type="AUGRU", att_hidden_units=tuple(sizes["attention"]), **deep, **same)


class Epochs(Callback):
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
            scores.append(self.model.predict(dict(part), batch_size=4096)[:, 0])
        self.model.train()


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(job["threads"])
    with np.load(job["arrays"]) as stored:
        arrays = {name: values[: job.get("take")] for name, values in stored.items()}
    features = json.loads(Path(job["arrays"]).with_suffix(".json").read_text())
    with_history = job["model"] in WITH_HISTORY
    columns = columns_of(features, job["sizes"]["embedding"], with_history)
    train, *parts = (inputs_of(arrays, part, features, with_history) for part in ("train", *job["parts"]))
    seconds, found = [], {}
    for seed in job["seeds"]:
        model = build(job, columns, seed)
        model.compile(torch.optim.Adam(model.parameters(), lr=job["sizes"]["learning_rate"]), "binary_crossentropy")
        epochs = Epochs(parts)
        model.fit(
            dict(train),
            arrays["train/label"],
            batch_size=job["batch_size"],
            epochs=job["epochs"],
            verbose=0,
            callbacks=[epochs],
        )
        seconds.append(epochs.seconds)
        found |= {f"{seed}/{part}": np.array(scores) for part, scores in zip(job["parts"], epochs.scores, strict=True)}
    np.savez(job["scores"], **found)
    versions = f"deepctr-torch {version('deepctr-torch')}, torch {torch.__version__}"
    print(json.dumps({"seconds": seconds, "version": versions}))


if __name__ == "__main__":
    main()

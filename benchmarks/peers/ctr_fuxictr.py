"""Run by benchmarks/ctr.py in an environment with FuxiCTR: its models, data loader and training epochs.

    python ctr_fuxictr.py JOB.json

The wheel contains layers, loaders and the trainer, but not the models: they are in the folder `model_zoo` of the
repository, whose path is in the job. As in tfrec, padding is before the events, all features are fields, and BST reads
the output at the candidate's position.
"""

import importlib.util
import json
import logging
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from fuxictr.features import FeatureMap
from fuxictr.pytorch.dataloaders.npz_dataloader import NpzDataLoader
from fuxictr.pytorch.torch_utils import seed_everything

WITH_HISTORY = ("DIN", "BST")


def feature_map_of(features: list[dict], dim: int, with_history: bool, folder: str) -> FeatureMap:
    """The library's description of the inputs."""
    found = FeatureMap("ctr", folder)
    for feature in features:
        name, kind = feature["name"], feature["kind"]
        if kind == "numeric":
            found.features[name] = {"type": "numeric", "source": ""}
        elif kind == "categorical":
            found.features[name] = {"type": "categorical", "source": "", "vocab_size": feature["size"]}
        elif kind == "multivalued" or with_history:
            of = next((one for one in features if one["name"] == feature.get("of")), feature)
            spec = {"type": "sequence", "source": "", "vocab_size": of["size"], "padding_idx": 0}
            spec["max_len"] = feature["length"]
            if kind == "multivalued":
                spec["feature_encoder"] = "layers.MaskedAveragePooling()"
            else:
                spec["share_embedding"] = of["name"]
                found.features[of["name"]]["padding_idx"] = 0
            found.features[name] = spec
    found.labels, found.default_emb_dim = ["label"], dim
    found.num_fields = found.get_num_fields()
    found.set_column_index()
    return found


def build(job: dict, feature_map: FeatureMap, folder: str):
    """The model of a job, from the repository's `model_zoo`."""
    sizes, name = job["sizes"], job["model"]
    deep = {"dnn_hidden_units": sizes["hidden"]}
    fields = {"target_field": "item", "sequence_field": "history"}
    own = {
        "DeepFM": {"hidden_units": sizes["hidden"]},
        "DCNv2": {"parallel_dnn_hidden_units": sizes["hidden"], "num_cross_layers": sizes["layers"]},
        "AFM": {"attention_dim": sizes["embedding"]},
        "AutoInt": {
            **deep,
            "attention_layers": sizes["layers"],
            "num_heads": sizes["heads"],
            "attention_dim": sizes["embedding"],
        },
        "DIN": {
            **deep,
            "attention_hidden_units": sizes["attention"],
            **{f"din_{key}": value for key, value in fields.items()},
        },
        "BST": {
            **deep,
            "num_heads": sizes["heads"],
            "seq_pooling_type": "target",
            **{f"bst_{key}": value for key, value in fields.items()},
        },
    }[name]
    same = {"embedding_dim": sizes["embedding"], "learning_rate": sizes["learning_rate"], "optimizer": "adam"}
    same |= {"loss": "binary_crossentropy", "metrics": ["AUC"], "model_root": folder, "verbose": 0}
    inside = "DeepFM/DeepFM_torch" if name == "DeepFM" else name
    spec = importlib.util.spec_from_file_location(name, Path(job["zoo"]) / inside / "src" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)(feature_map, **own, **same)


def batches_of(arrays: dict, part: str, feature_map: FeatureMap, folder: str, batch_size: int, shuffle: bool):
    """The library's loader of a part, all float32, because the library concatenates the inputs."""
    names = [*feature_map.features, "label"]
    path = Path(folder) / f"{part}.npz"
    np.savez(path, **{name: arrays[f"{part}/{name}"].astype(np.float32) for name in names})
    return NpzDataLoader(feature_map, str(path), batch_size=batch_size, shuffle=shuffle, num_workers=0)


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(job["threads"])
    with np.load(job["arrays"]) as stored:
        arrays = {name: values[: job.get("take")] for name, values in stored.items()}
    features = json.loads(Path(job["arrays"]).with_suffix(".json").read_text())
    seconds, found = [], {}
    with tempfile.TemporaryDirectory() as folder:
        feature_map = feature_map_of(features, job["sizes"]["embedding"], job["model"] in WITH_HISTORY, folder)
        train = batches_of(arrays, "train", feature_map, folder, job["batch_size"], True)
        parts = {part: batches_of(arrays, part, feature_map, folder, 4096, False) for part in job["parts"]}
        for seed in job["seeds"]:
            seed_everything(seed)
            model = build(job, feature_map, folder)
            # What `fit` sets before its epochs; its evaluations are done here, and take no time of an epoch.
            model._max_gradient_norm, model._total_steps, model._stop_training = 10.0, 0, False
            model._eval_steps = float("inf")
            seconds.append([])
            scores: dict[str, list] = {part: [] for part in parts}
            for _ in range(job["epochs"]):
                began = time.perf_counter()
                model.train_epoch(train)
                seconds[-1].append(time.perf_counter() - began)
                for part, batches in parts.items():
                    scores[part].append(model.predict(batches))
            found |= {f"{seed}/{part}": np.array(values) for part, values in scores.items()}
    np.savez(job["scores"], **found)
    versions = f"fuxictr {version('fuxictr')}, torch {torch.__version__}"
    print(json.dumps({"seconds": seconds, "version": versions}))


if __name__ == "__main__":
    main()

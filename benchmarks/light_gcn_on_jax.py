"""Train LightGCN with `fit` on the JAX backend, on a GPU where there is one; TensorFlow is not needed.

    python benchmarks/light_gcn_on_jax.py PAIRS.npz OUT.json [--layers 3 --temperature .15 ...]

PAIRS.npz holds `train`, `held` and, to train on, nothing else: (N, 2) integer arrays of user and item ids, from 2 on,
with `num_users` and `num_items`. All items are ranked, those of `train` are left out, and Recall@K and NDCG@K are the
means over the users of `held`, as in the LightGCN paper (the ideal DCG has min(K, number of targets) terms).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import numpy as np

from tfrec import losses
from tfrec.models.collaborative.light_gcn import LightGCN


def evaluate(model, train, held, ks, batch_size=2048):
    """Metrics by name; the model's vectors are read once."""
    users, items = (np.asarray(part, "float32") for part in model.vectors.propagate())
    if model.temperature is not None:
        items = np.asarray(model.item_table(), "float32")
    table = keras.ops.convert_to_tensor(items.T)
    bounds = [np.searchsorted(part[:, 0], np.arange(len(users) + 1)) for part in (train, held)]
    asked = np.flatnonzero(np.diff(bounds[1]))
    discounts = 1 / np.log2(np.arange(2, max(ks) + 2))
    sums = {f"{name}@{k}": 0.0 for k in ks for name in ("recall", "ndcg")}
    for batch in np.array_split(asked, -(-len(asked) // batch_size)):
        scores = np.array(keras.ops.matmul(keras.ops.convert_to_tensor(users[batch]), table))
        scores[:, :2] = -np.inf
        is_target = np.zeros(scores.shape, bool)
        for row, user in enumerate(batch):
            scores[row, train[bounds[0][user] : bounds[0][user + 1], 1]] = -np.inf
            is_target[row, held[bounds[1][user] : bounds[1][user + 1], 1]] = True
        best = np.asarray(keras.ops.top_k(keras.ops.convert_to_tensor(scores), max(ks))[1])
        hits, count = np.take_along_axis(is_target, best, 1), is_target.sum(1)
        for k in ks:
            ideal = np.cumsum(discounts)[np.minimum(count, k) - 1]
            sums[f"recall@{k}"] += float((hits[:, :k].sum(1) / count).sum())
            sums[f"ndcg@{k}"] += float(((hits[:, :k] * discounts[:k]).sum(1) / ideal).sum())
    return {name: round(total / len(asked), 5) for name, total in sums.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--layers", type=int, default=3, help="0: matrix factorization, without the graph")
    parser.add_argument("--combine", default="mean")
    parser.add_argument("--temperature", type=float, default=0.15)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-2)
    parser.add_argument("--weight-decay", type=float, default=0.0)
    parser.add_argument("--batch-size", type=int, default=8192)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--every", type=int, default=5, help="epochs between two evaluations; 0: at the end only")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after the epoch that ends later than this")
    parser.add_argument("--k", type=int, nargs="+", default=[10, 20])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path, help="write the propagated vectors here")
    given = parser.parse_args()

    keras.utils.set_random_seed(given.seed)
    with np.load(given.pairs) as file:
        train, held = (np.unique(file[name].astype("int64"), axis=0) for name in ("train", "held"))
        sizes = int(file["num_users"]), int(file["num_items"])
    model = LightGCN(*sizes, given.dim, max(given.layers, 1), given.combine, given.temperature, given.seed)
    if given.layers:
        model.begin_training(train)
    optimizer = keras.optimizers.AdamW(given.rate, weight_decay=given.weight_decay, beta_2=0.99)
    model.compile(optimizer, losses.FullSoftmax())
    users, items = train[:, 0].astype("int32"), train[:, 1].astype("int32")
    began, curve = time.time(), []
    for epoch in range(1, given.epochs + 1):
        history = model.fit({"user": users}, items, batch_size=given.batch_size, epochs=1, verbose=0).history
        late = time.time() - began > given.seconds
        if (given.every and epoch % given.every == 0) or epoch == given.epochs or late:
            found = {"epoch": epoch, "loss": round(history["loss"][0], 4), "seconds": round(time.time() - began, 1)}
            curve.append(found | evaluate(model, train, held, given.k))
            print(json.dumps(curve[-1]), flush=True)
            settings = {name: str(value) if isinstance(value, Path) else value for name, value in vars(given).items()}
            given.out.write_text(json.dumps({"settings": settings, "curve": curve}, indent=1))
        if late:
            break
    if given.vectors:
        model.finish_training()
        found = {name: np.asarray(getattr(model.vectors, f"_{name}"), "float32") for name in ("users", "items")}
        np.savez_compressed(given.vectors, item_scale=np.asarray(model.vectors.item_scale), **found)


if __name__ == "__main__":
    main()

"""Run by benchmarks/serving.py: the indexes of tfrec.

`python serving_tfrec.py FOLDER build RECALL` writes a SavedModel for each index, in FOLDER/saved. Each measuring
process loads one of them through the C API, as the server does, without TensorFlow for Python. `read sum` and `read
max` are `tf.reduce_sum` and `tf.reduce_max` over the variable that `exact rows` searches, without the copy that `exact`
has of large tables. `python serving_tfrec.py FOLDER zoo PRESET` writes the item vectors of a preset, and the query
vectors of random histories.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from serving_turns import Data, K, say, take_turns

THREADS = int(os.environ["OMP_NUM_THREADS"])


def build(folder, wanted):
    import tensorflow as tf

    from tfrec.serving.files.saved_model import tensors_of
    from tfrec.serving.indexes import Exact
    from tfrec.serving.indexes import build as build_index

    data, manifest = Data(folder), {}
    exact = Exact(tf.Variable(np.array(data.items), trainable=False), len(data.items))
    tune = np.array(data.tune)[:, None]
    best = [exact.search(tf.constant(tune[at : at + 32]), tf.constant(K))[1] for at in range(0, len(tune), 32)]
    np.save(folder / "best.npy", np.concatenate(best))

    def save(name, module, signatures):
        shape = tf.TensorSpec((None, data.items.shape[1]), tf.float32, name="queries")
        made = {key: tf.function(one, input_signature=[shape]) for key, one in signatures.items()}
        tf.saved_model.save(module, str(folder / "saved" / name), signatures=made)
        (folder / "saved" / f"{name}.json").write_text(json.dumps(tensors_of(folder / "saved" / name)))

    def searching(index):
        return lambda queries: {"items": index.search(queries[:, None], tf.constant(K))[1]}

    reads = {
        "read sum": lambda queries: {"items": tf.reduce_sum(exact.table) + 0 * queries[0, 0]},
        "read max": lambda queries: {"items": tf.reduce_max(exact.table) + 0 * queries[0, 0]},
    }
    save("rows", exact, {"rows": searching(exact), **{key.replace(" ", "_"): one for key, one in reads.items()}})
    for kind in ("exact", "ivf", "int8"):
        began = time.perf_counter()
        index, how = build_index(kind, exact, tune, K, wanted)
        manifest[kind] = {**how, "build_seconds": round(time.perf_counter() - began, 1)}
        save(kind, index, {kind: searching(index)})
    say(manifest)


def zoo(folder, name):
    from tfrec import presets
    from tfrec.ops import RESERVED_IDS
    from tfrec.serving import exporter

    preset = presets.load(name)
    np.save(folder / "items.npy", np.asarray(preset.model.item_table(), np.float32)[RESERVED_IDS:])
    queries = np.concatenate([exporter._queries(preset, seed)[:, 0] for seed in range(6)])
    np.save(folder / "tune.npy", queries[:512])
    np.save(folder / "queries.npy", queries[512:])
    say({"items": preset.spec.num_items})


def side(folder, name):
    import importlib.util

    spec = importlib.util.find_spec("tensorflow")
    tensorflow = str(Path(spec.origin).parent)
    runtime = Path(__file__).parents[2] / "tfrec" / "serving" / "runtime"
    sys.path.insert(0, str(runtime))
    from c_session import Session

    saved = "rows" if name.startswith(("read", "exact rows")) else name
    signature = saved if name == "exact rows" else name.replace(" ", "_")
    tensors = json.loads((folder / "saved" / f"{saved}.json").read_text())
    session = Session(tensorflow, str(folder / "saved" / saved), tensors, threads=THREADS)
    take_turns(Data(folder), lambda queries: session.ask(signature, {"queries": queries})["items"], {})


if __name__ == "__main__":
    _, place, what, *more = sys.argv
    if what == "build":
        build(Path(place), float(*more))
    elif what == "zoo":
        zoo(Path(place), *more)
    else:
        side(Path(place), what)

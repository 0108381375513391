"""Run by benchmarks/serving.py: ScaNN, and the brute force of TensorFlow Recommenders.

`scann brute`: its exact search. `scann tree`: a tree of 2 sqrt(V) leaves, asymmetric hashing of two dimensions at a
time, the best 1,000 scored exactly (or a tenth of a small catalogue), and the smallest number of leaves that reaches
the recall for the tuning queries. Both use ScaNN's own bindings, with the threads sharing a batch. `tfrs brute`: the
BruteForce layer, a matmul and a top-k, as a tf.function.
"""

import importlib.metadata
import os
import sys
import time

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # TensorFlow Recommenders refuses Keras 3

import numpy as np
from serving_turns import Data, K, geometric, recall, smallest, take_turns

THREADS = int(os.environ["OMP_NUM_THREADS"])


def brute_of_tfrs(data):
    import tensorflow as tf
    import tensorflow_recommenders as tfrs

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    layer = tfrs.layers.factorized_top_k.BruteForce(k=K).index(tf.constant(np.array(data.items)))
    search = tf.function(layer, input_signature=[tf.TensorSpec((None, data.items.shape[1]), tf.float32)])
    return lambda queries: search(tf.constant(queries))[1].numpy(), {
        "version": "tensorflow-recommenders " + importlib.metadata.version("tensorflow-recommenders")
    }


def scann_of(data, side, wanted):
    from scann.scann_ops.py import scann_ops_pybind as scann

    began, items = time.perf_counter(), np.array(data.items)
    builder = scann.builder(items, K, "dot_product")
    reorder = min(1_000, max(2 * K, len(items) // 10))
    leaves = round(2 * np.sqrt(len(items)))
    if side == "scann brute":
        builder = builder.score_brute_force()
    else:
        sample = min(len(items), 250_000)
        builder = builder.tree(leaves, num_leaves_to_search=100, training_sample_size=sample)
        builder = builder.score_ah(2, anisotropic_quantization_threshold=0.2).reorder(reorder)
    builder.set_n_training_threads(THREADS)
    index, most = builder.build(), {}
    index.set_num_threads(THREADS)
    how = {"build_seconds": round(time.perf_counter() - began, 1)}

    def search(queries):
        if len(queries) == 1:
            return index.search_batched(queries, K, **most)[0]
        return index.search_batched_parallel(queries, K, **most, batch_size=-(-len(queries) // THREADS))[0]

    if side == "scann tree":
        tune, best = np.array(data.tune), np.array(data.best)

        def reaches(number):
            most["leaves_to_search"] = number
            return recall(search(tune), best) >= wanted

        most["leaves_to_search"] = smallest(geometric(leaves), reaches)
        how |= {"leaves": leaves, **most, "reordered": reorder}
    return search, how | {"version": "scann " + importlib.metadata.version("scann")}


def main(folder, side, wanted):
    data = Data(folder)
    search, how = brute_of_tfrs(data) if side == "tfrs brute" else scann_of(data, side, wanted)
    take_turns(data, search, how)


if __name__ == "__main__":
    main(*sys.argv[1:3], float(sys.argv[3]))

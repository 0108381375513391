"""TensorFlow Recommenders and tfrec on the same vectors, in a process of its own; test_tfrs.py runs it.

TensorFlow Recommenders needs Keras 2, which this environment variable names before TensorFlow is imported.
"""

import itertools
import json
import os

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import keras_rs
import numpy as np
import tensorflow as tf
import tensorflow_recommenders as tfrs

from tfrec import losses, models
from tfrec.serving.indexes.item_table import exact_indexes

V, D, B, K = 40, 8, 24, 5
rng = np.random.default_rng(0)
items, queries = rng.normal(size=(V + 2, D)).astype("float32"), rng.normal(size=(B, D)).astype("float32")
targets = rng.integers(2, 14, B).astype("int32")  # several of the same item
counts = np.arange(V, 0, -1)
probability = (counts / counts.sum()).astype("float32")


def their_loss(queries, vectors, corrected, weights=None, **kwargs):
    task = tfrs.tasks.Retrieval(**kwargs)
    given = {"candidate_sampling_probability": probability[targets - 2]} if corrected else {}
    found = task(queries, vectors, sample_weight=weights, candidate_ids=tf.constant(targets), **given)
    return float(found) / B  # a sum over the batch


def losses_of_both():
    found = []
    for hits, corrected, hard in itertools.product((False, True), (False, True), (None, 4)):
        weights = rng.uniform(0.5, 2, B).astype("float32")
        how = {"remove_accidental_hits": hits, "num_hard_negatives": hard}
        loss = losses.InBatchSoftmax(counts if corrected else None, correct_target=True, **how)
        theirs = their_loss(queries, items[targets], corrected, weights, **how)
        found.append((theirs, float(loss(targets, queries, weights, items=items))))
    return found


def model_of_both():
    """Loss, metric and index of a model, with its temperature."""
    model = models.TwoTower(V, num_users=B, max_length=4, hidden_dim=D, hidden_dims=[6], temperature=0.2, seed=0)
    names = [f"recall@{k}" for k in (1, K)]
    metrics = [keras_rs.metrics.RecallAtK(k=k, name=name) for k, name in zip((1, K), names, strict=True)]
    model.compile("sgd", losses.InBatchSoftmax(counts, correct_target=True), metrics=metrics)
    batch = {"user": np.arange(2, B + 2, dtype="int32"), "history": np.zeros((B, 2), "int32")}
    ours = model.evaluate(batch, targets, batch_size=B, verbose=0, return_dict=True)
    users, table = np.asarray(model(batch)), np.asarray(model.item_table())
    loss = their_loss(users * model.temperature, table[targets], True, temperature=0.2, remove_accidental_hits=True)
    index = tfrs.layers.factorized_top_k.BruteForce(k=K).index(table[2:], tf.range(2, V + 2))
    metric = tfrs.metrics.FactorizedTopK(index, ks=(1, K))
    metric.update_state(users, table[targets], true_candidate_ids=tf.constant(targets[:, None]))
    found = [(loss, ours["loss"])]
    found += [(float(theirs), ours[name]) for theirs, name in zip(metric.result(), names, strict=True)]
    scores, ids = index(users)
    exact, _ = exact_indexes(model, V)
    our_scores, codes = exact.search(tf.constant(users[:, None]), tf.constant(K))
    found += [
        (ids.numpy().tolist(), (codes.numpy() + 2).tolist()),
        (scores.numpy().tolist(), our_scores.numpy().tolist()),
    ]
    return found


if __name__ == "__main__":
    print(json.dumps({"losses": losses_of_both(), "model": model_of_both()}))

"""Run by test_two_replicas.py in a separate process: one device and two replicas must learn the same."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import contextlib

import keras
import numpy as np
import pandas as pd
import small_ranking
import tensorflow as tf
from drawn_weights import drawn
from small import VARIANTS, build, shallow

from tfrec.data import FeatureSpec, Interactions, masked_items, sequences
from tfrec.losses import BinaryCrossEntropy, FullSoftmax, SampledSoftmax

tf.config.set_visible_devices([], "GPU")
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


LENGTHS = (2, 3, 5, 2, 9, 12, 11, 10, 6)


def table() -> Interactions:
    """9 users of 2 to 12 items: the halves of a batch hold very different numbers of targets."""
    rng = np.random.default_rng(0)
    rows = [(user, item) for user, length in enumerate(LENGTHS) for item in rng.integers(0, 20, length)]
    frame = pd.DataFrame(rows, columns=["user", "item"])
    frame["time"] = 10**9 + 3600 * np.cumsum(rng.integers(1, 50, len(frame)))
    return Interactions.from_pandas(frame, user="user", item="item", time="time")


def predictions(model: keras.Model, batches: tf.data.Dataset) -> list[np.ndarray]:
    """The results of `evaluate` and `predict` with a last batch of one row, so that the second replica has no row."""
    last = batches.skip(len(list(batches)) - 1)
    return [np.array(model.evaluate(last, verbose=0)), model.predict(last, verbose=0)]


def learn(name: str, strategy: tf.distribute.Strategy | None, loss: str) -> tuple[list[float], list[np.ndarray]]:
    keras.utils.set_random_seed(0)
    data = table()
    spec = FeatureSpec.fit(data, max_length=8)
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = build(name, spec.num_items, max_length=8, dropout=0.0, seed=0, **shallow(name))
        drawn(model, scale=0.3)  # far from where normalising by almost nothing makes much of rounding
        step = keras.optimizers.Adam(0.01) if loss == "adam" else keras.optimizers.SGD(0.02)
        # One device step by step: a graph would be made for four of them.
        how = {"jit_compile": False, "run_eagerly": strategy is None}
        if loss == "taught":
            teacher = drawn(build(name, spec.num_items, max_length=8, seed=1), seed=1, scale=0.3)
            model.supervise_attention(1.0, teacher=teacher)
        model.compile(step, LOSSES.get(loss, FullSoftmax()), **how)
    batches = sequences(data, spec, batch_size=8, shuffle=False, inputs=model.input_names)
    if loss == "unweighted":
        batches = batches.map(lambda inputs, targets, _: (inputs, targets))
    if model.objective == "masked-item":
        batches = masked_items(batches, spec.mask_id).cache()  # masks are new in each pass, and the passes would differ
    assert [len(targets) for _, targets, *_ in batches] == [8, 1]
    losses = model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]
    predicted = predictions(model, batches) if name == "sasrec" else []
    return losses, model.get_weights() + predicted


# One feature of a kind: each takes its time when a graph is made.
FEW = [one for one in small_ranking.FEATURES if one["name"] in ("user", "age", "item", "genres", "history")]


def learn_to_rank(
    name: str, strategy: tf.distribute.Strategy | None, number: str
) -> tuple[list[float], list[np.ndarray]]:
    inputs = small_ranking.rows(int(number), features=FEW)
    labels = (inputs["user"] % 2).astype("float32")
    with strategy.scope() if strategy else contextlib.nullcontext():
        model = small_ranking.made(name, features=FEW, embedding_l2=0.01)
        how = {"jit_compile": False, "run_eagerly": strategy is None, "metrics": ["accuracy", "mse"]}
        model.compile("sgd", "binary_crossentropy", **how)
    rows = tf.data.Dataset.from_tensor_slices((small_ranking.given(model, inputs), labels)).batch(8)
    history = model.fit(rows, epochs=2, shuffle=False, verbose=0).history
    losses = [value for name in ("loss", "accuracy", "mse") for value in history[name]]
    return losses, model.get_weights() + predictions(model, rows)


LOSSES = {"sum": keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")}
two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
assert two.num_replicas_in_sync == 2
# One variant of each class; test_meaning.py tests on all variants that the halves of a batch add up.
one_of_each = {type(build(name)): name for name in reversed(VARIANTS)}
cases = [(name, "adam" if name == "comirec" else "softmax") for name in one_of_each.values()]
cases += [("stamp", loss) for loss in ("unweighted", "sum", "taught")]
cases += [("autoint", "9"), ("autoint", "3")]  # last batches of one row and of three
cases += [("bst", "1")]  # one replica never gets a row
for name, what in cases:
    learned = learn_to_rank if name in small_ranking.VARIANTS else learn
    one_losses, one_weights = learned(name, None, what)
    two_losses, two_weights = learned(name, two, what)
    apart = max(np.abs(a - b).max() for a, b in zip(one_weights, two_weights, strict=True))
    print(name, what, "losses", one_losses, two_losses, "largest difference of a weight", apart, flush=True)
    if what != "sum":  # Keras averages its logs as if it were a mean
        np.testing.assert_allclose(two_losses, one_losses, rtol=1e-5, err_msg=name)
    for ours, theirs in zip(one_weights, two_weights, strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-5, err_msg=name)

# Normalization over a batch uses the rows of its replica, which may have no rows.
with two.scope():
    model = small_ranking.build("bst", batch_norm=True)
    model.compile("sgd", "binary_crossentropy", jit_compile=False, run_eagerly=True)
model.fit(small_ranking.given(model, small_ranking.rows(9)), np.ones(9), batch_size=8, verbose=0)
assert all(np.isfinite(weight).all() for weight in model.get_weights())

# Losses that draw give other numbers on two replicas, but finite ones, also where a replica holds no row.
inputs = {"history": np.array([[0, 0, 0, 2, 3, 4]], "int32")}
for loss in (SampledSoftmax(4), BinaryCrossEntropy(4, draw_per="group")):
    with two.scope():
        model = build("stamp")
        model.compile("sgd", loss, jit_compile=False, run_eagerly=True)  # one step
    assert np.isfinite(model.fit(inputs, np.array([[0, 0, 0, 3, 4, 5]]), verbose=0).history["loss"]).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())

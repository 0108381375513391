"""Layers of tfrec in your own functional Keras model, without tfrec's data path or base classes.

    python examples/own_layers.py

The model predicts from the items of a session and the hour of the day whether the session ends with a purchase.
"""

import argparse

import keras
import numpy as np
from keras import ops

from tfrec.layers import AdditivePooling, EncoderBlock, ItemEmbedding
from tfrec.ops import PADDING_ID

NUM_ITEMS = 20


def build_model() -> keras.Model:
    """Self-attention over the session, additive pooling at its end, and the hour as a further input."""
    history = keras.Input((None,), dtype="int32", name="history")
    hour = keras.Input((1,), name="hour")
    padding_mask = ops.not_equal(history, PADDING_ID)  # id 0 is padding, on the left
    vectors = ItemEmbedding(NUM_ITEMS + 2, 16)(history)
    vectors = EncoderBlock(num_heads=2)(vectors, padding_mask)
    pooled = AdditivePooling()(vectors[:, -1:], vectors, padding_mask)[:, 0]
    output = keras.layers.Dense(1, activation="sigmoid")(ops.concatenate([pooled, hour], axis=-1))
    return keras.Model({"history": history, "hour": hour}, output)


def generate(num_rows: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Sessions that end with a purchase if they contain item 7, more often in the evening."""
    rng = np.random.default_rng(0)
    history = rng.integers(2, NUM_ITEMS + 2, (num_rows, 8)).astype("int32")
    history[np.arange(8) < rng.integers(0, 6, (num_rows, 1))] = PADDING_ID
    hour = rng.random((num_rows, 1)).astype("float32")
    logit = 4.0 * (history == 7).any(axis=1) + 2 * hour[:, 0] - 2
    return {"history": history, "hour": hour}, (rng.random(num_rows) < 1 / (1 + np.exp(-logit))).astype("float32")


def main(rows: int, epochs: int) -> None:
    """Run the example."""
    keras.utils.set_random_seed(0)
    inputs, bought = generate(rows)
    model = build_model()
    model.compile(keras.optimizers.Adam(5e-3), loss="binary_crossentropy", metrics=["auc"], jit_compile=False)
    model.fit(inputs, bought, batch_size=64, epochs=epochs, validation_split=0.2, verbose=2)
    sessions = {"history": np.array([[0, 0, 7], [0, 9, 8]], "int32"), "hour": np.array([[0.9], [0.1]], "float32")}
    print(model.predict(sessions, verbose=0).round(2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    main(**vars(parser.parse_args()))

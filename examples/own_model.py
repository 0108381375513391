"""Your own model, from class to server: write it in Keras, and tfrec trains, evaluates, saves and exports it.

    python examples/own_model.py

The query is a weighted mean of the item vectors of a history; newer items have larger weights.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
from keras import ops

import tfrec
from tfrec.layers import ItemEmbedding
from tfrec.ops import PADDING_ID, RESERVED_IDS


@keras.saving.register_keras_serializable(package="example")
class DecayingMean(tfrec.models.RetrievalModel):
    """Query l = sum over j <= l of decay^(l - j) v_j, through one dense layer. Its arguments are its attributes."""

    def __init__(
        self, num_items: int, max_length: int = 50, hidden_dim: int = 32, decay: float = 0.8, **kwargs: Any
    ) -> None:
        embedding = ItemEmbedding(num_items + RESERVED_IDS, hidden_dim, name="embedding")
        dense = keras.layers.Dense(hidden_dim, name="dense")

        # One query per position: each learns to predict the next item.
        history = keras.Input((None,), dtype="int32", name="history")
        real = ops.cast(ops.not_equal(history, PADDING_ID), "float32")
        places = ops.cumsum(ops.ones_like(real), axis=1)
        distance = ops.expand_dims(places, 2) - ops.expand_dims(places, 1)
        weights = ops.where(distance >= 0, decay ** ops.maximum(distance, 0.0), 0.0) * ops.expand_dims(real, 1)
        queries = dense(ops.matmul(weights, embedding(history)))
        super().__init__(inputs={"history": history}, outputs=queries, **kwargs)

        self.embedding, self.num_items, self.max_length = embedding, num_items, max_length
        self.hidden_dim, self.decay = hidden_dim, decay

    def item_table(self) -> Any:
        """The vectors of all ids, (num_items + 2, D)."""
        return ops.convert_to_tensor(self.embedding.items.embeddings)


def main(out: Path, users: int, epochs: int) -> None:
    """Run the example."""
    train, valid, test = tfrec.data.generate_world(users, num_items=150).split(tfrec.data.LeaveLastOut())
    spec = tfrec.data.FeatureSpec.fit(train, max_length=20)
    keras.utils.set_random_seed(0)
    model = DecayingMean(spec.num_items, max_length=20)
    model.compile("adam", loss=tfrec.losses.FullSoftmax(), jit_compile=False)
    model.fit(
        tfrec.data.sequences(train, spec, batch_size=32),
        validation_data=tfrec.data.sequences(valid, spec, batch_size=128),
        epochs=epochs,
        shuffle=False,  # the dataset shuffles itself
        verbose=2,
    )
    print(tfrec.evaluation.evaluate(model, spec, test))
    tfrec.presets.save(model, spec, out / "preset")
    version = tfrec.serving.export(out / "preset", out / "served", k=5)
    answer = tfrec.serving.replay(version, [tfrec.serving.Call("recommend", {"history": [["m0001", "m0002"]]})])[0]
    print(version, answer["item_ids"][0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/own_model"))
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=10)
    main(**vars(parser.parse_args()))

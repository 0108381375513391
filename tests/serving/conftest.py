"""A small preset with ids of any spelling, and its export."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import IDS, made

from tfrec import presets, serving
from tfrec.data import FeatureSpec, Interactions
from tfrec.models import SASRec


@pytest.fixture(scope="session")
def small_spec():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 6), "i": random.choice(IDS, 180)})
    return FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)


@pytest.fixture(scope="session")
def preset(small_spec, once):
    model = SASRec(small_spec.num_items, max_length=5, hidden_dim=8, seed=0)
    return presets.load(once("small", lambda folder: made(model, small_spec, folder / "preset").folder))


@pytest.fixture(scope="session")
def exported(preset, once):
    return once("served", lambda folder: serving.export(preset, folder / "films", k=4, verify="both"))


@pytest.fixture(scope="session")
def ask():
    """`ask(export, signature, **inputs)`: rows of any lengths in, texts and numbers out."""
    loaded = {}

    def call(export, signature="serving_default", **inputs):
        if export not in loaded:
            loaded[export] = tf.saved_model.load(str(export))
        function = loaded[export].signatures[signature]
        types = {name: spec.dtype for name, spec in function.structured_input_signature[1].items()}
        given = {name: tf.constant(rectangle(rows), types[name]) for name, rows in inputs.items()}
        return {name: texts(value.numpy()) for name, value in function(**given).items()}

    return call


def rectangle(rows):
    if not rows or not isinstance(rows[0], list):
        return rows
    width = max(map(len, rows))
    padding = 0 if any(isinstance(one, int | np.integer) for row in rows for one in row) else ""
    return [[*row, *[padding] * (width - len(row))] for row in rows]


def texts(values):
    if values.dtype != object:
        return values
    return np.array([text.decode() for text in values.ravel()], object).reshape(values.shape).tolist()

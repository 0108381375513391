"""A `.keras` file can be loaded in a process that has only imported tfrec and Keras."""

import os
import subprocess
import sys

import keras
import keras_rs
import numpy as np
import pytest
import small
import small_ranking

from tfrec import layers, losses

pytestmark = pytest.mark.slow

OPEN = """
import sys
import tfrec
import keras
assert "tensorflow" not in sys.modules or keras.backend.backend() == "tensorflow"
for path in sys.argv[1:]:
    model = keras.models.load_model(path)
    loss = getattr(model, "loss", None)
    print(type(model).__name__, type(loss).__name__)
"""


@pytest.fixture
def files(tmp_path):
    retrieval = small.build("sasrec")
    retrieval.compile(
        "adam", losses.SampledSoftmax(4, negatives="uniform"), metrics=[keras_rs.metrics.NDCG(k=10, name="ndcg")]
    )
    ranking = small_ranking.build("din")
    ranking.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    inputs = keras.Input((3,), dtype="int32")
    block = layers.SelfAttentionBlock(layers.SoftmaxAttention(2), layers.FeedForward(8), name="block")
    plain = keras.Model(inputs, block(keras.layers.Embedding(9, 8, mask_zero=True)(inputs)))
    paths = []
    for name, model in {"retrieval": retrieval, "ranking": ranking, "plain": plain}.items():
        paths.append(tmp_path / f"{name}.keras")
        model.save(paths[-1])
    return paths


def test_load_model_finds_the_registered_classes(files):
    command = [sys.executable, "-c", OPEN, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["SASRec", "SampledSoftmax"],
        ["DIN", "BinaryCrossentropy"],
        ["Functional", "NoneType"],
    ]


def test_weights_are_the_same_after_loading(files):
    again = keras.models.load_model(files[0])
    assert again.optimizer is not None and again.bound_vocabulary is None
    history = {"history": np.array([[2, 3, 4]])}
    assert np.isfinite(np.asarray(again.score(history))[:, 2:]).all()


@pytest.mark.parametrize(
    ("kind", "name", "weights_alone"), [(small, "sasrec", False), (small, "narm", True), (small_ranking, "din", False)]
)
def test_an_int8_model_can_be_saved_and_loaded(kind, name, weights_alone, tmp_path):
    model = kind.made(name, **small.shallow(name) if kind is small else {})
    inputs = small.given(model, [[0, 2, 3, 4]]) if kind is small else kind.given(model, kind.rows())
    if weights_alone:
        model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    else:
        model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    again = keras.models.load_model(tmp_path / "int8.keras")
    assert [weight.dtype for weight in again.weights] == [weight.dtype for weight in model.weights]
    assert "int8" in {str(weight.dtype) for weight in again.weights}
    np.testing.assert_array_equal(np.asarray(model.score(inputs)), np.asarray(again.score(inputs)))

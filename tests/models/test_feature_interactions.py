"""Tests of DeepFM, DCN-v2, AFM and AutoInt only. Tests of all ranking models are in test_ranking_meaning.py."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often
from small_ranking import FEATURES, build, given, made, rows

from tfrec.models import AFM, AutoInt, DCNv2, DeepFM
from tfrec.ops import feature_pairs

FIELDS = ["user", "age", "item", "genres", "year", "text", "hour"]
PAIRS = feature_pairs(range(len(FIELDS)))
ON_JAX = keras.backend.backend() == "jax"


def only(weights, *parts):
    (found,) = (value for path, value in weights.items() if all(part in path for part in parts))
    return found


def vectors_of(model, inputs, prefix="embedding"):
    """The formulas of `FeatureEmbedding`, a value at a time: (B, F, D)."""
    weights = {w.path: ops.convert_to_numpy(w).astype("float64") for w in model.weights if w.path.startswith(prefix)}

    def one(name, row):
        kind = next(feature["kind"] for feature in FEATURES if feature["name"] == name)
        value = inputs[name][row]
        if kind in ("numeric", "vector"):
            if np.isnan(value).any():
                return only(weights, f"{name}_missing")
            return np.atleast_1d(value) @ only(weights, f"{name}_map") + only(weights, f"{name}_bias")
        table = only(weights, f"{name}_table")
        if kind == "categorical":
            return table[value]
        return np.mean([table[each] for each in value if each] or [table[0]], axis=0)

    return np.array([[one(name, row) for name in FIELDS] for row in range(len(inputs["user"]))])


def output_of(model, inputs):
    return ops.convert_to_numpy(model(given(model, inputs)))[:, 0]


def relu_map(weights, x, prefix="deep/dense_0"):
    return np.maximum(x @ only(weights, prefix, "kernel") + only(weights, prefix, "bias"), 0)


@pytest.fixture(scope="module")
def inputs():
    return rows(6, missing=0.3)


def named(model):
    """Path -> float64 array."""
    return {w.path: ops.convert_to_numpy(w).astype("float64") for w in model.weights}


def test_deepfm_equals_the_formula(inputs):
    model = made("deepfm")
    weights, e = named(model), vectors_of(model, inputs)
    expected = vectors_of(model, inputs, "linear").sum(axis=(1, 2))
    expected += sum((e[:, i] * e[:, j]).sum(axis=-1) for i, j in PAIRS)
    hidden = relu_map(weights, e.reshape(6, -1))
    expected += (hidden @ weights["output/kernel"] + weights["output/bias"])[:, 0]
    np.testing.assert_allclose(output_of(model, inputs), expected, atol=2e-5)


@pytest.mark.parametrize("name", ["dcnv2", "dcnv2-parallel"])
def test_dcnv2_equals_the_formula(name, inputs):
    model = made(name)
    weights, x0 = named(model), vectors_of(model, inputs).reshape(6, -1)
    x = x0
    for place in (1, 2):
        cross = [value for path, value in weights.items() if path.startswith(f"cross_{place}/")]
        kernels, (bias,) = [one for one in cross if one.ndim == 2], [one for one in cross if one.ndim == 1]
        shapes = [(28, 4), (4, 28)] if name == "dcnv2-parallel" else [(28, 28)]
        assert [kernel.shape for kernel in kernels] == shapes
        x = x0 * (np.linalg.multi_dot([x, *kernels]) + bias) + x
    hidden = relu_map(weights, x) if name == "dcnv2" else np.concatenate([x, relu_map(weights, x0)], axis=1)
    expected = (hidden @ weights["output/kernel"] + weights["output/bias"])[:, 0]
    np.testing.assert_allclose(output_of(model, inputs), expected, rtol=2e-4, atol=2e-4)


def test_afm_equals_the_formula_and_returns_the_weights_of_pairs(inputs):
    model = made("afm")
    weights, e = named(model), vectors_of(model, inputs)
    products = np.stack([e[:, i] * e[:, j] for i, j in PAIRS], axis=1)
    scores = relu_map(weights, products, "hidden_map") @ only(weights, "score_map")
    share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    pooled = (share * products).sum(axis=1)
    expected = (pooled @ weights["output/kernel"] + weights["output/bias"])[:, 0]
    expected += vectors_of(model, inputs, "linear").sum(axis=(1, 2))
    np.testing.assert_allclose(output_of(model, inputs), expected, atol=2e-5)
    shown = ops.convert_to_numpy(model.attention_weights(given(model, inputs))["pairs"])
    np.testing.assert_allclose(shown, share[..., 0], atol=1e-5)
    assert model.attention_labels["pair"] == [f"{FIELDS[i]} x {FIELDS[j]}" for i, j in PAIRS]


@pytest.mark.parametrize("name", ["autoint", "autoint-deep"])
def test_autoint_equals_the_formula_and_returns_the_weights_of_layers(name, inputs):
    model = made(name)
    weights, e = named(model), vectors_of(model, inputs)
    shown = model.attention_weights(given(model, inputs))
    assert list(shown) == (["layer_1", "layer_2"] if name == "autoint" else ["layer_1"])
    x = e
    for layer in shown:
        queries, keys, values, residual = (
            x @ only(weights, f"{layer}/{one}_map") for one in ("query", "key", "value", "residual")
        )
        joined = []
        for head in range(2):
            part = slice(4 * head, 4 * head + 4)
            q, k = queries[..., part], keys[..., part]
            if name == "autoint-deep":  # scores by cosines, here times its own temperature of each head
                q, k = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True) for vectors in (q, k))
                q = q * np.exp(only(weights, "temperature")[head])
            scores = np.exp(np.einsum("bik,bjk->bij", q, k))
            share = scores / scores.sum(axis=-1, keepdims=True)
            np.testing.assert_allclose(ops.convert_to_numpy(shown[layer])[:, head], share, atol=2e-5)
            joined.append(share @ values[..., part])
        x = np.maximum(np.concatenate(joined, axis=-1) + residual, 0)
    joined = x.reshape(6, -1)
    if name == "autoint-deep":
        joined = np.concatenate([joined, relu_map(weights, e.reshape(6, -1))], axis=1)
    expected = (joined @ weights["output/kernel"] + weights["output/bias"])[:, 0]
    np.testing.assert_allclose(output_of(model, inputs), expected, rtol=1e-4, atol=1e-4)
    assert model.attention_labels["feature"] == FIELDS


@pytest.mark.slow
def test_afm_attends_most_to_the_decisive_pair():
    """Users and items interact, hours do not: once learnt, their pair has more of the attention than by chance."""
    keras.utils.set_random_seed(0)
    of_pair = [one for one in FEATURES if one["name"] in ("user", "item", "hour")]
    inputs = rows(1500, features=of_pair)
    labels = (inputs["user"] % 2 == inputs["item"] % 2).astype("float32")
    model = build("afm", of_pair)
    model.compile(Adam(0.02), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=ON_JAX)
    fit_often(model, given(model, inputs), labels, 25, batch_size=100)
    shares = ops.convert_to_numpy(model.attention_weights(given(model, inputs))["pairs"]).mean(axis=0)
    found = dict(zip(model.attention_labels["pair"], shares, strict=True))
    assert found["user x item"] > 0.5, found


@pytest.mark.parametrize("kind", [AFM, AutoInt, DCNv2, DeepFM])
def test_histories_are_ignored_and_at_least_two_fields_are_needed(kind):
    assert not [name for name in kind(FEATURES, embedding_dim=2).input_names if name.startswith("history")]
    of_item = [one for one in FEATURES if one["name"] in ("item", "history")]
    with pytest.raises(ValueError, match=r"at least two features.*got \['item'\]"):
        kind(of_item)


def test_an_unknown_structure_of_dcnv2_raises_an_error():
    with pytest.raises(ValueError, match="structure must be one of stacked, parallel, got 'both'"):
        DCNv2(FEATURES, structure="both")

"""The answer to a row does not depend on the other rows of its batch, and a batch may be empty."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import made

from tfrec.data import FeatureSpec, Interactions
from tfrec.models import SASRec
from tfrec.serving.export_options import ExportOptions
from tfrec.serving.exporter import retrieval_module
from tfrec.serving.indexes import Clustered, Exact, Quantized, clustered_index

V, D, B = 2_000, 16, 24
pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def vectors():
    random = np.random.default_rng(0)
    centres = random.normal(size=(30, D))
    return (centres[random.integers(0, 30, V)] + 0.4 * random.normal(size=(V, D))).astype("float32")


@pytest.fixture(scope="module")
def queries(vectors):
    random = np.random.default_rng(1)
    return (vectors[random.integers(0, V, B)] + 0.4 * random.normal(size=(B, D)))[:, None].astype("float32")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    """A preset of 1,500 items, whose answers an approximate index does not all find."""
    random = np.random.default_rng(0)
    items = np.minimum(random.zipf(1.3, 20_000), 1_500).tolist() + list(range(1, 1_501))
    frame = pd.DataFrame({"u": random.integers(0, 300, len(items)), "i": items})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=50)
    model = SASRec(spec.num_items, max_length=50, hidden_dim=16, seed=0)
    return made(model, spec, tmp_path_factory.mktemp("catalogue") / "preset")


@pytest.mark.parametrize("kind", ["exact", "ivf", "int8"])
def test_a_row_of_an_index_is_searched_as_widely_as_it_needs(vectors, queries, kind):
    """Rows that need 5 to 300 items give the same answers as single rows."""
    exact = Exact(tf.Variable(vectors), V)
    index = {
        "exact": lambda: exact,
        "ivf": lambda: Clustered(vectors, size=16, probes=2, margin=0.1, usual=5),
        "int8": lambda: Quantized(exact, vectors, candidates=1),
    }[kind]()
    search = tf.function(lambda some, k, own: index.search(some, k, own), reduce_retracing=True)
    own = np.random.default_rng(2).permutation(np.geomspace(5, 300, B).astype(np.int32))
    scores, codes = search(tf.constant(queries), tf.constant(300), tf.constant(own))
    best, worse = exact.search(tf.constant(queries), tf.constant(300))[1].numpy(), 0
    for row, needed in enumerate(own):
        alone = search(tf.constant(queries[row : row + 1]), tf.constant(needed), tf.constant([needed]))
        np.testing.assert_array_equal(codes[row, :needed], alone[1][0])
        np.testing.assert_allclose(scores[row, :needed], alone[0][0], rtol=1e-5)
        worse += set(alone[1][0].numpy()) != set(best[row, :needed])
    assert (worse > 0) == (kind != "exact"), "else the test could not see a row that is searched more widely"
    nothing = search(tf.zeros((0, 1, D)), tf.constant(5), tf.zeros((0,), tf.int32))
    assert [one.shape for one in nothing] == [(0, 5), (0, 5)]


@pytest.mark.parametrize("kind", ["exact", "ivf", "int8"])
def test_answers_in_a_batch_equal_answers_to_single_histories(catalogue, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(clustered_index, "_MARGINS", [0.3, 3.0])
    module, _ = retrieval_module(catalogue, tmp_path, ExportOptions(20, True, "tensorflow", kind, 0.5, [], {}))
    signatures = module.signatures()
    random, tokens = np.random.default_rng(3), catalogue.spec.items.tokens
    histories = [random.choice(tokens, length).tolist() for length in np.geomspace(1, 300, B).astype(int)]
    histories[5] = ["unknown"]
    width = max(map(len, histories))
    together = [[*history, *[""] * (width - len(history))] for history in histories]
    some = tf.constant([["1"]])
    for name, more in (("recommend", {}), ("recommend_filtered", {"exclude": some, "allow": tf.constant([[""]])})):
        answer = signatures[name](tf.constant(together), *more.values())
        for row in range(B):
            alone = signatures[name](tf.constant([histories[row]]), *more.values())
            np.testing.assert_allclose(answer["scores"][row], alone["scores"][0], rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(answer["item_ids"][row], alone["item_ids"][0])
    none, empty = tf.zeros((0, 3), tf.string), tf.zeros((1, 0), tf.string)
    asked = {
        "recommend": [none],
        "recommend_filtered": [none, empty, empty],
        "score": [none, none],
        "embed_users": [none],
        "embed_items": [none[:, 0]],
        "similar_items": [none[:, 0]],
    }
    for name, inputs in asked.items():
        assert all(one.shape[0] == 0 for one in signatures[name](*inputs).values()), name

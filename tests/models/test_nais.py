"""Tests of NAIS only: its attention leaves the target out."""

import numpy as np
import pandas as pd
import pytest
from fused_adam import Adam
from keras import ops
from small_users import kept, made

from tfrec import losses, models

HISTORY = np.array([[0, 0, 3, 9, 4], [7, 8, 9, 10, 5]])


def test_a_candidate_never_attends_to_itself():
    """In training, where it is the target, and in a request whose history contains it."""
    model = kept("nais")
    with_it = model.score({"history": np.array([[3, 9, 4]])}, np.array([[9, 6]]))
    without = model.score({"history": np.array([[0, 3, 4]])}, np.array([[9, 6]]))
    assert float(with_it[0, 0]) == pytest.approx(float(without[0, 0]), abs=1e-5)
    assert float(with_it[0, 1]) != pytest.approx(float(without[0, 1]), abs=1e-3)
    weights = ops.convert_to_numpy(model.attention_weights({"history": np.array([[3, 9, 4]])}, np.array([9]))["items"])
    assert weights[0, 1] == 0 and (weights[0, [0, 2]] > 0).all()


def test_the_order_of_items_and_padding_have_no_effect():
    model = kept("nais")
    scores = ops.convert_to_numpy(model.score({"history": HISTORY}))
    for other in (HISTORY[:, ::-1], np.pad(HISTORY, [[0, 0], [3, 0]])):
        np.testing.assert_allclose(ops.convert_to_numpy(model.score({"history": other})), scores, atol=1e-5)


def test_it_reads_the_newest_items_up_to_its_length():
    model = made("nais", max_length=3)
    long = ops.convert_to_numpy(model.score({"history": HISTORY}))
    np.testing.assert_allclose(long, ops.convert_to_numpy(model.score({"history": HISTORY[:, -3:]})), atol=1e-5)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_planted_neighbour_decides_the_score():
    """Item a_k is taken with b_k, next to four items that all users take at random."""
    from tfrec.data import FeatureSpec, Interactions, pairs

    rng = np.random.default_rng(0)
    rows = []
    for user in range(240):
        k = user % 6
        rows += [(user, f"a{k}"), (user, f"b{k}")]
        rows += [(user, f"n{item}") for item in rng.choice(12, 4, replace=False)]
    table = Interactions.from_pandas(pd.DataFrame(rows, columns=["u", "i"]), user="u", item="i")
    spec = FeatureSpec.fit(table, max_length=8)
    model = models.NAIS(spec.num_items, max_length=8, hidden_dim=8, seed=0)
    model.compile(Adam(0.02), losses.BinaryCrossEntropy(8), jit_compile=False)
    model.fit(pairs(table, spec, 120, inputs=("history",)).repeat(25), shuffle=False, verbose=0)
    for k in range(6):
        history = spec.items.encode([f"n{3 * (k % 4)}", f"a{k}", f"n{3 * (k % 4) + 1}"])[None]
        others = spec.items.encode([f"b{other}" for other in range(6)])[None]
        assert int(ops.convert_to_numpy(model.score({"history": history}, others))[0].argmax()) == k

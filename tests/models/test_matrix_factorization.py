"""MatrixFactorization equals its formula, biases and penalty included."""

import keras
import numpy as np
import pytest
from keras import ops
from small_users import made

from tfrec.losses import FullSoftmax
from tfrec.models import MatrixFactorization


def test_score_is_the_inner_product_and_the_bias_of_the_item():
    model = made("matrixfactorization")
    users, items = (ops.convert_to_numpy(layer.embeddings) for layer in (model.users, model.items))
    scores = ops.convert_to_numpy(model.score({"user": np.array([4, 7])}))
    np.testing.assert_allclose(scores[:, 2:], users[[4, 7]] @ items[2:, :-1].T + items[2:, -1], atol=1e-5)


def test_folding_in_is_the_map_of_the_mean():
    model, history = made("matrixfactorization"), np.array([[0, 5, 9]])
    items, kernel, bias = (ops.convert_to_numpy(one) for one in (model.items.embeddings, *model.folding.weights))
    query = items[[5, 9]].mean(axis=0) @ kernel + bias
    scores = ops.convert_to_numpy(model.score({"history": history}))
    np.testing.assert_allclose(scores[0, 2:], items[2:, :-1] @ query + items[2:, -1], atol=1e-5)


@pytest.mark.tensorflow
def test_the_penalty_is_that_of_the_pairs_of_the_batch():
    inputs, targets = {"user": np.array([4, 7, 4])}, np.array([5, 9, 5])
    losses = []
    for l2 in (0.0, 0.1):
        model = made("matrixfactorization", l2=l2)
        model.compile(keras.optimizers.SGD(0.0), FullSoftmax(), jit_compile=False, run_eagerly=True)
        losses.append(model.fit(inputs, targets, batch_size=3, verbose=0).history["loss"][0])
    users, items = (ops.convert_to_numpy(layer.embeddings) for layer in (model.users, model.items))
    squares = (users[inputs["user"]] ** 2).sum(axis=1) + (items[targets] ** 2).sum(axis=1)
    assert losses[1] - losses[0] == pytest.approx(0.1 * squares.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"l2": -1.0}, "l2 must"), ({"num_users": 0}, "num_users"), ({"hidden_dim": 1.5}, "hidden_dim")],
)
def test_arguments_that_are_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        MatrixFactorization(**{"num_items": 5, "num_users": 5, **arguments})

"""Histories in other forms: padded on the right, with unknown ids, as lists; and invalid ones."""

import keras
import numpy as np
import pytest
from small import VARIANTS, given, kept, made

from tfrec import losses
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("name", VARIANTS)
def test_padding_and_unknown_ids_are_ignored_at_any_position(name):
    model = kept(name)
    plain = given(model, [[0, 0, 2, 3, 4], [0, 0, 0, 5, 6]])
    moved = {key: np.roll(rows, -2, axis=1) for key, rows in plain.items()}
    moved["history"][1] = np.where(moved["history"][1] == 0, [[1, 0, 1, 1, 1]], moved["history"][1])[0]
    assert moved["history"].tolist() == [[2, 3, 4, 0, 0], [1, 5, 6, 1, 1]]
    for ask in (model.score, model.embed, lambda inputs: model.recommend(inputs, k=5)[1]):
        np.testing.assert_allclose(ask(moved), ask(plain), atol=1e-5)


def test_arrays_and_lists_are_accepted_as_histories():
    model = kept("sasrec")
    wanted = np.asarray(model.recommend({"history": np.array([[0, 7, 9]])}, k=3)[0])
    for inputs in ([[0, 7, 9]], np.array([[0, 7, 9]]), {"history": [[0, 7, 9]]}):
        assert np.asarray(model.recommend(inputs, k=3)[0]).tolist() == wanted.tolist()
    assert np.asarray(model.similar([7], k=2)[0]).shape == (1, 2)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        (lambda model: model.recommend({"history": [["a", "b"]]}), "expects integer ids.* got texts"),
        (lambda model: model.score({"history": [2, 3]}), "shape \\(2,\\)"),
        (lambda model: model.similar(3), "list of integer ids"),
    ],
)
def test_an_invalid_history_raises_an_error(ask, text):
    with pytest.raises(InputError, match=text):
        ask(kept("sasrec"))


@pytest.mark.parametrize("k", [2.0, "2", True, 0, 21])
def test_k_must_be_a_positive_integer(k):
    with pytest.raises(ValueError, match="whole number between 1 and the 20 items"):
        kept("sasrec").recommend({"history": [[2, 3]]}, k=k)


def test_batches_padded_on_the_right_raise_an_error_in_training_and_evaluation():
    model = made("sasrec", num_blocks=1)
    model.compile("sgd", loss=losses.FullSoftmax(), metrics=[keras.metrics.TopKCategoricalAccuracy(3)])
    right = {"history": keras.utils.pad_sequences([[2, 3], [4, 5, 6]], padding="post")}
    with pytest.raises(ValueError, match="padding \\(id 0\\) behind an item"):
        model.fit(right, np.array([[3, 4, 0], [5, 6, 7]]), verbose=0)
    with pytest.raises(ValueError, match="pad on the left"):
        model.evaluate(right, np.array([4, 7]), verbose=0)
    left = keras.utils.pad_sequences([[2, 3], [4, 5, 6]])
    found = [model.evaluate(x, np.array([4, 7]), verbose=0) for x in ({"history": left}, left)]
    assert found[0] == found[1]

"""BPR equals a loop over its formula, also for models that score pairs with a network."""

import keras
import numpy as np
import pytest
from keras import ops

from tfrec.losses import BPR, BinaryCrossEntropy, SampledSoftmax
from tfrec.losses.negatives import NegativeSampler


class Fixed(NegativeSampler):
    """Draws the same items for every target."""

    def __init__(self, ids):
        self.ids = np.array(ids, "int32")

    def draw(self, shape, num_items, targets, seed):
        return ops.broadcast_to(self.ids, shape), -float(np.log(num_items))


def data(seed=0):
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(9, 3)).astype("float32")
    return items, rng.normal(size=(5, 3)).astype("float32"), np.array([2, 5, 8, 0, 3])


def by_hand(scores, targets, negatives):
    """The mean over real targets of the mean over negatives of -log sigma(target - negative), 0 for hits."""
    found = []
    for row, target in enumerate(targets):
        if target > 1:
            apart = [scores[row, target] - scores[row, other] for other in negatives]
            values = [np.log1p(np.exp(-one)) for one in apart]
            found.append(np.mean([0 if other == target else one for one, other in zip(values, negatives, strict=True)]))
    return np.mean(found)


@pytest.mark.parametrize("draw_per", ["token", "batch", "group"])
def test_equals_the_formula(draw_per):
    items, queries, targets = data()
    loss = BPR(3, Fixed([4, 5, 7]), draw_per)
    found = float(loss(targets, queries, items=items, seed=keras.random.SeedGenerator(0)))
    assert found == pytest.approx(by_hand(queries @ items.T, targets, [4, 5, 7]), rel=1e-5)


@pytest.mark.parametrize("draw_per", ["token", "batch"])
@pytest.mark.parametrize("kind", [BPR, BinaryCrossEntropy, SampledSoftmax])
def test_scores_of_a_network_give_the_same_formula_as_inner_products(kind, draw_per):
    items, queries, targets = data()
    loss = kind(4, draw_per=draw_per)
    if kind is not BinaryCrossEntropy:
        loss = kind(4, Fixed([4, 5, 7, 5]), draw_per)
    else:
        loss.sampler = Fixed([4, 5, 7, 5])

    def score(ids):
        return ops.sum(ops.expand_dims(queries, 1) * ops.take(items, ids, axis=0), axis=-1)

    for weight in (None, np.array([1.0, 2.0, 0.5, 1.0, 0.0], "float32")):
        wanted = float(loss(targets, queries, weight, items=items, seed=None))
        assert float(loss.of_scores(score, targets, 7, weight)) == pytest.approx(wanted, rel=1e-5)


def test_a_higher_target_score_gives_a_lower_loss(value_and_gradients):
    items, queries, targets = data()
    seed = keras.random.SeedGenerator(0)
    _, (gradient,) = value_and_gradients(lambda table: BPR(8)(targets[:1], queries[:1], items=table, seed=seed), items)
    assert (gradient[targets[0]] @ queries[0]) < 0


@pytest.mark.tensorflow
def test_survives_its_config():
    loss = BPR(5, "log-uniform", "batch")
    again = BPR.from_config(loss.get_config())
    assert again.get_config() == loss.get_config() and again.negatives == "log-uniform"
    with pytest.raises(ValueError, match="negatives must be one of"):
        BPR(negatives="hard")

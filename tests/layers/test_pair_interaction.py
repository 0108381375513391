"""The MLP over two vectors is an MLP over both side by side."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import PairInteraction


@pytest.mark.parametrize("shapes", [((2, 1), (1, 5)), ((2, 5), (2, 5)), ((2, 5), (1, 5))])
def test_equals_an_mlp_over_both_side_by_side(shapes):
    rng = np.random.default_rng(0)
    users, items = (
        rng.normal(size=(*shape, width)).astype("float32") for shape, width in zip(shapes, (3, 4), strict=True)
    )
    layer = PairInteraction([6, 2])
    layer.build(users.shape, items.shape)
    found = ops.convert_to_numpy(drawn(layer, 0, 0.7)(users, items))
    of_user, bias, of_item, kernel, last_bias = (ops.convert_to_numpy(weight) for weight in layer.weights)
    both = np.concatenate([np.broadcast_to(users, (2, 5, 3)), np.broadcast_to(items, (2, 5, 4))], axis=-1)
    hidden = np.maximum(both @ np.concatenate([of_user, of_item]) + bias, 0)
    np.testing.assert_allclose(found, np.maximum(hidden @ kernel + last_bias, 0), rtol=1e-4, atol=1e-5)


def test_needs_a_layer():
    with pytest.raises(ValueError, match="at least one layer"):
        PairInteraction([])

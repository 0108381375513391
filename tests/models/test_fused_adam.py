"""The optimizer of the trainings here takes the steps of stock Adam."""

import keras
import numpy as np
import pytest
from fused_adam import Adam


@pytest.mark.tensorflow
def test_it_takes_the_steps_of_stock_adam():
    import tensorflow as tf

    found = []
    for kind in (Adam, keras.optimizers.Adam):
        table, bias = (
            keras.Variable(np.linspace(-1, 1, 6).reshape(shape), dtype="float32") for shape in ((3, 2), (6,))
        )
        optimizer = kind(0.1)
        for step in range(1, 4):
            rows = tf.IndexedSlices(tf.fill([2, 2], 0.3 * step), tf.constant([2, 0]), tf.constant([3, 2]))
            optimizer.apply([rows, tf.linspace(-1.0, float(step), 6)], [table, bias])
        found.append(np.concatenate([table.numpy().ravel(), bias.numpy()]))
        assert int(optimizer.iterations) == 3
    np.testing.assert_allclose(*found, atol=1e-5)

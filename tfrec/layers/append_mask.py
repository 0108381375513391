"""Append a mask token to a history, to predict the next item with a masked-item model."""

from typing import Any

import keras
from keras import ops

from tfrec.ops import PADDING_ID, check_length, check_size


@keras.saving.register_keras_serializable(package="tfrec")
class AppendMask(keras.layers.Layer):
    """Appends a mask token after the newest item of each row that has no mask.

    ```
    0 a b    ->  0 a b M     a history: the next item is predicted at the mask
    a M c M  ->  0 a M c M   a row of masked-item training, which already has masks
    ```

    All rows become one column wider, so the last column is the newest position of every row. In a training row, the
    columns after the first are those of the input.

    Args:
        mask_id: id of the mask token.
        max_length: L, maximum length of a history.

    Shapes:
        input (B, W) integer ids, padded on the left, W at most L for histories and L + 1 for rows with masks;
        output (B, W + 1).

    Raises:
        ValueError: if W is known and greater than L + 1. (For a history of L + 1 items, the oldest item is ignored.)

    Example:
        >>> import numpy as np
        >>> AppendMask(mask_id=9, max_length=3)(np.array([[0, 5, 6], [7, 9, 8]])).numpy().tolist()
        [[0, 5, 6, 9], [0, 7, 9, 8]]
    """

    def __init__(self, mask_id: int, max_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_id = mask_id
        self.max_length = check_size("max_length", max_length)

    def call(self, inputs: Any) -> Any:
        check_length(inputs.shape[1], self.max_length, further=1)
        asks = ops.any(ops.equal(inputs, self.mask_id), axis=1, keepdims=True)
        column = inputs[:, :1]
        age = ops.arange(ops.shape(inputs)[1], 0, -1)
        history = ops.where(age > self.max_length, PADDING_ID, inputs)
        appended = ops.concatenate([history, ops.full_like(column, self.mask_id)], axis=1)
        moved = ops.concatenate([ops.full_like(column, PADDING_ID), inputs], axis=1)
        return ops.where(asks, moved, appended)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (input_shape[0], None if input_shape[1] is None else input_shape[1] + 1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_id": self.mask_id, "max_length": self.max_length}

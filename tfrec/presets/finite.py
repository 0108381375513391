"""Check that weights are finite, so that a diverged model is never saved, loaded or exported."""

from __future__ import annotations

import keras
import numpy as np

from tfrec.errors import InputError


def check_finite(model: keras.Model) -> None:
    """Raise `InputError` if a weight is NaN or infinite."""
    for weight in model.weights:
        values = keras.ops.convert_to_numpy(weight)
        if values.dtype.kind not in "iub":
            values = values.astype(np.float32) if values.dtype.kind == "V" else values  # NumPy has no bfloat16
            wrong = values.size - int(np.isfinite(values).sum())
            if wrong:
                raise InputError(
                    f"{wrong:,} of {values.size:,} numbers in the weight '{weight.path}' of {model.name} are NaN or "
                    "infinite: its training has diverged. Train it again with a lower learning rate, or with "
                    "clipnorm=1.0 in the optimizer."
                )

"""A model whose large weights are integers of 8 bits."""

from __future__ import annotations

import dataclasses
import warnings

import keras

from tfrec.presets.model_class import copy_of
from tfrec.presets.preset import Preset


def in_int8(preset: Preset) -> Preset:
    """The preset with item vectors and dense layers in int8, each row or column with a factor of its own.

    A quarter of the size; what it costs in accuracy is to be measured with `tfrec.evaluation.evaluate`, which takes the
    model as it is. For answering only: it does not learn. `tfrec.presets.save` and `.keras` files keep it.

    Args:
        preset: a loaded preset, which does not change.

    Example:
        >>> from tfrec import presets
        >>> small = in_int8(presets.load("sasrec_ml1m"))
        >>> small.model.embedding.items.quantization_mode
        'int8'
    """
    model = copy_of(preset.model, preset.spec)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have a `quantize` method")
        # Weights alone: rounded activations would make float noise visible, and save nothing that is stored.
        model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    return dataclasses.replace(preset, model=model)

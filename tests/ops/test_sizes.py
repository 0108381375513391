import json

import numpy as np
import pytest

from tfrec import layers, losses, models
from tfrec.ops import check_size

WITH_HEADS = {
    "SoftmaxAttention": {},
    "BlockSparseAttention": {},
    "SegmentRecurrentAttention": {},
    "LinearAttention": {},
    "CandidateAttention": {},
    "CrossAttention": {},
    "EncoderBlock": {},
    "InteractingAttention": {},
    "HSTUBlock": {"max_length": 4},
    "TimeIntervalAttention": {"max_length": 4},
}


@pytest.mark.parametrize("bad", [0, -1, True, 2.0, "2", None, np.float32(2), np.True_])
def test_invalid_sizes_raise_an_error(bad):
    with pytest.raises(ValueError, match="width must be a positive integer, got "):
        check_size("width", bad)


@pytest.mark.parametrize("name", WITH_HEADS)
def test_every_layer_with_heads_checks_their_number(name):
    layer = getattr(layers, name)
    for bad in (0, "2"):
        with pytest.raises(ValueError, match=f"num_heads must be a positive integer, got {bad!r}"):
            layer(num_heads=bad, **WITH_HEADS[name])
    assert type(layer(num_heads=np.int64(2), **WITH_HEADS[name]).get_config()["num_heads"]) is int


def test_numpy_integers_give_a_json_compatible_config():
    """Sizes are often counted with NumPy, and small types overflow where 4 D is computed."""
    model = models.SASRec(np.int16(5), np.int8(4), np.int8(64), np.uint8(1))
    again = models.SASRec.from_config(json.loads(json.dumps(model.get_config())))
    assert again.count_params() == model.count_params()
    json.dumps(layers.MLP([np.int64(3)]).hidden_dims)
    json.dumps(losses.SampledSoftmax(np.int32(3)).get_config()["num_negatives"])


def test_none_is_accepted_if_optional():
    assert check_size("inner_dim", None, optional=True) is None
    with pytest.raises(ValueError, match="inner_dim must be a positive integer or None, got 0"):
        layers.FeedForward(0)

"""SASRec with long histories: the target depends on the item 20 positions ago."""

import keras
import numpy as np
import pytest
from fused_adam import Adam
from keras import ops
from one_epoch import fit_often

from tfrec.losses import FullSoftmax
from tfrec.models import SASRec

pytestmark = pytest.mark.slow

KEYS, FILLERS, LENGTH, BACK = 10, 20, 28, 20
ANSWER = np.random.default_rng(5).permutation(KEYS) + KEYS + FILLERS  # what follows BACK items after each key
LONG = {
    "block_sparse": {"class": "BlockSparseAttention", "block_size": 4},
    "segment_recurrent": {
        "class": "SegmentRecurrentAttention",
        "segment_size": 8,
        "memory_segments": 2,
        "stop_gradient": False,
    },
    "linear": {"class": "LinearAttention", "chunk_size": 4},
}


def histories(rows, seed):
    """Noise from 20 items, but for one of 10 keys, which stands BACK items before the one to be found."""
    rng = np.random.default_rng(seed)
    key = rng.integers(0, KEYS, rows)
    ids = rng.integers(KEYS, KEYS + FILLERS, (rows, LENGTH))
    ids[:, LENGTH - BACK] = key
    return ids.astype("int32") + 2, ANSWER[key].astype("int32") + 2


def share_found(attention, max_length, num_blocks):
    keras.utils.set_random_seed(0)
    model = SASRec(40, max_length, 32, num_blocks, dropout=0.0, block="ligr", attention=attention, seed=1)
    model.compile(Adam(0.01), FullSoftmax(), jit_compile=False)
    ids, answers = histories(512, seed=0)
    fit_often(model, {"history": ids[:, -max_length:]}, answers, 12, batch_size=64)
    ids, answers = histories(200, seed=1)
    found, _ = model.recommend({"history": ids[:, -max_length:]}, k=1)
    return np.mean(ops.convert_to_numpy(found)[:, 0] == answers)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", LONG)
def test_attention_for_long_histories_uses_distant_items(name):
    # With random blocks it takes two steps to get everywhere.
    assert share_found(LONG[name], LENGTH, num_blocks=2 if name == "block_sparse" else 1) > 0.95


@pytest.mark.tensorflow
def test_a_short_window_cannot_use_distant_items():
    assert share_found(None, BACK - 1, num_blocks=1) < 0.25  # one of ten by luck

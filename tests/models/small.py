"""Every model of the zoo with small sizes, for test_meaning.py."""

import functools
import inspect

import numpy as np
from drawn_weights import drawn

from tfrec import models

# name -> (class, arguments other than sizes)
VARIANTS = {
    "hstu": (models.HSTU, {"num_heads": 2}),
    "hstu-time": (models.HSTU, {"num_heads": 2, "use_timestamps": True}),
    "narm": (models.NARM, {}),
    "bert4rec": (models.BERT4Rec, {"num_heads": 2}),
    "comirec": (models.ComiRec, {"num_interests": 3}),
    "sasrec": (models.SASRec, {"num_heads": 2}),
    "sasrec-block-sparse": (models.SASRec, {"attention": {"class": "BlockSparseAttention", "block_size": 2}}),
    "sasrec-ligr": (models.SASRec, {"num_heads": 2, "block": "ligr"}),
    "sasrec-linear": (models.SASRec, {"attention": {"class": "LinearAttention", "chunk_size": 4}}),
    "sasrec-segments": (models.SASRec, {"attention": {"class": "SegmentRecurrentAttention", "segment_size": 4}}),
    "shan": (models.SHAN, {"short_term": 2}),
    "stamp": (models.STAMP, {}),
    "tisasrec": (models.TiSASRec, {"num_heads": 2}),
}
BIDIRECTIONAL = {"bert4rec"}  # these models learn from later positions too


def build(name, /, num_items=20, **kwargs):
    """The variant with small sizes, or the given ones."""
    kind, arguments = VARIANTS[name]
    sizes = {"num_items": num_items, "max_length": 6, "hidden_dim": 8}
    return kind(**{**sizes, **arguments, **kwargs})


def shallow(name):
    """One block, for tests whose time grows with the number of blocks."""
    return {"num_blocks": 1} if "num_blocks" in inspect.signature(VARIANTS[name][0]).parameters else {}


def made(name, /, seed=0, **kwargs):
    """The variant with weights that are all far from where they begin."""
    model = build(name, **kwargs)
    return drawn(model, seed)


@functools.cache
def kept(name):
    """`made(name)`, shared by all tests that do not change the model."""
    return made(name)


def given(model, history):
    """The inputs that a model reads; timestamps are a minute apart."""
    inputs = {"history": np.asarray(history, "int32")}
    if "timestamps" in model.input_names:
        inputs["timestamps"] = np.where(
            inputs["history"] > 0, 10**9 - 60 * np.arange(inputs["history"].shape[1])[::-1], 0
        )
    return inputs

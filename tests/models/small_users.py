"""Every model that reads user ids with small sizes, for test_user_models.py."""

import functools
import inspect

import numpy as np

from tfrec import losses, models

# name -> (class, arguments other than the numbers of items and users, training loss)
VARIANTS = {
    "delf": (
        models.DELF,
        {"hidden_dim": 8, "max_length": 8, "audience_size": 8, "hidden_dims": [8], "fusion_dims": [8]},
        lambda: losses.BinaryCrossEntropy(8),
    ),
    "lightgcn": (models.LightGCN, {"hidden_dim": 8, "num_layers": 2, "temperature": 0.2}, lambda: losses.FullSoftmax()),
    "lightgcn-attention": (models.LightGCN, {"hidden_dim": 8, "combine": "attention"}, lambda: losses.BPR(4)),
    "matrixfactorization": (models.MatrixFactorization, {"hidden_dim": 8, "l2": 0.05}, lambda: losses.FullSoftmax()),
    "matrixfactorization-bpr": (models.MatrixFactorization, {"hidden_dim": 8, "l2": 1e-3}, lambda: losses.BPR(4)),
    "nais": (models.NAIS, {"hidden_dim": 8, "max_length": 8}, lambda: losses.BinaryCrossEntropy(8)),
    "nais-concatenation": (
        models.NAIS,
        {"hidden_dim": 8, "max_length": 8, "pairing": "concatenation"},
        lambda: losses.BinaryCrossEntropy(8),
    ),
    "neumf": (
        models.NeuMF,
        {"gmf_dim": 4, "mlp_dim": 4, "hidden_dims": [8, 4]},
        lambda: losses.BinaryCrossEntropy(8),
    ),
    "neumf-gmf": (models.NeuMF, {"gmf_dim": 4, "mlp_dim": 0}, lambda: losses.BinaryCrossEntropy(8)),
}
SIBLINGS = {
    "lightgcn-attention",
    "matrixfactorization-bpr",
    "nais-concatenation",
    "neumf-gmf",
}  # another variant of the same class is tested


def build(name, num_items=20, num_users=9, **kwargs):
    """The variant with small sizes, or the given ones."""
    kind, arguments, _ = VARIANTS[name]
    users = {"num_users": num_users} if "num_users" in inspect.signature(kind.__init__).parameters else {}
    return kind(num_items=num_items, **{**users, **arguments, **kwargs})


def made(name, seed=0, **kwargs):
    """The variant with weights that are all far from where they begin."""
    model = build(name, **kwargs)
    rng = np.random.default_rng(seed)
    model.set_weights([w if w.dtype.kind in "iu" else rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    if name == "delf":  # six users for each item
        model.begin_training(np.array([(2 + (item + user) % 9, item) for item in range(2, 22) for user in range(6)]))
    return model


@functools.cache
def kept(name):
    """`made(name)`, shared by all tests that do not change the model."""
    return made(name)


def given():
    """Rows of a known user, of an unknown one with a history, of a known one without, and of no user."""
    return {
        "user": np.array([4, 1, 10, 1], "int32"),
        "history": np.array([[0, 3, 4], [0, 5, 21], [0, 0, 0], [0, 0, 1]], "int32"),
    }

"""Every model that reads user ids with small sizes, for test_user_models.py."""

import functools
import inspect

import numpy as np

from tfrec import losses, models

FEATURES = [
    {"name": "job", "kind": "categorical", "group": "user", "size": 5},
    {"name": "age", "kind": "numeric", "group": "user"},
    {"name": "genres", "kind": "multivalued", "group": "item", "size": 6, "length": 2},
    {"name": "text", "kind": "vector", "group": "item", "dim": 3},
]

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
    "twotower": (
        models.TwoTower,
        {"hidden_dim": 8, "max_length": 8, "hidden_dims": [8], "features": FEATURES, "unseen_rate": 0.5},
        lambda: losses.InBatchSoftmax(),
    ),
    "twotower-inner": (
        models.TwoTower,
        {
            "hidden_dim": 8,
            "max_length": 8,
            "hidden_dims": [],
            "normalize": False,
            "temperature": 1.0,
            "unseen_rate": 0.5,
        },
        lambda: losses.FullSoftmax(),
    ),
    "neumf-gmf": (models.NeuMF, {"gmf_dim": 4, "mlp_dim": 0}, lambda: losses.BinaryCrossEntropy(8)),
}
SIBLINGS = {
    "lightgcn-attention",
    "matrixfactorization-bpr",
    "nais-concatenation",
    "neumf-gmf",
    "twotower-inner",
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
    if isinstance(model, models.TwoTower):
        give_features(model, seed)
    return model


def give_features(model, seed=0):
    """Values of the features of a two-tower model, some missing; its item vectors then come from its tower."""
    rng = np.random.default_rng(seed)
    for tables in (model.user_tables, model.item_tower.tables):
        rows = tables.num_rows
        values = {
            "job": rng.integers(0, 5, rows),
            "age": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
            "genres": rng.integers(0, 6, (rows, 2)),
            "text": np.where(rng.random((rows, 1)) < 0.2, np.nan, rng.normal(size=(rows, 3))),
        }
        values["job"][:2], values["age"][:2], values["genres"][:2], values["text"][:2] = 0, np.nan, 0, np.nan
        tables.assign(values)
    model.item_tower.unfold()
    model._has_features = True


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

"""Interactions of the users of the ranking rows, and presets of models that read them."""

import numpy as np
import pandas as pd
from small_preset import IDS, made
from small_ranking_preset import USERS

from tfrec.data import FeatureSpec, Interactions, known_pairs
from tfrec.models import DELF, MatrixFactorization, NeuMF

KINDS = {
    "vectors": lambda items, users: MatrixFactorization(items, users, hidden_dim=8, seed=0),
    "pairs": lambda items, users: NeuMF(items, users, gmf_dim=4, mlp_dim=4, hidden_dims=[8], seed=0),
}


def interactions():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": random.choice([*USERS, "new\u00a0one"], 180), "i": random.choice(IDS, 180)})
    return Interactions.from_pandas(frame, user="u", item="i")


def user_preset(folder, kind):
    """A preset with weights far from their initial values."""
    spec = FeatureSpec.fit(interactions(), max_length=5, users=True)
    if kind == "audiences":
        sizes = {"max_length": 5, "audience_size": 6, "hidden_dim": 8, "hidden_dims": [8], "fusion_dims": [8]}
        model = DELF(spec.num_items, spec.num_users, **sizes, seed=0)
        model.begin_training(known_pairs(interactions(), spec))
        return made(model, spec, folder)
    return made(KINDS[kind](spec.num_items, spec.num_users), spec, folder)

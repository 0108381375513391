"""Labelled rows with features of every kind, and presets that rank by them."""

import numpy as np
import pandas as pd
from small_preset import IDS

from tfrec import presets
from tfrec.data import Examples, FeatureSpec, History
from tfrec.data.features import Categorical, MultiValued, Numeric, Vector
from tfrec.models import DIN

USERS = ["ann", "7", "🎬", "Größe", " bob"]
TASTES = ["Drama", "War", "Sci Fi", "喜剧"]
FEATURES = [
    Categorical("user", group="user"),
    Numeric("age"),
    MultiValued("tastes"),
    Vector("portrait"),
    MultiValued("genres"),
    Numeric("year"),
    Vector("text"),
    Numeric("item_count", scaling="log"),
    Categorical("zip code", hash_buckets=11),
    Categorical("device", min_count=3),
    Numeric("price", scaling="log"),
]


def labelled_rows(ids=(*IDS, "only ranked"), number=300, seed=0):
    """Ratings of 1 to 5 with users, items and context; some of everything is missing."""
    random = np.random.default_rng(seed)

    def some(values, chance=0.2):
        return [None if random.random() < chance else value for value in values]

    users = pd.DataFrame({"user": USERS, "age": [20, 31, None, 45.5, 60]})
    users["tastes"] = ["Drama|War", "", "喜剧", "War|Sci Fi|Drama", None]
    users["portrait"] = [*random.normal(size=(4, 3)).tolist(), None]
    items = pd.DataFrame({"item": ids, "genres": some(["Drama|War", "War", "Sci Fi"] * 4)[: len(ids)]})
    items["year"] = some(random.integers(1950, 2000, len(ids)).astype(float))
    items["text"] = [*random.normal(size=(len(ids) - 1, 4)).tolist(), None]
    items["title"] = [f"Film {number}" for number in range(len(ids))]
    rows = pd.DataFrame({"user": random.choice(USERS, number), "item": random.choice(ids, number)})
    rows["rating"] = random.integers(1, 6, number)
    rows["time"] = np.arange(number) + 1_500_000_000
    rows["zip code"] = some(random.choice(["1010", "8020", "007"], number))
    rows["device"] = some(random.choice(["tv", "phone", "7"], number))
    rows["price"] = some(np.exp(random.normal(3, 2, number)))
    return Examples.from_pandas(rows, "rating", "user", "item", "time", users=users, items=items)


def ranking_spec(**history):
    """A spec of these rows, with a history."""
    rule = History(length=4, with_label=True, min_label=2, item_features=("genres", "year"), **history)
    return FeatureSpec.fit(labelled_rows(), features=FEATURES, history=rule)


def ranking_preset(folder, spec=None, **more):
    """A DIN that reads all features, with weights far from their initial values."""
    spec = ranking_spec() if spec is None else spec
    arguments = {"task": "rating", "activation": "relu"} | more
    model = DIN(spec.model_features(), embedding_dim=4, attention_dims=[4], hidden_dims=[8], seed=0, **arguments)
    random = np.random.default_rng(0)
    for weight in model.weights:
        drawn = random.normal(0, 0.3, weight.shape)
        weight.assign(np.abs(drawn) + 0.5 if weight.path.endswith("variance") else drawn)
    presets.save(model, spec, folder)
    return presets.load(folder)

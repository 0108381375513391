"""The weight that ExpertFusion gives to content, by the number of training rows of an item.

    python benchmarks/fusion_gate.py [FOLDER of ml-100k]

writes docs/figures/fusion_gate.png. For generated data the right answer is known: clicks on popular items depend on a
taste that is in no feature, and clicks on rare items on their genre (tests/models/cold_world.py). For ml-100k, if its
folder is given, a click is a rating of 4 or more and the rows are split at random. A tenth of the items lose their
training rows: half of these items lose all rows, the others all but a few.
"""

import sys
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "models"))

from cold_world import FEATURES, cold_world  # noqa: E402

from tfrec.models import ExpertFusion  # noqa: E402

LENGTH = 30


def fitted(features, inputs, labels, epochs, batch_size, **kwargs):
    keras.utils.set_random_seed(0)
    model = ExpertFusion(features, seed=0, **kwargs)
    model.compile(keras.optimizers.Adam(0.01), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(inputs, labels, batch_size=batch_size, epochs=epochs, verbose=2)
    return model


def content_weights(model, inputs):
    rows = len(inputs["item"])
    parts = [{key: values[at : at + 4096] for key, values in inputs.items()} for at in range(0, rows, 4096)]
    return np.concatenate([np.asarray(model.attention_weights(part)["experts"])[:, 1] for part in parts])


def generated():
    """Counts and content weights on the generated data, for training rows and for items that were never seen."""
    known, _, new = cold_world()
    model = fitted(
        FEATURES, *known, epochs=6, batch_size=128, embedding_dim=8, hidden_dims=[16], embedding_l2=1e-3, cold_rate=0.2
    )
    inputs = {key: np.concatenate([known[0][key], new[0][key]]) for key in known[0]}
    counts = np.where(inputs["item"] == 1, 0, np.expm1(inputs["item_count"]))
    return counts, content_weights(model, inputs)


def movielens(folder):
    """Counts and content weights of the test clicks of ml-100k."""
    ratings = pd.read_csv(folder / "ml-100k.inter", sep="\t", names=["user", "item", "rating", "time"], header=0)
    films = pd.read_csv(folder / "ml-100k.item", sep="\t", names=["item", "title", "year", "genres"], header=0)
    rng = np.random.default_rng(0)
    is_test = rng.random(len(ratings)) < 0.2
    cold = rng.choice(ratings["item"].unique(), ratings["item"].nunique() // 10, replace=False)
    few = ratings["item"].isin(cold[::2]) & (ratings.groupby("item").cumcount() < rng.integers(1, 8, len(ratings)))
    train = ratings[~is_test & (~ratings["item"].isin(cold) | few)]
    test = ratings[is_test | (ratings["item"].isin(cold) & ~few)].sample(20_000, random_state=0)

    ids = {item: place + 2 for place, item in enumerate(sorted(train["item"].unique()))}
    users = {user: place + 2 for place, user in enumerate(sorted(ratings["user"].unique()))}
    names = sorted({name for text in films["genres"].fillna("") for name in text.split()})
    genres = {
        item: ([names.index(name) + 2 for name in str(text).split() if name in names] + [0] * 6)[:6]
        for item, text in zip(films["item"], films["genres"], strict=True)
    }
    years = pd.to_numeric(films.set_index("item")["year"], errors="coerce")
    counts = train["item"].value_counts()
    taken = {user: rows[["item", "rating"]].to_numpy() for user, rows in train.groupby("user")}

    def inputs(rows):
        history, marks = np.zeros((2, len(rows), LENGTH), "int32")
        of_history = np.zeros((len(rows), LENGTH, 6), "int32")
        for place, (user, item) in enumerate(zip(rows["user"], rows["item"], strict=True)):
            past = taken.get(user, np.zeros((0, 2), int))
            past = rng.permutation(past[past[:, 0] != item])[:LENGTH]
            for at, (other, rating) in enumerate(past, LENGTH - len(past)):
                history[place, at], marks[place, at] = ids[other], rating + 1
                of_history[place, at] = genres[other]
        return {
            "user": rows["user"].map(users).to_numpy("int32"),
            "item": rows["item"].map(ids).fillna(1).to_numpy("int32"),
            "genres": np.array([genres[item] for item in rows["item"]], "int32"),
            "year": ((rows["item"].map(years) - 1990) / 10).to_numpy("float32"),
            "item_count": np.log1p(rows["item"].map(counts).fillna(0)).to_numpy("float32"),
            "history": history,
            "history_label": marks,
            "history_genres": of_history,
        }

    def sequence(name, **more):
        return {"name": name, "kind": "sequence", "group": "history", "length": LENGTH, **more}

    features = [
        {"name": "user", "kind": "categorical", "group": "user", "size": len(users) + 2},
        {"name": "item", "kind": "categorical", "group": "item", "size": len(ids) + 2},
        {"name": "genres", "kind": "multivalued", "group": "item", "size": len(names) + 2, "length": 6},
        {"name": "year", "kind": "numeric", "group": "item"},
        {"name": "item_count", "kind": "numeric", "group": "item"},
        sequence("history", of="item"),
        sequence("history_label", size=7),
        sequence("history_genres", of="genres"),
    ]
    labels = (train["rating"] >= 4).to_numpy("float32")
    model = fitted(features, inputs(train), labels, epochs=3, batch_size=512, embedding_l2=2e-5, dropout=0.2)
    test_inputs = inputs(test)
    return np.expm1(test_inputs["item_count"]).round(), content_weights(model, test_inputs)


def draw(panels, path):
    """Mean, first and third quartile of the content weight in bins of the count."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(panels), figsize=(5.2 * len(panels), 3.8), sharey=True, squeeze=False)
    for axis, (title, (counts, weights)) in zip(axes[0], panels.items(), strict=True):
        edges = np.unique(np.r_[0, np.round(np.geomspace(1, counts.max() + 1, 14))])
        bins = [weights[(counts >= low) & (counts < high)] for low, high in pairwise(edges)]
        drawn = [(low, bin_) for low, bin_ in zip(edges, bins, strict=False) if len(bin_) >= 5]
        at = [low for low, _ in drawn]
        low, middle, high = (np.array([np.quantile(bin_, part) for _, bin_ in drawn]) for part in (0.25, 0.5, 0.75))
        axis.fill_between(at, low, high, alpha=0.25, label="middle half of the rows")
        axis.plot(at, middle, "o-", label="median")
        axis.set_xscale("symlog", linthresh=1)
        axis.set(title=title, xlabel="times the item was seen in training", ylim=(0, 1))
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("gate weight of the content expert")
    axes[0][0].legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    drawn = {"Generated, answer known": generated()}
    if len(sys.argv) > 1:
        drawn["MovieLens-100K, held-out rows"] = movielens(Path(sys.argv[1]))
    draw(drawn, ROOT / "docs" / "figures" / "fusion_gate.png")

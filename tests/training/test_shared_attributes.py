"""Items that share attributes learn from each other, and the result is an ordinary model."""

import numpy as np
import pandas as pd
import pytest

from tfrec import presets
from tfrec.data import Attributes, Interactions, sequences
from tfrec.presets.attribute_vectors import PLACE, AttributeVectors
from tfrec.training import Recipe, train

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]

KINDS, ITEMS = 8, 240


@pytest.fixture(scope="module")
def table():
    """Users walk the cycle of eight kinds, taking any item of the next one: each item occurs about four times."""
    rng = np.random.default_rng(0)
    rows = [
        (user, KINDS * rng.integers(ITEMS // KINDS) + (start + step) % KINDS, step)
        for user, start in enumerate(rng.integers(0, KINDS, 100))
        for step in range(10)
    ]
    items = pd.DataFrame(
        {"item": range(ITEMS), "title": [f"Thing {n}, kind {'abcdefgh'[n % KINDS]}" for n in range(ITEMS)]}
    )
    return Interactions.from_pandas(
        pd.DataFrame(rows, columns=["user", "item", "time"]), "user", "item", "time", items=items
    )


def trained(table, **entries):
    recipe = Recipe(
        epochs=8,
        patience=8,
        max_length=10,
        model={"class": "SASRec", "hidden_dim": 16, "num_blocks": 1, "dropout": 0.0},
        optimizer={"class": "Adam", "learning_rate": 0.01},
        **entries,
    )
    return train(table, recipe, verbose=0)


def hits(done, table):
    """How much of the lists of five is of the kind that comes next."""
    spec, rng = done.spec, np.random.default_rng(1)
    raw = (
        KINDS * rng.integers(ITEMS // KINDS, size=(200, 4))
        + (rng.integers(KINDS, size=(200, 1)) + np.arange(4)) % KINDS
    )
    history = spec.items.encode(raw.ravel().astype(str).astype(object)).reshape(raw.shape)
    found = np.asarray(done.model.recommend({"history": history}, k=5)[0])
    kinds = np.array(spec.items.decode(found.ravel()), dtype=int).reshape(found.shape) % KINDS
    return np.mean(kinds == (raw[:, -1:] + 1) % KINDS)


def test_rare_items_are_recommended_by_their_shared_attributes(table, tmp_path):
    shared = trained(table, item_attributes={"title": {"words": True, "max_share": 0.2}})
    alone = trained(table)
    assert hits(shared, table) > 0.9 and hits(alone, table) < 0.6
    # Only the item vectors remain.
    assert [w.shape for w in shared.model.weights] == [w.shape for w in alone.model.weights]
    best = shared.history["val_ndcg@10"][shared.best_epoch - 1]
    valid = sequences(shared.split.valid, shared.spec, 64)
    found = shared.model.evaluate(valid, verbose=0, return_dict=True)  # what was validated is what was folded
    assert found["ndcg@10"] == pytest.approx(best, abs=1e-4)
    presets.save(shared.model, shared.spec, tmp_path / "preset")
    again = presets.load(tmp_path / "preset")
    ids = np.array([[0, 2, 3]])
    np.testing.assert_allclose(again.model.score({"history": ids}), shared.model.score({"history": ids}), atol=1e-5)
    # An item with a known title only is near the items of its kind, although it has no interactions.
    columns = [Attributes("title", words=True, max_share=0.2)]
    saved = AttributeVectors.of_model(shared.model, shared.spec, columns)
    presets.save(shared.model, shared.spec, tmp_path / "more", extra_files={PLACE: saved.to_bytes()})
    kept = AttributeVectors.load(tmp_path / "more")
    assert kept.names == saved.names and AttributeVectors.load(tmp_path / "preset") is None
    titles = shared.spec.item_table["title"]
    kind_of = [int(item) % KINDS for item in shared.spec.items.tokens]
    first = [kind_of.index(kind) for kind in range(KINDS)]
    vectors = kept.of(pd.DataFrame({"title": [titles.iloc[at] for at in first]}))
    grown = presets.with_items(
        presets.load(tmp_path / "more"), {f"new {kind}": one for kind, one in enumerate(vectors)}
    )
    near, _ = grown.model.similar(grown.spec.items.encode([f"new {kind}" for kind in range(KINDS)]), 5)
    found = [[kind_of[i - 2] for i in row if i - 2 < len(kind_of)] for row in np.asarray(near)]
    assert np.mean([kind in row for kind, row in enumerate(found)]) > 0.9

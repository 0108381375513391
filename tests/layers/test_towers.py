"""The parts of a two-tower model against their formulas."""

import numpy as np
import pytest
from drawn_weights import drawn
from keras import ops

from tfrec.layers import FeatureTables, HideIds, ItemTower, Tower

FEATURES = [
    {"name": "kind of", "kind": "categorical", "group": "item", "size": 4},
    {"name": "year", "kind": "numeric", "group": "item"},
    {"name": "genres", "kind": "multivalued", "group": "item", "size": 5, "length": 2},
    {"name": "text", "kind": "vector", "group": "item", "dim": 3},
]
ROWS, D = 6, 4


def values(seed=0):
    rng = np.random.default_rng(seed)
    found = {
        "kind of": rng.integers(0, 4, ROWS),
        "year": rng.normal(size=ROWS),
        "genres": rng.integers(0, 5, (ROWS, 2)),
        "text": rng.normal(size=(ROWS, 3)),
    }
    found["year"][1], found["text"][3, 1] = np.nan, np.nan
    return found


def weights_of(layer):
    return {weight.path.split("/", 1)[-1]: ops.convert_to_numpy(weight).astype("float64") for weight in layer.weights}


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("hidden_dims", [[], [5, 3]])
def test_a_tower_is_the_sum_of_its_parts_and_a_network_over_them(hidden_dims, normalize):
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(2, D)).astype("float32") for _ in range(3)]
    tower = Tower(hidden_dims, dropout=0.5, normalize=normalize)
    tower.build([(None, D)] * 3)
    drawn(tower)
    wanted, hidden = sum(parts).astype("float64"), np.concatenate(parts, axis=1)
    if hidden_dims:
        of = [ops.convert_to_numpy(weight) for weight in tower.weights]
        for kernel, bias in ((of[0], of[1]), (of[2], of[3])):
            hidden = np.maximum(hidden @ kernel + bias, 0)
        wanted = wanted + hidden @ of[4] + of[5]
    if normalize:
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(ops.convert_to_numpy(tower(parts)), wanted, rtol=1e-4, atol=1e-5)


def test_tables_give_back_features_by_id_and_missing_ones_as_nan():
    tables, given = FeatureTables(FEATURES, ROWS), values()
    tables.build()
    assert np.isnan(ops.convert_to_numpy(tables(np.array([2]))["year"])).all()  # missing until they are assigned
    tables.assign({**given, "other": np.zeros(3)})
    ids = np.array([3, 1, 5])
    found = {name: ops.convert_to_numpy(one) for name, one in tables(ids).items()}
    for name in ("kind of", "year", "genres"):
        np.testing.assert_allclose(found[name], given[name][ids], rtol=1e-6)
    assert np.isnan(found["text"][0]).all()
    np.testing.assert_allclose(found["text"][1:], given["text"][ids[1:]], rtol=1e-6)
    assert all(np.isfinite(ops.convert_to_numpy(weight)).all() for weight in tables.weights)
    assert not tables.trainable_weights
    with pytest.raises(ValueError, match=r"'year' needs encoded values of shape \(6,\), got shape \(5,\)"):
        tables.assign({**given, "year": given["year"][:5]})
    with pytest.raises(ValueError, match=r"'text' needs encoded values of .* got no values"):
        tables.assign({name: one for name, one in given.items() if name != "text"})


def test_ids_are_hidden_in_training_alone_and_by_row():
    ids = np.arange(2, 4002, dtype="int32").reshape(2000, 2)
    layer = HideIds(0.3, value=0, seed=1)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(ids)), ids)
    hidden = ops.convert_to_numpy(layer(ids, training=True))
    is_hidden = (hidden == 0).all(axis=1)
    assert abs(is_hidden.mean() - 0.3) < 0.04
    np.testing.assert_array_equal(hidden[~is_hidden], ids[~is_hidden])
    with pytest.raises(ValueError, match="at least 0 and below 1, got 1"):
        HideIds(1)


def made(**kwargs):
    tower = ItemTower(ROWS, FEATURES, D, hidden_dims=[5], **kwargs)
    tower.build()
    tower.tables.assign(values())
    for part in (tower.ids, tower.embedding, tower.tower):
        drawn(part)
    return tower


def test_an_item_is_its_id_and_its_features():
    tower, given = made(normalize=False), values()
    found = ops.convert_to_numpy(tower(np.arange(ROWS)))
    table = {weight.name: ops.convert_to_numpy(weight).astype("float64") for weight in tower.embedding.weights}
    ids = ops.convert_to_numpy(tower.ids.embeddings).astype("float64")
    for row in range(ROWS):
        of_genres = [table["genres_table"][value] for value in given["genres"][row] if value]
        year, text = given["year"][row], given["text"][row]
        parts = [
            ids[row],
            table["kind_of_table"][given["kind of"][row]],
            table["year_missing"] if np.isnan(year) else year * table["year_map"][0] + table["year_bias"],
            np.mean(of_genres, axis=0) if of_genres else table["genres_table"][0],
            table["text_missing"] if np.isnan(text).any() else text @ table["text_map"] + table["text_bias"],
        ]
        of = [ops.convert_to_numpy(weight) for weight in tower.tower.weights]
        wanted = sum(parts) + np.maximum(np.concatenate(parts) @ of[0] + of[1], 0) @ of[2] + of[3]
        np.testing.assert_allclose(found[row], wanted, rtol=1e-4, atol=1e-5)


def test_folding_writes_all_vectors_in_chunks_and_reads_them_from_then_on(monkeypatch):
    tower = made()
    wanted = ops.convert_to_numpy(tower(np.arange(ROWS)))
    monkeypatch.setattr("tfrec.layers.item_tower._CHUNK", 4)
    np.testing.assert_allclose(ops.convert_to_numpy(tower.all_rows()), wanted, atol=1e-6)
    tower.fold()
    np.testing.assert_allclose(ops.convert_to_numpy(tower.items.embeddings), wanted, atol=1e-6)
    drawn(tower.ids, seed=5)
    np.testing.assert_allclose(ops.convert_to_numpy(tower.all_rows()), wanted, atol=1e-6)
    tower.unfold()
    assert np.abs(ops.convert_to_numpy(tower.all_rows()) - wanted).max() > 0.01


def test_an_item_that_starts_from_its_features_is_an_unseen_item_with_them():
    tower = made()
    tower.fold()
    before = ops.convert_to_numpy(tower.all_rows()).copy()
    tower.start(np.array([4]))
    after = ops.convert_to_numpy(tower.all_rows())
    np.testing.assert_array_equal(np.delete(before, 4, axis=0), np.delete(after, 4, axis=0))
    assert np.abs(before[4] - after[4]).max() > 0.01
    same = values()
    for one in same.values():
        one[1] = one[4]
    tower.tables.assign(same)
    np.testing.assert_allclose(after[4], ops.convert_to_numpy(tower(np.array([1])))[0], atol=1e-6)
    tower.unfold()
    np.testing.assert_allclose(after[4], ops.convert_to_numpy(tower(np.array([4])))[0], atol=1e-6)

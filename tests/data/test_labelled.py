"""Batches of labelled rows: the right features at the right rows, and no row in its own history."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tfrec.data import ByTime, Categorical, Examples, FeatureSpec, History, Numeric, Random, labelled
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow


def table(rows=300, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "label": rng.integers(1, 6, rows).astype(float),
            "who": rng.integers(0, 7, rows),
            "what": rng.integers(0, 40, rows),
            "when": rng.integers(0, 80, rows),  # ties
            "hour": rng.integers(0, 24, rows),
        }
    )
    items = pd.DataFrame({"what": np.arange(40), "price": np.arange(40.0), "tags": ["a|b", "b", ""] * 13 + ["c"]})
    return Examples.from_pandas(frame, label="label", user="who", item="what", time="when", items=items)


def whole(data, spec, **kwargs):
    return next(iter(labelled(data, spec, batch_size=len(data), **kwargs)))


def slow_history(row, data, known, rule):
    """The events of one row, by hand: (item, label) from old to new."""
    times = list(range(len(known)) if known.times is None else known.times)

    def is_own(n):
        same_item = known.item_ids[known.item_codes[n]] == data.item_ids[data.item_codes[row]]
        return same_item and (known.times is None or times[n] == data.times[row])

    rows = [n for n in range(len(known)) if known.user_ids[known.user_codes[n]] == data.user_ids[data.user_codes[row]]]
    if rule.min_label is not None:
        rows = [n for n in rows if known.labels[n] >= rule.min_label]
    if rule.take == "earlier" and known.times is not None:
        rows = [n for n in rows if times[n] < data.times[row]]
    elif rule.take == "earlier" and data is known:
        rows = [n for n in rows if n < row]
    rows = [n for n in rows if not is_own(n)]
    rows.sort(key=lambda n: (times[n], n))
    return [(known.item_ids[known.item_codes[n]], known.labels[n]) for n in rows[-rule.length :]]


@pytest.mark.parametrize("take", ["earlier", "all"])
@pytest.mark.parametrize("min_label", [None, 4.0])
@pytest.mark.parametrize("part", ["train", "test"])
def test_histories_equal_those_of_a_simple_loop(take, min_label, part):
    split = table().split(ByTime(0.7, 0.8) if take == "earlier" else Random())
    rule = History(6, take=take, min_label=min_label, with_label=True, item_features=("price", "tags"))
    spec = FeatureSpec.fit(split.train, history=rule)
    data = getattr(split, part)
    inputs, labels = whole(data, spec, known=split.train)
    np.testing.assert_array_equal(labels[:, 0], data.labels)
    history, told = inputs["history"].numpy(), inputs["history_label"].numpy()
    for row in range(len(data)):
        wanted = slow_history(row, data, split.train, rule)
        found = [
            (spec.items.tokens[item - 2], spec.label_levels[level - 2])
            for item, level in zip(history[row], told[row], strict=True)
            if item
        ]
        assert found == wanted
        assert (history[row][: history.shape[1] - len(wanted)] == 0).all()
    prices = spec.item_features["price"][history]
    np.testing.assert_array_equal(inputs["history_price"], np.where(history > 0, prices, np.nan))
    np.testing.assert_array_equal(inputs["history_tags"], spec.item_features["tags"][history])


def test_each_row_has_the_features_of_its_user_item_and_context():
    data = table()
    spec = FeatureSpec.fit(data)
    inputs, _ = whole(data, spec)
    price, hour = (next(one for one in spec.features if one.column == name) for name in ("price", "hour"))
    raw = pd.Series(data.item_ids[data.item_codes].astype(float))
    np.testing.assert_allclose(inputs["price"], price.encode(raw))
    np.testing.assert_allclose(inputs["hour"], hour.encode(data.context["hour"]))
    names = [spec.items.decode([item])[0] for item in inputs["item"].numpy()]
    assert names == list(data.item_ids[data.item_codes])


def test_unseen_users_and_items_keep_the_features_that_are_known_of_them():
    data = table()
    spec = FeatureSpec.fit(data.take(data.item_codes != data.item_codes[0]), history=History(5))
    stranger = Examples.from_pandas(
        pd.DataFrame({"label": [1], "who": ["new"], "what": [data.item_ids[data.item_codes[0]]], "when": [99]}),
        label="label", user="who", item="what", time="when", items=data.items.reset_index(names="what"),
    )  # fmt: skip
    inputs, _ = whole(stranger, spec, known=data)
    assert inputs["item"].numpy() == [1] and inputs["user"].numpy() == [1]
    assert np.isfinite(inputs["price"]).all() and np.isnan(inputs["hour"]).all()  # no such column: missing
    assert (inputs["history"].numpy() == 0).all()


def test_item_count_is_a_feature():
    data = table()
    spec = FeatureSpec.fit(data, features=[Numeric("item_count", scaling="log")])
    padding, unseen, *counts = spec.item_features["item_count"]
    assert np.isnan(padding) and unseen < counts[-1] and np.all(np.diff(counts) <= 1e-6)


def test_an_epoch_has_every_row_once_in_a_new_order():
    data = table()
    spec = FeatureSpec.fit(data, features=[Numeric("hour")])
    batches = labelled(data, spec, batch_size=32, shuffle=True, inputs=["item"])
    first, second = ([np.concatenate([y.numpy()[:, 0] for _, y in batches])][0] for _ in range(2))
    assert sorted(first) == sorted(second) == sorted(data.labels) and list(first) != list(second)
    assert set(batches.element_spec[0]) == {"item"}


def test_missing_arguments_raise_an_error():
    data = table()
    spec = FeatureSpec.fit(data, history=History(5))
    with pytest.raises(InputError, match=r"known=split\.train"):
        labelled(data, spec)
    with pytest.raises(InputError, match="'mood' is not in the feature spec"):
        labelled(data, spec, inputs=["mood"])
    labelled(data, spec, inputs=["item"])  # without the history, no known rows are needed


def test_unseen_rate_hides_users_and_items_reproducibly():
    data = table(rows=3000)
    spec = FeatureSpec.fit(data, features=[Categorical("user")])

    def drawn(seed):
        batches = labelled(data, spec, batch_size=500, unseen_rate=0.2, seed=seed)
        return [np.concatenate([inputs[name] for inputs, _ in batches]) for name in ("user", "item") for _ in range(2)]

    users, users_later, items, _ = drawn(0)
    for ids in (users, items):
        assert 0.15 < np.mean(ids == 1) < 0.25
    assert not np.array_equal(users == 1, items == 1) and not np.array_equal(users == 1, users_later == 1)
    np.testing.assert_array_equal(users, drawn(0)[0])
    plain, _ = whole(data, spec)
    np.testing.assert_array_equal(users[users > 1], plain["user"].numpy()[users > 1])


def test_a_hidden_item_gets_the_count_of_an_unseen_item():
    data = table(rows=1000)
    spec = FeatureSpec.fit(data, features=[Numeric("item_count", scaling="log")])
    inputs, _ = next(iter(labelled(data, spec, batch_size=1000, unseen_rate=0.3, seed=0)))
    plain, _ = whole(data, spec)
    items, counts = inputs["item"].numpy(), inputs["item_count"].numpy()
    assert 0.2 < np.mean(items == 1) < 0.4
    np.testing.assert_array_equal(counts[items == 1], spec.item_features["item_count"][1])
    np.testing.assert_array_equal(counts[items > 1], plain["item_count"].numpy()[items > 1])


def test_a_column_may_have_the_name_of_a_history_input_if_the_history_lacks_it():
    data = table()
    frame = pd.DataFrame({"history_len": np.arange(300) % 5, "history_labels": np.arange(300) % 3})
    data = dataclasses.replace(data, context=frame.assign(history_tags=frame["history_len"]))
    inputs, _ = whole(data, FeatureSpec.fit(data))
    assert {"history_len", "history_labels", "history_tags"} <= set(inputs) and "history" not in inputs
    spec = FeatureSpec.fit(data, history=History(3, item_features=("price",)))
    inputs, _ = whole(data, spec, known=data)
    raw = next(one for one in spec.features if one.column == "history_len").encode(frame["history_len"])
    np.testing.assert_array_equal(inputs["history_len"], raw)
    assert inputs["history_price"].shape == inputs["history"].shape
    with pytest.raises(InputError, match="'history_tags' is a column, but also the model input for 'tags'"):
        FeatureSpec.fit(data, history=History(3, item_features=("tags",)))


def test_the_old_name_of_the_rule_all_is_accepted():
    assert History(take="others") == History(take="all") and History(take="others").take == "all"


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("take", ["earlier", "all"])
@pytest.mark.parametrize("which", ["the same", "a part", "a copy with other codes"])
def test_a_row_is_not_in_its_own_history_even_if_it_is_duplicated_or_in_another_table(timed, take, which):
    frame = pd.DataFrame(np.random.default_rng(1).integers(0, 5, (60, 3)), columns=["who", "what", "when"])
    frame = pd.concat([frame, frame.sample(40, random_state=0)], ignore_index=True)  # rows may be repeated
    frame["label"] = np.random.default_rng(2).integers(1, 6, len(frame))

    def examples(rows):
        return Examples.from_pandas(rows, label="label", user="who", item="what", time="when" if timed else None)

    known = examples(frame)
    data = {
        "the same": known,
        "a part": known.take(np.arange(50)),
        "a copy with other codes": examples(frame.iloc[::-1]),
    }[which]
    rule = History(4, take=take, with_label=True)
    spec = FeatureSpec.fit(known, history=rule)
    inputs, _ = whole(data, spec, known=known)
    for row in range(len(data)):
        found = [
            (spec.items.tokens[item - 2], spec.label_levels[level - 2])
            for item, level in zip(inputs["history"].numpy()[row], inputs["history_label"].numpy()[row], strict=True)
            if item
        ]
        assert found == slow_history(row, data, known, rule)

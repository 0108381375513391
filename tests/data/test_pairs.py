"""Pairs of users and items: every known interaction is a row, and no history contains its own target."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from tfrec.data import Examples, FeatureSpec, Interactions, LeaveLastOut, known_pairs, pairs, sequences
from tfrec.errors import InputError
from tfrec.models import SASRec

pytestmark = pytest.mark.tensorflow

ROWS = [("ann", "x"), ("ann", "y"), ("ann", "x"), ("ann", "z"), ("ann", "w"), ("bob", "y"), ("bob", "z"), ("bob", "w")]


@pytest.fixture(scope="module")
def table():
    return Interactions.from_pandas(pd.DataFrame(ROWS, columns=["u", "i"]), user="u", item="i")


@pytest.fixture(scope="module")
def spec(table):
    return FeatureSpec.fit(table, max_length=3, users=True)


def rows_of(dataset, spec):
    """(user, history, target) as raw ids."""
    found = []
    for inputs, targets, weights in dataset:
        assert (weights.numpy() == 1).all()
        users = spec.users.decode(inputs["user"].numpy()) if "user" in inputs else [None] * len(targets)
        past = inputs["history"].numpy() if "history" in inputs else np.zeros((len(targets), 0), int)
        for row, history in enumerate(past):
            seen = history[history > 0]
            assert (history[: len(history) - len(seen)] == 0).all()  # padding only on the left
            found.append((users[row], spec.items.decode(seen), spec.items.decode([int(targets[row])])[0]))
    return found


def test_every_interaction_is_a_row_once_an_epoch(table, spec):
    batches = pairs(table, spec, batch_size=3)
    found = rows_of(batches, spec)
    assert Counter((user, target) for user, _, target in found) == Counter(ROWS)
    assert rows_of(batches, spec) != found  # another order in the next epoch


def test_all_other_items_are_the_history_and_the_target_is_not(table, spec):
    found = rows_of(pairs(table, spec, inputs=("user", "history"), shuffle=False), spec)
    assert found[0] == ("ann", ["y", "z", "w"], "x")  # "x" twice in the past, and nowhere in its history
    assert found[3] == ("ann", ["y", "x", "w"], "z")
    assert found[-1] == ("bob", ["y", "z"], "w")
    assert all(target not in history for _, history, target in found)


def test_the_old_name_of_the_rule_all_is_accepted(table, spec):
    now, old = (
        rows_of(pairs(table, spec, inputs=("history",), take=take, shuffle=False), spec) for take in ("all", "others")
    )
    assert now == old


def test_take_earlier_gives_only_earlier_items(table, spec):
    found = rows_of(pairs(table, spec, inputs=("history",), take="earlier", shuffle=False), spec)
    of_ann = [[], ["x"], ["y"], ["x", "y", "x"], ["y", "x", "z"]]
    assert [history for _, history, _ in found] == [*of_ann, [], ["y"], ["y", "z"]]


def test_a_holdout_gives_a_row_for_each_user_with_all_that_is_known(table):
    more = pd.DataFrame([*ROWS, ("cat", "z"), ("cat", "w")], columns=["u", "i"])  # two rows stay in training
    split = Interactions.from_pandas(more, user="u", item="i").split(LeaveLastOut())
    spec = FeatureSpec.fit(split.train, max_length=5, users=True)
    assert rows_of(pairs(split.valid, spec), spec) == [("ann", ["x", "y", "x"], "z"), ("bob", ["y"], "z")]
    # A model that reads users only gets the whole history, to mask it; one that reads histories the newest L items.
    short = FeatureSpec.fit(split.train, max_length=2, users=True)
    assert rows_of(pairs(split.valid, short), short)[0] == ("ann", ["x", "y", "x"], "z")
    assert rows_of(pairs(split.valid, short, inputs=("user", "history")), short)[0] == ("ann", ["y", "x"], "z")
    of_ann = FeatureSpec.fit(table.split(LeaveLastOut()).train, max_length=5, users=True)  # without z and w
    with pytest.raises(InputError, match="no usable rows"):
        pairs(split.test, of_ann)


def test_an_unknown_user_has_id_one(table, spec):
    more = pd.DataFrame([*ROWS, ("eve", "x"), ("eve", "?")], columns=["u", "i"])
    (inputs, targets, _), *rest = pairs(Interactions.from_pandas(more, user="u", item="i"), spec, shuffle=False)
    assert not rest and inputs["user"].numpy()[-1] == 1 and len(targets) == len(ROWS) + 1
    assert 1 not in known_pairs(table, spec)


def test_known_pairs_are_distinct(table, spec):
    found = known_pairs(table, spec)
    raw = {(spec.users.decode([user])[0], spec.items.decode([item])[0]) for user, item in found.tolist()}
    assert raw == set(ROWS) and len(found) == len(raw) and found.dtype == np.int32


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"inputs": ("timestamps",)}, "inputs of pairs"),
        ({"inputs": "user"}, "inputs of pairs"),
        ({"take": "later"}, "take must be"),
        ({"batch_size": 3, "num_replicas": 2}, "multiple"),
    ],
)
def test_invalid_arguments_raise_an_error(table, spec, how, message):
    with pytest.raises(InputError, match=message):
        pairs(table, spec, **how)


def test_a_spec_without_users_raises_an_error_that_says_what_to_do(table):
    with pytest.raises(InputError, match="users=True"):
        pairs(table, FeatureSpec.fit(table))


class TestTheSpec:
    def test_users_survive_saving_and_the_most_active_is_first(self, spec, tmp_path):
        assert spec.users.tokens.tolist() == ["ann", "bob"] and spec.num_users == 2
        spec.save(tmp_path)
        again = FeatureSpec.load(tmp_path)
        assert again.users == spec.users and again.vocabulary_hashes == spec.vocabulary_hashes

    def test_nothing_changes_without_users(self, table, spec, tmp_path):
        plain = FeatureSpec.fit(table, max_length=3)
        plain.save(tmp_path)
        assert plain.num_users is None and not (tmp_path / "vocabularies" / "user.txt").exists()
        assert "user" not in plain.vocabulary_hashes and FeatureSpec.load(tmp_path).users is None
        assert plain.vocabulary_hashes["item"] == spec.vocabulary_hashes["item"]

    def test_a_missing_or_shorter_user_vocabulary_raises_an_error(self, spec, tmp_path):
        spec.save(tmp_path)
        (tmp_path / "vocabularies" / "user.txt").write_text("ann\n", encoding="utf-8")
        with pytest.raises(InputError, match=r"user.txt has 1 users, spec.json says 2"):
            FeatureSpec.load(tmp_path)
        (tmp_path / "vocabularies" / "user.txt").unlink()
        with pytest.raises(InputError, match=r"feature spec in .* cannot be read"):
            FeatureSpec.load(tmp_path)

    def test_labelled_rows_have_a_feature_instead(self):
        rows = Examples.from_pandas(pd.DataFrame({"label": [0, 1], "u": ["a", "b"]}), label="label", user="u")
        with pytest.raises(InputError, match="feature 'user'"):
            FeatureSpec.fit(rows, users=True)

    def test_a_model_without_users_accepts_a_spec_with_users(self, table, spec):
        model = SASRec(spec.num_items, max_length=3, hidden_dim=8)
        model.bind_vocabulary(spec)
        assert list(model.bound_vocabulary) == ["item"]
        assert next(iter(sequences(table, spec)))[0].keys() == {"history"}

"""A spec is fitted on training data only, and loading it restores it or names the part that does not fit."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrec.data import FeatureSpec, Interactions, LeaveLastOut
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow
quick = settings(max_examples=30, deadline=None)

name = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\x00"), min_size=1, max_size=5)
pairs = st.lists(st.tuples(st.integers(0, 4), name), min_size=1, max_size=30)
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)


def made(pairs, **kwargs):
    return Interactions.from_pandas(pd.DataFrame(pairs, columns=["user", "item"]), user="user", item="item", **kwargs)


@quick
@given(pairs)
def test_items_are_counted_and_sorted_by_popularity(pairs):
    spec = FeatureSpec.fit(made(pairs), max_length=7)
    counts = Counter(item for _, item in pairs)
    assert dict(zip(spec.items.tokens, spec.item_counts.tolist(), strict=True)) == counts
    assert (np.diff(spec.item_counts) <= 0).all()
    again = FeatureSpec.fit(made(pairs[::-1]))
    assert again.items == spec.items  # the order of the rows has no effect


@quick
@given(pairs, st.data())
def test_a_spec_survives_saving(tmp_path_factory, pairs, data):
    folder = tmp_path_factory.mktemp("spec")
    known = sorted({item for _, item in pairs})
    titles = data.draw(st.none() | st.lists(anything, min_size=len(known), max_size=len(known)))
    side = None if titles is None else pd.DataFrame({"item": known, "title": titles})
    spec = FeatureSpec.fit(made(pairs, items=side), max_length=5)
    spec.save(folder)
    again = FeatureSpec.load(folder)
    assert again.items == spec.items and again.max_length == 5 and again.num_items == len(known)
    assert again.item_counts.tolist() == spec.item_counts.tolist()
    assert again.titles == spec.titles
    if side is not None:
        assert again.item_table.index.tolist() == spec.item_table.index.tolist()
        assert again.titles == [titles[known.index(token)] for token in spec.items.tokens]


@pytest.mark.parametrize("title", ["a\rb", "\r", "a\r\nb", "\n", '"', 'a,"b"', "", "NA", " x ", "\ufeff", "\x1a"])
def test_any_title_survives_the_csv(title, tmp_path):
    side = pd.DataFrame({"item": ["i", "j"], "title": [title, "J"]})
    FeatureSpec.fit(made([(0, "i"), (0, "j")], items=side)).save(tmp_path)
    assert FeatureSpec.load(tmp_path).titles == [title, "J"]


def test_items_that_are_only_in_the_holdout_are_unknown():
    train, _, test = made([(0, item) for item in "abcd"]).split(LeaveLastOut())
    spec = FeatureSpec.fit(train)
    assert sorted(spec.items.tokens) == ["a", "b"]
    assert spec.items.encode(test.targets.item_ids[test.targets.item_codes]).tolist() == [1]


def saved(folder):
    side = pd.DataFrame({"item": ["a", "b", "c"], "title": ["A", "B", "C"]})
    FeatureSpec.fit(made([(0, "a"), (0, "b"), (1, "c")], items=side), max_length=5).save(folder)


@pytest.mark.parametrize("part", ["vocabularies/item.txt", "vocabularies/item_counts.txt", "items.csv"])
def test_inconsistent_files_raise_an_error(part, tmp_path):
    saved(tmp_path)
    lines = (tmp_path / part).read_text("utf-8").splitlines(keepends=True)
    (tmp_path / part).write_text("".join(lines[:-1]), "utf-8")
    with pytest.raises(InputError, match=f"{part} has 2 items, spec.json says 3"):
        FeatureSpec.load(tmp_path)


def test_an_unknown_format_raises_an_error(tmp_path):
    saved(tmp_path)
    text = (tmp_path / "spec.json").read_text("utf-8")
    (tmp_path / "spec.json").write_text(text.replace('"format": 1', '"format": 9'), "utf-8")
    with pytest.raises(InputError, match=r"format 9.*reads 1 to 5"):
        FeatureSpec.load(tmp_path)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, None])
def test_max_length_must_be_a_positive_integer(bad):
    with pytest.raises(InputError, match=f"max_length must be a positive integer, got {bad!r}"):
        FeatureSpec.fit(made([(0, "a")]), max_length=bad)

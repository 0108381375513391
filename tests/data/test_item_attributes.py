import numpy as np
import pandas as pd
import pytest

from tfrec.data import Attributes, FeatureSpec, Interactions, item_attributes
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def spec():
    rows = pd.DataFrame({"user": [1, 1, 1, 2, 2, 2], "item": list("xyzxyx")})  # "w" is not in the training data
    items = pd.DataFrame(
        {
            "item": list("wzyx"),
            "kind": ["a|b", " b |a|b", None, "b|a"],
            "title": ["Red War", "Blue war, blue", "RED!", "War (red)"],
            "tags": [["u", ""], ["u", "v", None], [""], ["v"]],
        }
    )
    return FeatureSpec.fit(Interactions.from_pandas(rows, "user", "item", items=items))


def names(spec, *columns):
    """Id of an attribute -> the items that have it."""
    found = item_attributes(spec, columns)
    assert not found[:2].any()
    return {
        int(a): [spec.items.decode([i])[0] for i in range(len(found)) if a in found[i]] for a in set(found.flat) - {0}
    }


def test_items_with_a_common_value_share_its_id(spec):
    kinds = names(spec, Attributes("kind", max_share=1.0))
    assert sorted(map(sorted, kinds.values())) == [["x", "z"], ["x", "z"]]
    titles = names(spec, Attributes("title", words=True, max_share=1.0))
    assert sorted(map(sorted, titles.values())) == [["x", "y"], ["x", "z"]]  # red, war; blue is one item's
    assert len(names(spec, Attributes("tags", min_count=1, max_share=1.0))) == 2


def test_equal_values_of_two_columns_are_different_attributes(spec):
    both = names(spec, Attributes("kind", max_share=1.0), Attributes("tags", min_count=1, max_share=1.0))
    assert sorted(both) == [1, 2, 3, 4]
    found = item_attributes(spec, [Attributes("kind", max_share=1.0)])
    assert all(len(set(row[row > 0])) == (row > 0).sum() and not row[(row > 0).sum() :].any() for row in found)


def test_very_common_values_are_dropped_and_the_first_values_are_kept(spec):
    with pytest.raises(InputError, match="No two items share a value of kind"):
        item_attributes(spec, [Attributes("kind", max_share=0.5)])
    assert item_attributes(spec, [Attributes("kind", max_share=1.0, max_values=1)]).shape[1] == 1


def test_wrong_columns_and_arguments_raise_an_error(spec):
    with pytest.raises(InputError, match="no column 'brand': its columns are kind, title, tags"):
        item_attributes(spec, [Attributes("brand")])
    bare = FeatureSpec(spec.items, spec.item_counts, 5)
    with pytest.raises(InputError, match="its columns are none"):
        item_attributes(bare, [Attributes("kind")])
    for wrong in ({"separator": ""}, {"min_count": 0}, {"max_values": True}, {"max_share": 2}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} of the attributes 'kind'"):
            Attributes("kind", **wrong)
    assert np.asarray(item_attributes(spec, [Attributes("kind", max_share=1)])).dtype == np.int32

"""The error for a table of the wrong kind says how to create the right one."""

import pandas as pd
import pytest

from tfrec.data import Examples, FeatureSpec, Interactions, LeaveLastOut, labelled, sequences
from tfrec.errors import InputError
from tfrec.evaluation import Popularity, evaluate, evaluate_labelled
from tfrec.serving import recommend

pytestmark = pytest.mark.tensorflow

FRAME = pd.DataFrame({"u": [1] * 4, "i": list("abca"), "y": [0, 1, 1, 0]})
TABLE = Interactions.from_pandas(FRAME, user="u", item="i")
SPLIT = TABLE.split(LeaveLastOut())
SPEC = FeatureSpec.fit(TABLE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeatureSpec.fit(FRAME), r"Interactions or Examples, got DataFrame. Make them with .*from_pandas"),
        (lambda: FeatureSpec.fit(SPLIT), r"Interactions or Examples, got Split. Pass one part of the split"),
        (lambda: sequences(FRAME, SPEC), r"Interactions or Holdout, got DataFrame. Make them with"),
        (lambda: labelled(TABLE, SPEC), r"expected Examples, got Interactions"),
        (lambda: Examples.from_interactions(FRAME), r"expected Interactions, got DataFrame"),
        (
            lambda: evaluate(Popularity(SPEC), SPEC, FRAME),
            r"expected Holdout, got DataFrame. Pass the valid or test",
        ),
        (lambda: evaluate(Popularity(SPEC), SPEC, SPLIT), r"expected Holdout, got Split. Pass one part"),
        (lambda: evaluate_labelled(Popularity(SPEC), SPEC, FRAME, task="click"), r"expected Examples, got DataFrame"),
        (
            lambda: recommend(Popularity(SPEC), SPEC, FRAME),
            r"histories must be lists of ids, oldest first, got DataFrame",
        ),
        (lambda: recommend(Popularity(SPEC), SPEC, [1, 2]), r"A history must be a list of ids, got 1"),
    ],
)
def test_a_table_of_the_wrong_type_raises_an_error(call, message):
    with pytest.raises(InputError, match=message):
        call()

"""The gate accepts other items from an approximate index, but only with the scores of the model."""

import numpy as np
import pytest

from tfrec.serving.runtime import Call
from tfrec.serving.verify import gate, model_answers, parity, samples
from tfrec.serving.verify.approximation import Approximation, overlap

CALL = Call(
    "recommend_filtered", {"history": [["a", ""], ["b", "c"]], "exclude": [["d"]], "allow": [[""], ["e", "f", "g"]]}
)


def lists(*rows):
    return {"item_ids": np.array(rows, object), "scores": np.zeros((len(rows), len(rows[0])), np.float32)}


EXPECTED = lists(["b", "c", "e"], ["e", "f", ""])


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (lists(["e", "c", "g"], ["g", "f", ""]), None),
        (lists(["a", "b", "c"], ["e", "f", ""]), "returned 'a', which was seen"),
        (lists(["b", "d", "c"], ["e", "f", ""]), "returned 'd'"),
        (lists(["b", "w", "c"], ["e", "f", ""]), "returned 'w'"),
        (lists(["b", "c", "e"], ["e", "h", ""]), "returned 'h'"),
        (lists(["b", "b", "e"], ["e", "f", ""]), "an item twice"),
        (lists(["b", "c", ""], ["e", "f", ""]), "found 2 items where the model finds 3"),
    ],
)
def test_forbidden_repeated_and_missing_items_are_detected(found, message):
    wrong = Approximation(None, 0.5, withdrawn=["w"]).wrong(CALL, EXPECTED, found)
    assert (message is None and wrong is None) or message in wrong


def test_a_short_list_passes_if_allowed_and_recall_is_a_share():
    assert Approximation(None, 0.5, may_be_short=True).wrong(CALL, EXPECTED, lists(["b", "", ""], ["", "", ""])) is None
    assert overlap(EXPECTED, lists(["b", "x", ""], ["f", "", ""])) == (2, 5)


@pytest.mark.tensorflow
def test_an_index_that_finds_other_items_does_not_pass(preset, monkeypatch, tmp_path):
    """Items that may be returned, with the scores that the model gives them, and yet not those that it finds."""
    model, spec = preset.model, preset.spec
    calls = [call for call in samples.calls(spec, False, num_histories=50) if call.signature == "serving_default"]
    expected = model_answers.expected_answers(model, spec, calls, 4)

    def worst(wanted, call):
        found = model_answers.expected_answers(model, spec, [call], spec.num_items)[0]["item_ids"]
        rows = [
            [item for item in row if item][-(row_wanted != "").sum() :]
            for row, row_wanted in zip(found, wanted["item_ids"], strict=True)
        ]
        return {"item_ids": np.array([[*row, *[""] * (4 - len(row))] for row in rows], object)}

    def answers(_, asked, __):
        found = [worst(wanted, call) for wanted, call in zip(expected, asked, strict=True)]
        return [model_answers.rescored(model, spec, call, one) for call, one in zip(asked, found, strict=True)]

    monkeypatch.setattr(gate, "replay", answers)
    rescored = lambda call, found: model_answers.rescored(model, spec, call, found)  # noqa: E731
    with pytest.raises(parity.ParityError, match=r"finds \d+% of the items that the model finds, expected 48%"):
        gate.check(tmp_path, calls, expected, approximation=Approximation(rescored, 0.475))
    monkeypatch.setattr(gate, "replay", lambda *_: expected)
    assert gate.check(tmp_path, calls, expected, approximation=Approximation(rescored, 0.475)).recall == 1


@pytest.mark.tensorflow
def test_every_signature_gets_random_histories_too(preset):
    rows = {}
    for call in samples.calls(preset.spec, timed=False):
        rows[call.signature] = rows.get(call.signature, 0) + len(next(iter(call.inputs.values())))
    edges = 8
    assert rows["serving_default"] == 200 + edges and rows["recommend"] == edges
    assert rows["score"] == rows["embed_users"] == 50 + edges and rows["recommend_filtered"] == 2 * (50 + edges)

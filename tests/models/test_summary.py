"""`summary` prints its table and then one line on what `predict` returns."""

import pytest
import small
import small_ranking


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: small.build("sasrec"), "query vectors, not items. For the best items, call recommend(inputs, k)"),
        (lambda: small_ranking.build("afm"), "click logits, (B, 1). For probabilities, (B,), call score(inputs)."),
        (lambda: small_ranking.build("afm", task="rating", rating_range=(1, 5)), "For ratings within their range"),
    ],
)
def test_the_last_line_says_what_predict_returns(make, line, capsys):
    model, texts = make(), []
    model.summary(print_fn=texts.append)
    assert "Total params" in "".join(texts[:-1]) and line in texts[-1] and "\n" not in texts[-1]
    model.summary(line_length=80)
    assert line in capsys.readouterr().out.splitlines()[-1]

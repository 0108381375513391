"""A vocabulary keeps every id that a file can hold, byte for byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrec.data import Vocabulary
from tfrec.errors import InputError

pytestmark = pytest.mark.tensorflow
quick = settings(max_examples=50, deadline=None)

token = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r\x00"), min_size=1, max_size=8)
tokens = st.lists(token, unique=True, max_size=12)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("vocabulary") / "item.txt"


@quick
@given(tokens)
def test_a_vocabulary_survives_saving(file, tokens):
    words = Vocabulary(tokens)
    words.save(file)
    again = Vocabulary.load(file)
    assert again == words and again.tokens.tolist() == tokens
    assert file.read_bytes().decode("utf-8").split("\n")[:-1] == tokens  # line n is id n + 2, for any reader


@quick
@given(tokens, st.lists(token, max_size=6))
def test_ids_start_at_2_and_unknown_tokens_get_1(tokens, others):
    words = Vocabulary(tokens)
    assert words.encode(tokens).tolist() == list(range(2, len(tokens) + 2))
    assert words.decode(words.encode(tokens)) == tokens
    assert words.encode(others).tolist() == [tokens.index(t) + 2 if t in tokens else 1 for t in others]
    assert [t in words for t in others] == [t in tokens for t in others]
    assert words.decode([0, 1]) == ["", ""]


def test_similar_looking_tokens_have_different_ids():
    tokens = ["1", "1.0", "01", " 1", "1 ", "é", "e\u0301", "A", "a", "nan", "NA", "None", "\u2028", "\ufeff"]
    assert Vocabulary(tokens).encode(tokens).tolist() == list(range(2, 16))


@pytest.mark.parametrize("bad", ["", "a\nb", "a\r", "\x00"])
def test_tokens_that_a_file_cannot_hold_raise_an_error(bad):
    with pytest.raises(InputError, match="cannot hold"):
        Vocabulary(["fine", bad])


def test_a_repeated_token_raises_an_error():
    with pytest.raises(InputError, match="'b' twice"):
        Vocabulary(["a", "b", "b"])

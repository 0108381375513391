"""A file with columns is a table, with any separator and any number of lines; only ids separated by blanks are
sequences."""

import pytest
from tables import history, write

from tfrec.data import read
from tfrec.errors import InputError

CHECKINS = "7\tv1\tCoffee Shop\t40.1\t-74.0\tTue Apr 03\n8\tv1\tCoffee Shop\t40.1\t-74.0\tTue Apr 03\n"
POSITIONS = "--no-header --user 1 --item 2"


@pytest.mark.parametrize(
    "content",
    [
        CHECKINS,
        CHECKINS.splitlines()[0],
        "0\t25\t5\t978824351\n1\t26\t5\t978824351\n",
        "0\t25\t5\t978824351\n",
        "u1;i1;Blue Kite\nu2;i2;Red\n",
        "u1;i1;Blue Kite",
        '"u1";"i1";"Blue; Kite"\n',
        '"u1"\t"i1"\t"Blue Kite"\n',
        "u1|i1|Blue Kite\nu2|i2|Red Kite\n",
        "1::7::5::1001\n1::007::4::1001\n",
        "u 1::i 1\n",
        "u1,i1,Blue Kite\n",
        "u1\ti1 i2\nu2\ti2 i3 i4\n",
        "1 5 978824351\n2 6 978824352\n3 5 978824353\n",
        "1 5 4.5\n2 6 3.0\n",
        "1 5 2020-01-02\n2 7 2020-01-03\n",
        "1 2\n3 4\n" * 20_000 + "5\t6 7\n",
        "foo\tbar\nann\tx1\n",
    ],
)
def test_a_table_without_a_header_raises_an_error_that_names_the_options(tmp_path, content):
    path = write(tmp_path / "t.txt", content)
    with pytest.raises(InputError, match=POSITIONS) as refused:
        read(path)
    assert "\n" not in str(refused.value)


def test_the_options_named_by_the_error_work(tmp_path):
    positions = {"user": "1", "item": "2", "header": False}
    table = read(write(tmp_path / "a.txt", CHECKINS), **positions, context=["3"], time=False)
    assert table.item_ids.tolist() == ["v1"] and table.context["3"].tolist() == ["Coffee Shop"] * 2
    for content in ("1::7::5::9\n1::007::4::8\n", "1\t7\t5\t9\n1\t007\t4\t8\n", "1 7 5 9\n1 007  4 8\n"):
        table = read(write(tmp_path / "b.txt", content), **positions, weight="3", time="4")
        assert history(table, "1") == ["007", "7"] and table.weights.tolist() == [4, 5]
    quoted = write(tmp_path / "c.txt", '"u 1" "i 1"\n"u 2" "i 2"\n')
    with pytest.raises(InputError, match=r"quoted fields.*--sep ' '"):
        read(quoted)
    assert read(quoted, separator=" ", **positions).item_ids.tolist() == ["i 1", "i 2"]


@pytest.mark.parametrize(
    ("content", "named", "users"),
    [
        ("user item\n1 a\n1 b\n2 a\n", {}, ["1", "2"]),
        ("user item time\n1 a 5\n1 b 4\n2 a 3\n", {}, ["1", "2"]),
        ("UserId   movieId\nann  x\n", {}, ["ann"]),
        ("who what\n1 a\n2 b\n", {"user": "who", "item": "what"}, ["1", "2"]),
        ("who what\n1 10\n2 20\n", {"user": "who", "item": "what"}, ["1", "2"]),
        ("who\twhat\nann\tx1\n", {"user": "who", "item": "what"}, ["ann"]),
    ],
)
def test_a_header_separated_by_blanks_is_not_a_row(tmp_path, content, named, users):
    table = read(write(tmp_path / "t.txt", content), **named)
    assert table.user_ids.tolist() == users and len(table) == content.count("\n") - 1


def test_a_header_of_unknown_words_over_numbers_raises_an_error(tmp_path):
    with pytest.raises(InputError, match=r"columns 'foo', 'bar'.*--user"):
        read(write(tmp_path / "t.txt", "foo bar\n1 10\n1 11\n"))
    with pytest.raises(InputError, match=r"looks like a header, 'user items'.*Remove the header"):
        read(write(tmp_path / "t.txt", "user items\n1 2 3 4\n2 3 4\n"))
    (tmp_path / "t.txt").rename(tmp_path / "sequences.txt")
    with pytest.raises(InputError, match="looks like a header"):
        read(tmp_path)


def test_column_names_for_a_sequence_file_raise_an_error(tmp_path):
    with pytest.raises(InputError, match=r"sequence file.*no column 'who', 'when': its first line is '1 10'"):
        read(write(tmp_path / "t.txt", "1 10\n1 11\n"), user="who", time="when")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 0:1 5:2\n0 1:1 7:2\n", "libSVM or libFM format"),
        ("1 0:1:1 5:2:0.3\n0 1:1:1\n", "libSVM or libFM format"),
        ("# FromNodeId ToNodeId\n0 1\n", "begins with a comment"),
        ("# Directed graph\n# From\tTo\n0\t1\n", "begins with a comment"),
        ("@RELATION ratings\n@DATA\n1,2,3\n", "begins with a comment"),
        ("% bip weighted\n1 1 5 978300760\n", "begins with a comment"),
        ("1: 2 3 4\n2: 3 4\n", "an id and a colon"),
        ("u1\x01Blue Kite\x014\n", r"hold '\\x01'.*separator='\\x01'"),
        ("u1^Blue Kite^5\nu2^Red Kite^5\n", r"separator='\^'"),
        ("u1 - i1 - 5\nu2 - i2 - 4\n", "separator='-'"),
        ("| user | item |\n|---|---|\n| a | b |\n", "drawn as text"),
    ],
)
def test_other_formats_raise_an_error_that_names_them(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "t.txt", content))


def test_files_with_only_the_name_of_a_publishers_layout_raise_an_error(tmp_path):
    table = read(write(tmp_path / "ratings.dat", "userId,movieId,rating\n1,007,5\n"))
    assert table.item_ids.tolist() == ["007"]
    for name in ("ratings.dat", "u.data"):
        path = write(tmp_path / name, "1,007,5,9\n1,7,4,8\n")
        with pytest.raises(InputError, match=POSITIONS):
            read(path)
        table = read(path, header=False, user="1", item="2", weight="3", time="4")
        assert history(table, "1") == ["7", "007"]
    head = write(tmp_path / "ratings.dat", "userId::movieId::rating::timestamp\n1::007::5::9\n")
    assert read(head).item_ids.tolist() == ["007"]


def test_movielens_ids_stay_strings(tmp_path):
    """007 is not 7, in any of the files of a folder."""
    write(tmp_path / "ratings.dat", "01::007::5::1001\n01::7::4::1001\n1::007::3::1002\n")
    write(tmp_path / "movies.dat", "007::Bond::Action\n7::Seven::Crime\n")
    write(tmp_path / "users.dat", "01::F::1::10::02460\n1::M::2::3::00501\n")
    table = read(tmp_path)
    assert history(table, "01") == ["007", "7"] and len(table) == 3 and not table.report.dropped
    assert table.items["title"].to_dict() == {"007": "Bond", "7": "Seven"}
    assert table.users["gender"].to_dict() == {"01": "F", "1": "M"}
    for path in tmp_path.iterdir():
        path.unlink()
    write(tmp_path / "u.data", "01\t007\t5\t1001\n01\t7\t4\t1001\n")
    write(tmp_path / "u.user", "01|24|M|technician|05711\n")
    write(tmp_path / "u.item", f"007|Bond|01-Jan-1995||http://x|{'|'.join('0' * 19)}\n")
    table = read(tmp_path)
    assert history(table, "01") == ["007", "7"] and table.users.loc["01", "age"] == "24"
    assert table.items["title"].to_dict() == {"007": "Bond"}


@pytest.mark.parametrize(
    ("content", "of_first"),
    [("u1 a b c\nu2 b c\n", ["a", "b", "c"]), ("1\t10\n1\t007\n", ["10", "007"]), ("1 10\r\n1 7", ["10", "7"])],
)
def test_valid_sequences_are_accepted(tmp_path, content, of_first):
    assert history(read(write(tmp_path / "t.txt", content)), content.split()[0]) == of_first


def test_sequences_of_one_length_are_read_with_a_note(tmp_path):
    table = read(write(tmp_path / "t.txt", "u1 a b c\nu2 b c d\n"))
    assert len(table) == 6 and "read as a user and 3 items" in str(table.report)


def test_real_sequence_files_are_read(shared_data):
    path = shared_data / "gowalla" / "train.txt"
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert len(read(path)) == sum(len(line.split()) - 1 for line in path.read_text().splitlines() if " " in line)

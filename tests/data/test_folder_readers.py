"""Publishers' layouts and sequence files are recognised by their content."""

import json
import re

import pytest
from tables import history, write

from tfrec.data import read
from tfrec.errors import InputError

# --- publishers' folders


def test_movielens_latest_is_read(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,200\n1,20,0.5,100\n2,10,3.5,50\n")
    write(tmp_path / "movies.csv", 'movieId,title,genres\n10,"Good, the Bad (1966)",Western\n20,Null,Drama|War\n')
    table = read(tmp_path)
    assert history(table, "1") == ["20", "10"]  # no threshold: a rating of 0.5 is an interaction
    assert table.weights.tolist() == [0.5, 4.0, 3.5]
    assert table.items.loc["10"].tolist() == ["Good, the Bad (1966)", "Western"]
    assert table.items.loc["20", "title"] == "Null"
    assert len(read(tmp_path, min_weight=3)) == 2


def test_movielens_latest_is_read_without_movies(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,200\n")
    assert read(tmp_path).items is None


def test_movielens_1m_is_read(tmp_path):
    write(tmp_path / "ratings.dat", "1::10::5::200\r\n1::20::3::100\r\n2::10::1::50\r\n")
    write(tmp_path / "movies.dat", "10::Léon: The Pro (1994)::Crime|Drama\n20::City::Comedy\n", "latin-1")
    write(tmp_path / "users.dat", "1::F::1::10::02460\n2::M::56::16::70072\n")
    table = read(tmp_path)
    assert history(table, "1") == ["20", "10"] and table.weights.tolist() == [3, 5, 1]
    assert table.items.loc["10"].to_dict() == {"title": "Léon: The Pro (1994)", "genres": "Crime|Drama"}
    assert table.users.loc["1", "zip_code"] == "02460"
    assert len(read(tmp_path / "ratings.dat")) == 3


def test_movielens_1m_in_utf8_is_read(tmp_path):
    write(tmp_path / "ratings.dat", "1::10::3.5::200\n")
    write(tmp_path / "movies.dat", "10::Léon::Crime\n")
    table = read(tmp_path)
    assert table.items.loc["10", "title"] == "Léon" and table.weights.tolist() == [3.5]


@pytest.mark.parametrize("with_genres", [True, False])
def test_movielens_100k_is_read(tmp_path, with_genres):
    write(tmp_path / "u.data", "1\t10\t5\t200\n1\t20\t3\t100\n2\t10\t1\t50\n")
    names = ["unknown", "Action"] if with_genres else [f"genre {number}" for number in range(19)]
    flags = "|".join("1" if number < 2 else "0" for number in range(len(names)))
    write(tmp_path / "u.item", f"10|Misérables, Les|01-Jan-1995||http://x|{flags}\n", "latin-1")
    write(tmp_path / "u.user", "1|24|M|technician|05711\n2|53|F|other|94043\n")
    if with_genres:
        write(tmp_path / "u.genre", "unknown|0\nAction|1\n\n")
    table = read(tmp_path)
    assert history(table, "1") == ["20", "10"]
    assert table.items.loc["10", ["title", "genres"]].tolist() == ["Misérables, Les", "unknown|Action"]
    assert table.users.loc["1", "zip_code"] == "05711" and table.users.loc["2", "age"] == "53"


def test_atomic_files_are_read(tmp_path):
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    write(tmp_path / "x.inter", head + "01\ta b\t4\t2\n01\tc\t\t1\n02\ta b\tbad\t3\n")
    write(
        tmp_path / "x.item", 'item_id:token\tmovie_title:token_seq\tclass:token_seq\na b\tSay "No\tWar Drama\nc\t\t\n'
    )
    write(tmp_path / "x.user", "user_id:token\tage:float\n01\t24\n02\t\n")
    # If the rating column is not named, rows without a rating are kept. If it is named, ratings must be numbers.
    table = read(tmp_path)
    assert history(table, "01") == ["c", "a b"] and not table.report.dropped
    assert any("'rating' is not a number in 2 rows" in note for note in table.report.notes)
    table = read(tmp_path, weight="rating")
    assert history(table, "01") == ["a b"]
    assert table.report.dropped == {"no number in 'rating'": 2}
    assert table.items.loc["a b"].to_dict() == {"title": 'Say "No', "genres": "War|Drama"}
    assert table.users.loc["01", "age"] == 24
    assert len(read(tmp_path / "x.inter")) == 3


def test_a_stray_quote_swallows_no_rows(tmp_path):
    write(tmp_path / "x.csv", 'user,item,time\n1,a0,0\n1,"a1,1\n1,a2,2\n1,a3,3\n1,"a4,4\n1,a5,5\n')
    with pytest.raises(InputError, match="stray quote"):
        read(tmp_path / "x.csv")


# --- sequences


def test_a_sequence_file_of_pairs_is_read(tmp_path):
    table = read(write(tmp_path / "plays.txt", "b 7\na 9\nb 8\n\nb 7"))
    assert history(table, "b") == ["7", "8", "7"] and history(table, "a") == ["9"]
    assert table.times is None


def test_a_sequence_file_of_lists_is_read(tmp_path):
    table = read(write(tmp_path / "sequences.txt", "\ufeffé 007 8\r\n\tb  7 \r\nc 1 2 3"))
    assert (
        history(table, "é") == ["007", "8"] and history(table, "b") == ["7"] and history(table, "c") == ["1", "2", "3"]
    )


def test_a_sequence_folder_with_movielens_ids_is_read(tmp_path):
    write(tmp_path / "sequences.txt", "1 1\n1 2\n2 1\n")
    write(tmp_path / "item_to_movie.txt", "1 1198\n2 356\n")
    write(tmp_path / "user_to_movielens.txt", "1 5988\n2 5989\n")
    write(tmp_path / "movies.dat", "356::Forrest Gump::Comedy\n1198::Raiders: Café::Action\n", "latin-1")
    write(tmp_path / "users.dat", "5988::F::1::10::48067\n")
    table = read(tmp_path)
    assert history(table, "5988") == ["1198", "356"]
    assert table.items.loc["1198", "title"] == "Raiders: Café"
    assert table.users.loc["5988", "gender"] == "F"


def test_movies_are_ignored_without_a_map_of_ids(tmp_path):
    write(tmp_path / "sequences.txt", "1 1\n1 2\n")
    write(tmp_path / "movies.dat", "1::Toy Story::Comedy\n")
    assert read(tmp_path).items is None


def test_a_sequence_folder_with_titles_and_attributes_is_read(tmp_path):
    write(tmp_path / "sequences.txt", "1 1 2\n")
    write(tmp_path / "titles.json", json.dumps({"1": "Naïve", "2": None, "3": ""}))
    assert read(tmp_path).items["title"].to_dict() == {"1": "Naïve", "2": "", "3": ""}
    write(tmp_path / "item2attributes.json", json.dumps({"1": [7, "brand"], "2": None, "9": [1]}))
    assert read(tmp_path).items["attributes"].to_dict() == {"1": "7|brand", "2": "", "3": ""}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"sequences.txt": "1 2\n3\n"}, "Line 2 .* single id, '3'"),
        ({"sequences.txt": "1 5 900\n1 6 901\n2 5 902\n"}, "looks like a table"),
        ({"ratings.dat": "1,2,3,4\n"}, "user::movie::rating::timestamp"),
        ({"u.data": "1,2,3,4\n"}, "expected user, movie"),
        ({"x.inter": "user\titem\n1\t2\n"}, "typed header"),
        ({"x.inter": "user_id:token\tuser_id:token\n1\t2\n"}, "same name"),
        ({"sequences.txt": "1 1\n", "ratings.csv": ""}, "several datasets: ratings.csv, sequences.txt"),
        (
            {"notes.md": "x", "tags.csv": "a,b"},
            "It holds: notes.md, tags.csv. Expected a folder with one of .*ratings.csv",
        ),
        ({}, "It holds: nothing"),
    ],
)
def test_unreadable_folders_raise_an_error(tmp_path, files, message):
    for name, text in files.items():
        write(tmp_path / name, text)
    with pytest.raises(InputError, match=message):
        read(tmp_path)


SEQUENCES = {"sequences.txt": "1 1\n1 2\n"}
RATINGS = {"ratings.csv": "userId,movieId,rating,timestamp\n1,2,3,4\n"}
ML_1M = {"ratings.dat": "1::2::3::4\n"}
ML_100K = {"u.data": "1\t2\t3\t4\n"}
ATOMIC = {"x.inter": "user_id:token\titem_id:token\n1\t2\n"}


@pytest.mark.parametrize(
    ("data", "beside", "says"),
    [
        (SEQUENCES, {"item_to_movie.txt": "1 10\n"}, "lacks 1 ids .* '2'"),
        (SEQUENCES, {"item_to_movie.txt": "1 10 11\n2\n"}, "two ids on every line"),
        (SEQUENCES, {"user_to_movielens.txt": "1\n"}, "two ids on every line"),
        (SEQUENCES, {"titles.json": "{"}, "not JSON"),
        (SEQUENCES, {"titles.json": "[]"}, "object that maps item ids"),
        (SEQUENCES, {"titles.json": "[" * 100_000}, "not JSON"),
        (SEQUENCES, {"titles.json": '{"1": "x"}', "item2attributes.json": "[]"}, "lists of attributes"),
        (RATINGS, {"movies.csv": "movieId\n2\n"}, "movies.csv is ignored: .*single column"),
        (RATINGS, {"movies.csv": ""}, "movies.csv is empty"),
        (RATINGS, {"movies.csv": "movieId,title\n2,a,b\n"}, "more fields than its header"),
        (RATINGS, {"movies.csv": 'movieId,title\n2,"a\n'}, "EOF inside string|not closed"),
        (RATINGS, {"movies.csv": "<html>404</html>"}, "HTML page"),
        (RATINGS, {"movies.csv": "movieId,title\n9,a\n"}, "side table of items .* none of the items"),
        (RATINGS, {"books.csv": "movieId,title\n2,a,b\n"}, "books.csv is ignored: .* more fields"),
        (RATINGS, {"books.csv": ""}, "books.csv is ignored: .* is empty"),
        (ML_1M, {"movies.dat": "2::x\n"}, "expected 3, movieId::title::genres"),
        (ML_1M, {"movies.dat": "2::x::Drama\n3::y\n"}, "has the line '3::y'"),
        (ML_1M, {"users.dat": "1,F\n"}, "users.dat is ignored"),
        (ML_100K, {"u.item": "1|x|\n"}, "3 columns in its first line: expected 24"),
        (ML_100K, {"u.item": "2|x|||" + "|0" * 19 + "\n", "u.genre": "Action|0\n"}, "u.item is ignored"),
        (ML_100K, {"u.user": "1\t24\n"}, "u.user is ignored"),
        (ATOMIC, {"x.item": "item\ttitle\n2\ty\n"}, "x.item is ignored: .* typed header"),
        (ATOMIC, {"x.user": "\0"}, "x.user is ignored: .* not text"),
    ],
)
def test_an_unusable_side_file_is_ignored_with_a_note(tmp_path, data, beside, says):
    for name, text in {**data, **beside}.items():
        write(tmp_path / name, text)
    table = read(tmp_path)
    assert table.item_ids[-1] == "2"
    assert any(re.search(says, note) and "\n" not in note for note in table.report.notes), table.report.notes
    if "item2attributes.json" in beside:
        assert table.items["title"].to_dict() == {"1": "x"}


# --- real data


@pytest.mark.parametrize(
    ("name", "size", "title"),
    [
        ("ml-1m", (999_611, 6040, 3416), ("1198", "Raiders of the Lost Ark (1981)")),
        ("ml-100k", (100_000, 943, 1682), ("1", "Toy Story")),
        ("ml-latest-small", (100_836, 610, 9724), ("1", "Toy Story (1995)")),
        ("amazon-beauty", (198_502, 22_363, 12_101), ("2", "OPI Red Shatter Crackle Nail Polish E55 New")),
    ],
)
def test_real_folders_are_read(shared_data, name, size, title):
    if not (shared_data / name).is_dir():
        pytest.skip(f"no {name} at {shared_data}")
    table = read(shared_data / name)
    assert (len(table), table.num_users, table.num_items) == size
    assert not table.report.dropped
    assert table.items.loc[title[0], "title"] == title[1]
    assert set(table.item_ids) <= set(table.items.index)

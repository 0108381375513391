"""What a path is, is told by its content; bad input is told in one sentence."""

import json

import pandas as pd
import pytest

from tfrec.data import Examples, is_labelled, read, read_examples
from tfrec.errors import InputError


def history(table, user):
    """Item ids of a user in time order."""
    code = table.user_ids.tolist().index(user)
    return table.item_ids[table.item_codes[table.user_codes == code]].tolist()


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


# --- publishers' folders


def test_movielens_latest(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,200\n1,20,0.5,100\n2,10,3.5,50\n")
    write(tmp_path / "movies.csv", 'movieId,title,genres\n10,"Good, the Bad (1966)",Western\n20,Null,Drama|War\n')
    table = read(tmp_path)
    assert history(table, "1") == ["20", "10"]  # no threshold: a rating of 0.5 is an interaction
    assert table.weights.tolist() == [0.5, 4.0, 3.5]
    assert table.items.loc["10"].tolist() == ["Good, the Bad (1966)", "Western"]
    assert table.items.loc["20", "title"] == "Null"
    assert len(read(tmp_path, min_weight=3)) == 2


def test_movielens_latest_without_movies(tmp_path):
    write(tmp_path / "ratings.csv", "userId,movieId,rating,timestamp\n1,10,4.0,200\n")
    assert read(tmp_path).items is None


def test_movielens_1m(tmp_path):
    write(tmp_path / "ratings.dat", "1::10::5::200\r\n1::20::3::100\r\n2::10::1::50\r\n")
    write(tmp_path / "movies.dat", "10::Léon: The Pro (1994)::Crime|Drama\n20::City::Comedy\n", "latin-1")
    write(tmp_path / "users.dat", "1::F::1::10::02460\n2::M::56::16::70072\n")
    table = read(tmp_path)
    assert history(table, "1") == ["20", "10"] and table.weights.tolist() == [3, 5, 1]
    assert table.items.loc["10"].to_dict() == {"title": "Léon: The Pro (1994)", "genres": "Crime|Drama"}
    assert table.users.loc["1", "zip_code"] == "02460"
    assert len(read(tmp_path / "ratings.dat")) == 3


def test_movielens_1m_in_utf8(tmp_path):
    write(tmp_path / "ratings.dat", "1::10::3.5::200\n")
    write(tmp_path / "movies.dat", "10::Léon::Crime\n")
    table = read(tmp_path)
    assert table.items.loc["10", "title"] == "Léon" and table.weights.tolist() == [3.5]


@pytest.mark.parametrize("with_genres", [True, False])
def test_movielens_100k(tmp_path, with_genres):
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


def test_atomic_files(tmp_path):
    head = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    write(tmp_path / "x.inter", head + "01\ta b\t4\t2\n01\tc\t\t1\n02\ta b\tbad\t3\n")
    write(
        tmp_path / "x.item", 'item_id:token\tmovie_title:token_seq\tclass:token_seq\na b\tSay "No\tWar Drama\nc\t\t\n'
    )
    write(tmp_path / "x.user", "user_id:token\tage:float\n01\t24\n02\t\n")
    # Nobody asked for ratings: rows without one stay. Named, they must be numbers.
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


def test_pairs_of_a_sequence_file(tmp_path):
    table = read(write(tmp_path / "plays.txt", "b 7\na 9\nb 8\n\nb 7"))
    assert history(table, "b") == ["7", "8", "7"] and history(table, "a") == ["9"]
    assert table.times is None


def test_lists_of_a_sequence_file(tmp_path):
    table = read(write(tmp_path / "sequences.txt", "\ufeffé 007 8\r\n\tb  7 \r\nc 1 2 3"))
    assert (
        history(table, "é") == ["007", "8"] and history(table, "b") == ["7"] and history(table, "c") == ["1", "2", "3"]
    )


def test_sequence_folder_with_movielens_ids(tmp_path):
    write(tmp_path / "sequences.txt", "1 1\n1 2\n2 1\n")
    write(tmp_path / "item_to_movie.txt", "1 1198\n2 356\n")
    write(tmp_path / "user_to_movielens.txt", "1 5988\n2 5989\n")
    write(tmp_path / "movies.dat", "356::Forrest Gump::Comedy\n1198::Raiders: Café::Action\n", "latin-1")
    write(tmp_path / "users.dat", "5988::F::1::10::48067\n")
    table = read(tmp_path)
    assert history(table, "5988") == ["1198", "356"]
    assert table.items.loc["1198", "title"] == "Raiders: Café"
    assert table.users.loc["5988", "gender"] == "F"


def test_movies_without_a_map_of_ids_are_not_used(tmp_path):
    write(tmp_path / "sequences.txt", "1 1\n1 2\n")
    write(tmp_path / "movies.dat", "1::Toy Story::Comedy\n")
    assert read(tmp_path).items is None


def test_sequence_folder_with_titles_and_attributes(tmp_path):
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
        ({"sequences.txt": "1 1\n1 2\n", "item_to_movie.txt": "1 10\n"}, "does not name 1 ids .* '2'"),
        ({"sequences.txt": "1 1\n", "item_to_movie.txt": "1 10 11\n2\n"}, "two ids on every line"),
        ({"sequences.txt": "1 1\n", "titles.json": "{"}, "not JSON"),
        ({"sequences.txt": "1 1\n", "titles.json": "[]"}, "object of item ids"),
        ({"sequences.txt": "1 1\n", "titles.json": "{}", "item2attributes.json": "[]"}, "lists of attributes"),
        ({"ratings.dat": "1,2,3,4\n"}, "user::movie::rating::timestamp"),
        ({"ratings.dat": "1::2::3::4\n", "movies.dat": "1::x\n"}, "expected movieId::title::genres"),
        ({"u.data": "1,2,3,4\n"}, "expected user, movie"),
        ({"u.data": "1\t2\t3\t4\n", "u.item": "1|x|\n"}, "columns: expected 5"),
        ({"x.inter": "user\titem\n1\t2\n"}, "typed header"),
        ({"x.inter": "user_id:token\tuser_id:token\n1\t2\n"}, "same name"),
        ({"sequences.txt": "1 1\n", "ratings.csv": ""}, "several data sets: ratings.csv, sequences.txt"),
        ({"notes.md": "x", "tags.csv": "a,b"}, "It holds: notes.md, tags.csv. Known are .*ratings.csv"),
        ({}, "It holds: nothing"),
    ],
)
def test_folders_that_cannot_be_read(tmp_path, files, message):
    for name, text in files.items():
        write(tmp_path / name, text)
    with pytest.raises(InputError, match=message):
        read(tmp_path)


# --- tables


def test_ids_of_a_csv_stay_as_they_stand(tmp_path):
    ids = ["007", "7", "a b", "x,y", 'say "hi"', "Zürich 北京", "1e5", " 7"]
    frame = pd.DataFrame({"user_id": "0001", "item": ids, "time": range(len(ids))})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    for name in ("t.csv", "t.tsv"):
        assert history(read(tmp_path / name), "0001") == ids


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    table = read(write(tmp_path / "t.csv", "\ufeffuser,item\r\na,1\r\n"))
    assert table.user_ids.tolist() == ["a"]


def test_named_columns_context_and_side_table(tmp_path):
    write(tmp_path / "t.csv", "who,what,at,stars,device\na,007,2021-01-02,5,tv\na,008,2021-01-01,1,phone\n")
    write(tmp_path / "items.csv", "what,title,year\n007,1984,1956\n008,,2000\n")
    named = {"user": "who", "item": "what", "time": "at", "weight": "stars", "context": ["device"]}
    table = read(tmp_path / "t.csv", **named, items=tmp_path / "items.csv")
    assert history(table, "a") == ["008", "007"]
    assert table.context["device"].tolist() == ["phone", "tv"] and table.weights.tolist() == [1, 5]
    assert table.items.loc["007"].to_dict() == {"title": "1984", "year": 1956}
    assert len(read(tmp_path / "t.csv", **named, min_weight=2)) == 1


def test_a_named_column_comes_before_a_known_one(tmp_path):
    path = write(tmp_path / "t.csv", "user_id,item_id,timestamp,at\na,1,1,9\na,2,2,8\n")
    assert history(read(path), "a") == ["1", "2"] and history(read(path, time="at"), "a") == ["2", "1"]


def test_without_a_time_the_report_says_so(tmp_path):
    table = read(write(tmp_path / "t.csv", "user,item,day\na,2,2020-01-02\na,1,2020-01-01\n"))
    assert history(table, "a") == ["2", "1"]
    assert "no time column" in str(table.report) and "'day'" in str(table.report)


def test_parquet_keeps_its_types(tmp_path):
    big = 2**60 + 1
    frame = pd.DataFrame({"userId": ["007", "7"], "movieId": pd.array([big, None], "Int64"), "at": ["2020", "2021"]})
    frame["at"] = pd.to_datetime(frame["at"])
    frame.set_index("userId").to_parquet(tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet", time="at")
    assert table.user_ids.tolist() == ["007"] and table.item_ids.tolist() == [str(big)]
    (tmp_path / "t.parquet").rename(tmp_path / "t.bin")  # told by content
    assert len(read(tmp_path / "t.bin", time="at")) == 1


def test_missing_values_of_a_csv_are_counted(tmp_path):
    table = read(write(tmp_path / "t.csv", "user,item,timestamp\na,1,5\n,1,6\nb,NaN,7\nb\nc,2,soon\n"))
    assert len(table) == 1
    assert sum(table.report.dropped.values()) == 4
    assert table.report.dropped["no readable time in 'timestamp'"] == 1


def test_txt_with_a_header_is_a_table(tmp_path):
    assert history(read(write(tmp_path / "a.txt", "user\titem\nx\t1\n")), "x") == ["1"]
    assert history(read(write(tmp_path / "b.txt", "who,what\nx,1\n"), user="who", item="what"), "x") == ["1"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b" \n\n", "is empty"),
        ("t.txt", b"", "is empty"),
        ("t.parquet", b"", "is empty"),
        ("t.csv", b"user,item\n", "no rows"),
        ("t.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "not text"),
        ("t.csv", b"PK\x03\x04rest", "zip archive.*unpack"),
        ("t.csv.gz", b"\x1f\x8brest", "gzip"),
        ("t.csv", "user,item\né,1\n".encode("latin-1"), "not UTF-8 text .byte 0xe9"),
        ("t.txt", "é 1\n".encode("latin-1"), "not UTF-8 text"),
        ("t.csv", "user,item\na,1\n".encode("utf-16"), "UTF-16"),
        ("t.parquet", b"user,item\na,1\n", "not a readable parquet"),
        ("t.parquet", b"PAR1" + b"\x00" * 40 + b"PAR1", "not a readable parquet"),
        ("t.csv", b"user,item\na,1\na,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("t.csv", b"user,item\na,1,9\n", "more fields than its header"),
        ("t.csv", b'user,item\na,"1\nb,2\n', "malformed: EOF inside string"),
        ("t.csv", b"user;item\na;1\n", "single column.*semicolons"),
        ("t.csv", b"user\titem\na\t1\n", "single column.*separated by tabs"),
        ("t.tsv", b"user,item\na,1\n", "single column.*separated by commas"),
        ("t.csv", b"a,b,c\n1,2,3\n", r"columns 'a', 'b', 'c'.*user=, item= and time=.*--user, --item, --time"),
        ("t.csv", b"1,10,4.0\n1,20,3.0\n", "not a header"),
        ("t.csv", b"user,item,item\n1,2,3\n", "several columns named item"),
        ("t.json", b'{"user": [1], "item": [2]}', "JSON"),
        ("t.csv", b"user,item,time\na,1,yesterday\n", "No time .* 'yesterday'.*ISO 8601"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_names_that_are_not_there(tmp_path):
    path = write(tmp_path / "t.csv", "user,item\na,1\n")
    for options, message in [
        ({"time": "when"}, "time='when'.*'user', 'item'"),
        ({"context": ["device"]}, "context='device'"),
        ({"context": "device"}, "list of column names"),
        ({"user": "item", "item": "item"}, "two columns"),
        ({"items": tmp_path / "none.csv"}, "not a file"),
        ({"min_weight": 3}, "needs a weight"),
    ]:
        with pytest.raises(InputError, match=message):
            read(path, **options)


def test_a_side_table_of_other_items(tmp_path):
    write(tmp_path / "items.csv", "title,item_id\nX,1\n")
    path = write(tmp_path / "t.csv", "user,item\na,1\n")
    with pytest.raises(InputError, match=r"knows none of the items.*'X'.*column 'title'.*'1'"):
        read(path, items=tmp_path / "items.csv")


def test_lists_in_an_id_column(tmp_path):
    pd.DataFrame({"user": ["a"], "item": [[1, 2]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="expected one id a row"):
        read(tmp_path / "t.parquet")


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match=r"nothing at .*missing"):
        read(tmp_path / "missing")


def test_no_permission(tmp_path, monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tfrec.data.readers.layouts.Path.iterdir", deny)
    with pytest.raises(InputError, match=f"Cannot read {tmp_path}: Permission denied"):
        read(tmp_path)


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
def test_real_folders(shared_data, name, size, title):
    if not (shared_data / name).is_dir():
        pytest.skip(f"no {name} at {shared_data}")
    table = read(shared_data / name)
    assert (len(table), table.num_users, table.num_items) == size
    assert not table.report.dropped
    assert table.items.loc[title[0], "title"] == title[1]
    assert set(table.item_ids) <= set(table.items.index)


# Labelled rows.


def test_labelled_rows_have_users_items_and_times_by_their_names(tmp_path):
    text = "user_id,item,click,timestamp,age\n007,i1,1,5,30\n8,i2,0,6,\n"
    (tmp_path / "rows.csv").write_text(text)
    table = read_examples(tmp_path / "rows.csv")
    assert table.user_ids[table.user_codes].tolist() == ["007", "8"]
    assert table.item_ids[table.item_codes].tolist() == ["i1", "i2"]
    assert table.times.tolist() == [5, 6] and table.context.columns.tolist() == ["age"]
    other = read_examples(tmp_path / "rows.csv", user="age", item="user_id")
    assert other.item_ids[other.item_codes].tolist() == ["007"] and other.context.columns.tolist() == ["item"]


def test_two_columns_of_one_name_are_refused_as_one_may_be_the_label(tmp_path):
    (tmp_path / "rows.csv").write_text("user,label,label\na,1,1\nb,0,0\n")
    with pytest.raises(InputError, match="several columns named label"):
        read_examples(tmp_path / "rows.csv")
    frame = pd.DataFrame([[1, 2, 3]], columns=["y", "x", "x"])
    with pytest.raises(InputError, match="several columns named x"):
        Examples.from_pandas(frame, label="y")


def test_labelled_rows_are_known_by_the_name_of_a_column(tmp_path):
    for name, text, known in (
        ("a.csv", "user,Label\n", True),
        ("b.tsv", "x\tclick\n", True),
        ("c.csv", "u,i\n", False),
        ("q.csv", '"user","label"\n', True),
    ):
        (tmp_path / name).write_text(text)
        assert is_labelled(tmp_path / name) is known
    pd.DataFrame({"clicked": [1]}).to_parquet(tmp_path / "d.parquet")
    assert is_labelled(tmp_path / "d.parquet") and not is_labelled(tmp_path / "nothing.csv")

"""Formats are recognised by content; invalid input gives an error of one sentence."""

import pandas as pd
import pytest
from tables import history, write

from tfrec.data import read
from tfrec.errors import InputError


def test_ids_of_a_csv_are_kept_as_strings(tmp_path):
    ids = ["007", "7", "a b", "x,y", 'say "hi"', "Zürich 北京", "1e5", " 7"]
    frame = pd.DataFrame({"user_id": "0001", "item": ids, "time": range(len(ids))})
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    for name in ("t.csv", "t.tsv"):
        assert history(read(tmp_path / name), "0001") == ids


def test_a_byte_order_mark_is_not_part_of_a_column_name(tmp_path):
    table = read(write(tmp_path / "t.csv", "\ufeffuser,item\r\na,1\r\n"))
    assert table.user_ids.tolist() == ["a"]


def test_named_columns_context_and_side_table_are_read(tmp_path):
    write(tmp_path / "t.csv", "who,what,at,stars,device\na,007,2021-01-02,5,tv\na,008,2021-01-01,1,phone\n")
    write(tmp_path / "items.csv", "what,title,year\n007,1984,1956\n008,,2000\n")
    named = {"user": "who", "item": "what", "time": "at", "weight": "stars", "context": ["device"]}
    table = read(tmp_path / "t.csv", **named, items=tmp_path / "items.csv")
    assert history(table, "a") == ["008", "007"]
    assert table.context["device"].tolist() == ["phone", "tv"] and table.weights.tolist() == [1, 5]
    assert table.items.loc["007"].to_dict() == {"title": "1984", "year": 1956}
    assert len(read(tmp_path / "t.csv", **named, min_weight=2)) == 1


def test_a_named_column_is_preferred_to_a_well_known_one(tmp_path):
    path = write(tmp_path / "t.csv", "user_id,item_id,timestamp,at\na,1,1,9\na,2,2,8\n")
    assert history(read(path), "a") == ["1", "2"] and history(read(path, time="at"), "a") == ["2", "1"]


def test_a_table_without_times_gets_a_note(tmp_path):
    table = read(write(tmp_path / "t.csv", "user,item,device\na,2,tv\na,1,tv\n"))
    assert history(table, "a") == ["2", "1"]
    assert "no time column" in str(table.report) and "'device'" in str(table.report)


def test_parquet_keeps_its_types(tmp_path):
    big = 2**60 + 1
    frame = pd.DataFrame({"userId": ["007", "7"], "movieId": pd.array([big, None], "Int64"), "at": ["2020", "2021"]})
    frame["at"] = pd.to_datetime(frame["at"])
    frame.set_index("userId").to_parquet(tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet", time="at")
    assert table.user_ids.tolist() == ["007"] and table.item_ids.tolist() == [str(big)]
    (tmp_path / "t.parquet").rename(tmp_path / "t.bin")  # recognised by content
    assert len(read(tmp_path / "t.bin", time="at")) == 1


def test_missing_values_of_a_csv_are_counted(tmp_path):
    table = read(write(tmp_path / "t.csv", "user,item,timestamp\na,1,5\n,1,6\nb,NaN,7\nb\nc,2,soon\n"))
    assert len(table) == 1
    assert sum(table.report.dropped.values()) == 4
    assert table.report.dropped["no readable time in 'timestamp'"] == 1


def test_a_txt_file_with_a_header_is_a_table(tmp_path):
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
        ("t.csv", b"PK\x03\x04rest", "damaged zip"),
        ("t.csv.gz", b"\x1f\x8brest", "damaged gzip"),
        ("t.csv", "user,item\né,1\n".encode("latin-1"), "not UTF-8 text .byte 0xe9.*--encoding latin-1"),
        ("t.txt", "é 1\n".encode("latin-1"), "not UTF-8 text"),
        ("t.csv", "user,item\na,1\n".encode("utf-16"), "UTF-16.*--encoding utf-16"),
        ("t.parquet", b"user,item\na,1\n", "not a readable parquet"),
        ("t.parquet", b"PAR1" + b"\x00" * 40 + b"PAR1", "not a readable parquet"),
        ("t.csv", b"user,item\na,1\na,2,3\n", "Expected 2 fields in line 3, saw 3"),
        ("t.csv", b"user,item\na,1,9\n", "more fields than its header"),
        ("t.csv", b'user,item\na,"1\nb,2\n', "malformed: EOF inside string"),
        ("t.csv", b"user#item\na#1\n", "single column.*--sep"),
        ("t.tsv", b"user,item;x\na,1;y\n", "by commas or by semicolons: set separator=.*--sep"),
        ("t.csv", b"a,b,c\n1,2,3\n", r"columns 'a', 'b', 'c'.*user=, item= and time=.*--user, --item, --time"),
        ("t.csv", b"1,10,4.0\n1,20,3.0\n", "not like a header"),
        ("t.csv", b"user,item,item\n1,2,3\n", "several columns named item"),
        ("t.json", b'{"user": [1], "item": [2]}', "JSON"),
        ("t.csv", b"user,item,time\na,1,yesterday\n", "No time .* 'yesterday'.*ISO 8601"),
    ],
)
def test_unreadable_files_raise_an_error(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read(path)


def test_missing_column_names_raise_an_error(tmp_path):
    path = write(tmp_path / "t.csv", "user,item\na,1\n")
    for options, message in [
        ({"time": "when"}, "time='when'.*'user', 'item'"),
        ({"context": ["device"]}, "context='device'"),
        ({"context": "device"}, "list of column names"),
        ({"user": "item", "item": "item"}, "two different columns"),
        ({"items": tmp_path / "none.csv"}, "not a file"),
        ({"min_weight": 3}, "needs a weight"),
    ]:
        with pytest.raises(InputError, match=message):
            read(path, **options)


def test_a_side_table_of_other_items_raises_an_error(tmp_path):
    write(tmp_path / "items.csv", "title,item_id\nX,1\n")
    path = write(tmp_path / "t.csv", "user,item\na,1\n")
    assert read(path, items=tmp_path / "items.csv").items.loc["1", "title"] == "X"
    path = write(tmp_path / "t.csv", "user,item\na,i1\n")
    with pytest.raises(InputError, match=r"has none of the items.*'1'.*column 'item_id'.*'i1'"):
        read(path, items=tmp_path / "items.csv")


def test_lists_in_an_id_column_raise_an_error(tmp_path):
    pd.DataFrame({"user": ["a"], "item": [[1, 2]]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match="expected one id per row"):
        read(tmp_path / "t.parquet")


def test_a_missing_path_raises_an_error(tmp_path):
    with pytest.raises(InputError, match=r"missing does not exist"):
        read(tmp_path / "missing")


def test_an_unreadable_path_raises_an_error(tmp_path, monkeypatch):
    def deny(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("tfrec.data.readers.layouts.Path.iterdir", deny)
    with pytest.raises(InputError, match=f"Cannot read {tmp_path}: Permission denied"):
        read(tmp_path)

"""A table is the same in every format, encoding and compression."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pandas as pd
import pytest
from tables import write

from tfrec.data import read, read_examples
from tfrec.data.readers import frame as frames
from tfrec.data.readers.frame import TableFormat, open_table, read_frame
from tfrec.data.readers.text_table import TextFormat
from tfrec.errors import InputError

HEADER = ["user", "item", "stars", "title"]
ROWS = [("007", "a b", "4.5", "Café"), ("7", "x", "3", "Blue Kite"), ("7", "a b", "1", "")]


def text(separator=",", header=True):
    lines = [HEADER, *ROWS] if header else ROWS
    return "".join(separator.join(line) + "\n" for line in lines)


def same(frame):
    return [list(frame[name].fillna("")) for name in frame] == [
        ["007", "7", "7"],
        ["a b", "x", "a b"],
        [4.5, 3, 1],
        ["Café", "Blue Kite", ""],
    ]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", "::"])
@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.dat", "t"])
def test_the_separator_is_detected_for_any_file_name(tmp_path, separator, name):
    path = write(tmp_path / name, text(separator))
    assert same(read_frame(path, ids=["user", "item"])[0])
    assert read(path).item_ids.tolist() == ["a b", "x"]


def _zipped(raw, *more):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("t.csv", raw)
        archive.writestr("__MACOSX/._t.csv", "x")
        for name in more:
            archive.writestr(name, "x")
    return target.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("t.csv.gz", gzip.compress), ("t.csv.bz2", bz2.compress), ("t.csv.xz", lzma.compress), ("t.zip", _zipped)],
)
def test_compressed_files_are_read(tmp_path, name, pack):
    objects = pd.DataFrame(ROWS, columns=HEADER).to_json(orient="records", lines=True)
    for raw in (text().encode(), objects.encode()):
        (tmp_path / name).write_bytes(pack(raw))
        frame, _ = read_frame(tmp_path / name, ids=["user", "item"])
        assert frame["user"].tolist() == ["007", "7", "7"] and frame["item"].tolist() == ["a b", "x", "a b"]
        assert read(tmp_path / name).user_ids.tolist() == ["007", "7"]
    (tmp_path / name).write_bytes(pack(text().encode() * 9)[:-20])
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path / name)


def test_zipped_parquet_is_read(tmp_path):
    raw = io.BytesIO()
    pd.DataFrame(ROWS, columns=HEADER).to_parquet(raw)
    (tmp_path / "t.parquet.zip").write_bytes(_zipped(raw.getvalue()))
    assert read(tmp_path / "t.parquet.zip").user_ids.tolist() == ["007", "7"]


def test_an_archive_of_several_files_raises_an_error_with_their_names(tmp_path):
    (tmp_path / "t.zip").write_bytes(_zipped(b"a,b\n", "movies.csv"))
    with pytest.raises(InputError, match=r"2 files \(t.csv, movies.csv\): expected one"):
        read(tmp_path / "t.zip")


def test_files_of_all_encodings_are_read(tmp_path):
    for encoding in ("latin-1", "cp1252", "utf-16", "utf-16-le"):
        path = write(tmp_path / "t.csv", text(), encoding)
        assert same(read_frame(path, TextFormat(encoding=encoding), ids=["user", "item"])[0])
        with pytest.raises(InputError, match=r"encoding='\S+' \(--encoding \S+\)"):
            read_frame(path)
    # What is valid UTF-8 is UTF-8: a side table need not have the encoding of the data.
    utf8 = write(tmp_path / "t.csv", text())
    assert same(read_frame(utf8, TextFormat(encoding="latin-1"), ids=["user", "item"])[0])
    with pytest.raises(InputError, match="'klingon' is not a text encoding"):
        read(utf8, encoding="klingon")
    with pytest.raises(InputError, match="not ascii text"):
        read(write(tmp_path / "l.csv", text(), "latin-1"), encoding="ascii")


def test_without_a_header_columns_have_numbers(tmp_path):
    path = write(tmp_path / "t.csv", text(header=False))
    table = read(path, user="1", item="2", weight="3", header=False)
    assert len(table) == 3 and table.weights.tolist() == [4.5, 3, 1]
    rows = read_examples(path, label="3", user="1", item="2", header=False)
    assert rows.labels.tolist() == [4.5, 3, 1] and rows.context.columns.tolist() == ["4"]
    named = TextFormat(header=False, names=("u", "i", "s", "t"))
    assert read_frame(path, named, ids=["u"])[0]["u"].tolist() == ["007", "7", "7"]
    with pytest.raises(InputError, match="4 columns in its first line: expected 2, u,i"):
        open_table(path, TextFormat(header=False, names=("u", "i")))


def test_given_separators_are_used(tmp_path):
    for separator, given in (("#", "#"), ("\t", "\\t"), ("~~", "~~"), (",", ",")):
        path = write(tmp_path / "t.csv", text(separator))
        assert same(read_frame(path, TextFormat(separator=given), ids=["user", "item"])[0])
    path = write(tmp_path / "t.txt", "user   item stars\n007  a 5\n7 b  4\n")
    assert read(path, separator="\\s+").user_ids.tolist() == ["007", "7"]
    for bad in ("", '"', "\n"):
        with pytest.raises(InputError, match="cannot be a separator"):
            read(path, separator=bad)
    with pytest.raises(InputError, match=r"single column.*--sep"):
        read(path, separator=";")


def test_json_lines_keep_types_and_large_numbers(tmp_path):
    lines = [
        {"user": "007", "item": 2**60 + 1, "time": 5},
        {"user": "7", "item": None},
        {"item": 3, "user": 7, "x": []},
    ]
    path = write(tmp_path / "t.jsonl", "\n".join(map(json.dumps, lines)) + "\n\n")
    table = read(path)
    assert table.user_ids.tolist() == ["007"] and table.item_ids.tolist() == [str(2**60 + 1)]  # no time: dropped
    assert sum(table.report.dropped.values()) == 2
    labelled = write(tmp_path / "l.json", '{"label": 1, "item": "01"}\n{"label": 0, "item": "1"}\n')
    assert read_examples(labelled).item_ids.tolist() == ["01", "1"]
    data = write(tmp_path / "d.csv", "user,item\na,01\n")
    assert (
        read(data, items=write(tmp_path / "i.json", '{"item": "01", "title": "X"}\n')).items.loc["01", "title"] == "X"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"user": 1, "item": 2}]', "JSON list.*one object per line"),
        ('{\n "user": 1\n}', "Line 1 .* is not JSON"),
        ('{"user": 1, "item": 2}\n[1]\n', "Line 2 .* JSON list"),
        ("{'user': 1, 'item': }", "Line 1 .* begins like a Python dict but cannot be read as one"),
        ('{\n "playlists": []\n}', "one document of several lines"),
        ('{"user": "a", "item": {"x": 1}}', r"Column 'item' .*JSON lines.* holds lists or objects"),
    ],
)
def test_other_json_raises_an_error_that_names_the_expected_format(tmp_path, content, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "t.json", content))


def test_a_folder_of_parquet_parts_is_one_table(tmp_path):
    folder = tmp_path / "ratings"
    for month, item in (("01", "x"), ("02", "y")):
        part = folder / f"month={month}"
        part.mkdir(parents=True)
        items = pd.array([2**60 + 1, None], "Int64")
        pd.DataFrame({"user": ["007", item], "item": items}).to_parquet(part / "part-0.snappy.parquet")
    (folder / "_SUCCESS").write_text("")
    table = read(folder, context=["month"])
    assert table.item_ids.tolist() == [str(2**60 + 1)] and table.context["month"].tolist() == ["01", "02"]
    data = write(tmp_path / "d.csv", "user,item\n007,z\n")
    assert read(data, users=folder).users.loc["007", "month"] == "01"
    assert read_examples(folder, label="month").labels.tolist() == [1, 2]
    (folder / "month=03.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"month=03.parquet is empty"):
        read(folder)


def test_parts_with_different_types_raise_an_error(tmp_path):
    pd.DataFrame({"user": [1], "item": [2]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"user": ["x"], "item": [2]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match="do not fit together"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel workbook .*Save its sheet as csv"),
        (b"<!DOCTYPE html>\n<html>", "HTML page.*Download the data again"),
        (b"\n <html><body>403", "HTML page"),
        (b'<?xml version="1.0"?>', "XML file"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
    ],
)
def test_files_of_other_types_raise_an_error_that_names_them(tmp_path, content, message):
    for name in ("t.csv", "t.txt"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)


def test_an_excel_workbook_raises_an_error(tmp_path):
    (tmp_path / "t.csv").write_bytes(_zipped(b"", "[Content_Types].xml", "xl/workbook.xml"))
    with pytest.raises(InputError, match="Excel workbook"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", "user item\n1 2\n", r"single column.*separator='\\s\+' \(--sep '\\s\+'\)"),
        ("t.csv", "1 0:1 5:2\n0 1:1 7:2\n", "libSVM or libFM"),
        ("t.csv", "sep=;\nuser;item\n1;2\n", "begins with 'sep=;'.*remove it"),
        ("t.csv", "Exported 2020\n\nuser,item\n1,2\n", "'user,item' has more.*remove the lines before it"),
        ("t.csv", 'user,item\n1,"[1, 2]"\n2,"[3]"\n', "Column 'item' .*holds lists.*explode"),
        ("ratings.csv", "1::2::5::978300760\n1::3::4::978300761\n", "--no-header --user 1 --item 2"),
        ("u1.base", "1\t1\t5\t874965758\n1\t2\t3\t876893171\n", "--no-header --user 1 --item 2"),
    ],
)
def test_errors_say_how_to_read_the_file(tmp_path, name, content, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / name, content))


def test_a_line_of_dashes_in_a_text_is_not_a_drawn_table(tmp_path):
    path = write(tmp_path / "t.csv", 'user,item,title\n1,a,"x\n-----\ny"\n2,b,ok\n')
    assert len(read(path)) == 2


class _Feather:
    kind, is_typed = "feather", True

    def __init__(self, path):
        self.path, self.frame = path, pd.read_feather(path)
        self.names = list(self.frame)

    def read(self, columns=None, ids=(), texts=(), missing=None):
        return self.frame[list(columns or self.names)], ()

    def sample(self, rows=1000):
        return self.frame.head(rows)


def test_a_further_format_is_one_entry_of_a_list(tmp_path, monkeypatch):
    def is_feather(path, form):
        return path.suffix == ".feather"

    added = TableFormat((".feather",), is_feather, lambda path, form: _Feather(path))
    monkeypatch.setattr(frames, "FORMATS", (added, *frames.FORMATS))
    rows = pd.DataFrame({"user": ["u", "u", "v"], "item": ["a", "b", "a"], "time": [1, 2, 3], "label": [0, 1, 1]})
    rows.to_feather(tmp_path / "rows.feather")
    pd.DataFrame({"item": ["a", "b"], "title": ["A", "B"]}).to_feather(tmp_path / "titles.feather")
    table = read(tmp_path / "rows.feather", items=tmp_path / "titles.feather")
    assert table.item_ids.tolist() == ["a", "b"] and table.items["title"].tolist() == ["A", "B"]
    assert read_examples(tmp_path / "rows.feather", label="label").labels.tolist() == [0, 1, 1]

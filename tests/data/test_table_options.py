"""Options describe what cannot be detected in a table; side tables are found and read like the data."""

import argparse
import gzip

import numpy as np
import pandas as pd
import pytest
from tables import history, write

from tfrec.cli.catalogue_files import read_new_items
from tfrec.cli.data_options import add_data_arguments, read_data, read_rows
from tfrec.cli.recommend import read_times
from tfrec.data import Examples, Interactions, read, read_examples
from tfrec.data.readers.text_table import text_format
from tfrec.errors import InputError


def asked(path, *arguments):
    """The options of a command that reads a table."""
    parser = argparse.ArgumentParser()
    add_data_arguments(parser)
    return parser.parse_args(["--data", str(path), *arguments])


# --- tables without a header


def test_columns_of_a_table_without_a_header_have_positions_or_given_names(tmp_path):
    path = write(tmp_path / "t.csv", "u1,007,5,20\nu1,008,4,10\n")
    by_place = read(path, header=False, user="1", item="2", weight="3", time="4")
    by_name = read(path, columns=["user", "item", "rating", "timestamp"])
    assert history(by_place, "u1") == history(by_name, "u1") == ["008", "007"]
    assert by_place.weights.tolist() == by_name.weights.tolist() == [4, 5]
    with_gap = read(path, columns=["user", "item", "", "time"])
    assert with_gap.weights is None and history(with_gap, "u1") == ["008", "007"]
    for arguments in (["--columns", "user,item,,time"], ["--no-header", "--user", "1", "--item", "2", "--time", "4"]):
        assert history(read_data(asked(path, *arguments)), "u1") == ["008", "007"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("user,item", "list with the names of all columns"),
        (["user", "item", "item", "time"], "names 'item' twice"),
        (["user", "item"], "4 columns in its first line: expected 2"),
        ([], "list with the names"),
    ],
)
def test_invalid_column_names_raise_an_error(tmp_path, columns, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "t.csv", "u1,007,5,20\n"), columns=columns)


def test_an_unnamed_time_of_a_table_without_a_header_raises_an_error(tmp_path):
    path = write(tmp_path / "t.csv", "u1,a,5,1380000002\nu1,b,4,1380000001\n")
    with pytest.raises(InputError, match=r"'4' looks like one.*--time"):
        read(path, header=False, user="1", item="2")


def test_labelled_rows_accept_the_same_options(tmp_path):
    path = write(tmp_path / "t.txt", "1;é;Café;13/02/2020\n0;b;Blé;12/02/2020\n", "latin-1")
    options = ["--columns", "label,user,item,date", "--sep", ";", "--encoding", "latin-1", "--title", "item"]
    table = read_rows(asked(path, *options))
    assert isinstance(table, Examples) and sorted(table.user_ids) == ["b", "é"]
    assert np.diff(table.times).tolist() == [-86400] and table.items.loc["Café", "title"] == "Café"
    read_with = {"columns": ["click", "user", "", "time"], "separator": ";", "encoding": "latin-1"}
    table = read_examples(path, **read_with, date_format="%d/%m/%Y")
    assert np.diff(table.times).tolist() == [-86400]


# --- dates


@pytest.mark.parametrize("date_format", ["%d/%m/%Y", "%m/%d/%Y"])
def test_date_format_resolves_ambiguous_dates(tmp_path, date_format):
    path = write(tmp_path / "t.csv", "user,item,when\na,1,02/01/2020\na,2,01/03/2020\n")
    expected = ["1", "2"] if date_format == "%d/%m/%Y" else ["2", "1"]
    assert history(read(path, time="when", date_format=date_format), "a") == expected
    frame = pd.read_csv(path)
    table = Interactions.from_pandas(frame, user="user", item="item", time="when", date_format=date_format)
    assert history(table, "a") == expected
    arguments = ["--time", "when", "--date-format", date_format]
    assert history(read_data(asked(path, *arguments)), "a") == expected
    assert read_times(["02/01/2020", "01/03/2020"], date_format)[0] == table.times[expected.index("1")]


@pytest.mark.parametrize(
    ("date_format", "message"), [("%Q", "'%Q' is invalid"), ("%Y", "fits the date format '%Y', for instance '2/1/20'")]
)
def test_invalid_date_formats_raise_an_error(tmp_path, date_format, message):
    path = write(tmp_path / "t.csv", "user,item,time\na,1,2/1/20\n")
    with pytest.raises(InputError, match=message):
        read(path, date_format=date_format)


def test_rows_that_do_not_match_the_date_format_are_counted(tmp_path):
    path = write(tmp_path / "t.csv", "user,item,time\na,1,20200131\na,2,\na,3,20209999\n")
    table = read(path, date_format="%Y%m%d")
    assert table.report.dropped == {"no readable time in 'time'": 2} and len(table) == 1


# --- titles


def test_titles_may_be_in_the_data_itself(tmp_path):
    text = "user,item,time,what\na,1,1,Mug\nb,1,2,Mug\na,2,3,\nb,2,4,Cup\nb,3,5,\na,2,6,Cups\n"
    path = write(tmp_path / "t.csv", text)
    table = read(path, title="what")
    assert table.items["title"].to_dict() == {"1": "Mug", "2": "Cup"}
    assert "'what' differs between the rows of 1 items" in str(table.report)
    pd.read_csv(path, dtype=str).to_parquet(tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", title="what").items["title"].to_dict() == {"1": "Mug", "2": "Cup"}
    assert read_data(asked(path, "--title", "what")).items["title"].to_dict() == {"1": "Mug", "2": "Cup"}
    with pytest.raises(InputError, match=r"column 'label'.*user, item, time, what"):
        read(path, title="label")


def test_titles_are_read_from_a_named_column_of_the_item_table(tmp_path):
    path = write(tmp_path / "t.csv", "user,item,time\na,1,1\na,2,2\n")
    side = write(tmp_path / "i.txt", "item;label;short\n1;Léon;L\n2;Blé;B\n", "latin-1")
    table = read(path, items=side, encoding="latin-1", title="label")
    assert table.items["title"].tolist() == ["Léon", "Blé"] and "label" not in table.items
    table = read(path, items=side, encoding="latin-1")
    assert "no column of i.txt has a well-known name for item titles: name it with title= (--title)" in str(
        table.report
    )
    assert "item, label, short" in str(table.report)
    with pytest.raises(InputError, match=r"i.txt is not UTF-8 text.*--encoding latin-1"):
        read(path, items=side)


def test_the_only_column_with_title_in_its_name_holds_the_titles(tmp_path):
    from tfrec.data.spec.item_titles import all_titles

    path = write(tmp_path / "t.csv", '"User-ID";"ISBN";"Book-Rating"\n"1";"00X";"5"\n')
    side = write(tmp_path / "b.csv", '"isbn";"Book-Title";"Book-Author"\n"00X";"1984";"Orwell"\n')
    table = read(path, items=side)
    assert all_titles(table.items) == ["1984"]
    assert "read from 'Book-Title' of b.csv" in str(table.report)


# --- side tables next to the data


def goodbooks(folder, books, ratings="user_id,book_id,rating\n1,1,5\n1,2,4\n2,3,3\n"):
    write(folder / "ratings.csv", ratings)
    write(folder / "books.csv", books)
    write(folder / "to_read.csv", "user_id,book_id\n1,1\n1,2\n2,1\n")
    write(folder / "tags.csv", "tag_id,tag_name\n1,a\n2,b\n3,c\n")
    write(folder / "book_tags.csv", "goodreads_book_id,tag_id,count\n9,1,1\n9,2,1\n")
    return folder


@pytest.mark.parametrize("name", ["", "ratings.csv"])
def test_a_side_table_in_the_folder_of_the_ratings_is_read(tmp_path, name):
    books = "book_id,goodreads_book_id,original_title,title\n1,90,A,Alpha\n2,91,B,Beta\n3,92,C,Gamma\n"
    table = read(goodbooks(tmp_path, books) / name)
    assert table.items["title"].to_dict() == {"1": "Alpha", "2": "Beta", "3": "Gamma"}
    assert "the side table of items is read from books.csv" in str(table.report)


@pytest.mark.parametrize("named", [False, True])
def test_side_table_ids_are_read_from_the_matching_column(tmp_path, named):
    books = "id,book_id,work_id,title\n1,90,7,Alpha\n2,1,8,Beta\n3,92,9,Gamma\n"  # the ids of the ratings are "id"
    folder = goodbooks(tmp_path, books)
    table = read(folder, **({"items": folder / "books.csv"} if named else {}))
    assert table.items["title"].to_dict() == {"1": "Alpha", "2": "Beta", "3": "Gamma"}
    assert "ids of books.csv are read from 'id', which has 100% of the ids of the data" in str(table.report)


def test_several_candidate_side_tables_are_noted(tmp_path):
    goodbooks(tmp_path, "book_id,title\n1,A\n2,B\n3,C\n")
    write(tmp_path / "more.csv", "book_id,title\n1,X\n2,Y\n3,Z\n")
    write(tmp_path / "people.csv", "user_id,age\n1,30\n2,40\n")
    table = read(tmp_path)
    assert table.items is None and "choose one of books.csv, more.csv with items=" in str(table.report)
    assert table.users["age"].to_dict() == {"1": 30, "2": 40}


def test_an_unreadable_side_file_is_ignored(tmp_path):
    goodbooks(tmp_path, "book_id,title\n1,A\n2,B\n3,C\n")
    (tmp_path / "bad.csv").write_bytes(b"\x00\x01")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    assert read(tmp_path).items["title"].tolist() == ["A", "B", "C"]


# --- new items for an export


def test_tables_of_new_items_accept_all_formats(tmp_path):
    raw = "movieId;like;Film-Title\nn1;1 2;Für Élise\n".encode("latin-1")
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress(raw))
    form = text_format(None, "latin-1", True, None)
    expected = {"n1": ["1", "2"]}, {"n1": "Für Élise"}
    assert read_new_items(str(tmp_path / "new.csv.gz"), form) == expected
    write(tmp_path / "new.jsonl", '{"item": "n1", "like": "1 2", "title": "Für Élise"}\n')
    assert read_new_items(str(tmp_path / "new.jsonl")) == expected
    write(tmp_path / "bare.txt", "n1|1 2|Für Élise\n")
    form = text_format("|", None, True, ["item", "like", "title"])
    assert read_new_items(str(tmp_path / "bare.txt"), form) == expected

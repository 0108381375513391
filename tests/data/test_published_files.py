"""Files in the form in which their publishers give them out."""

import numpy as np
import pytest
from tables import history, write

from tfrec.data import Fixed, read, read_examples
from tfrec.data.spec.item_titles import title_column
from tfrec.errors import InputError

RATINGS = '"User-ID";"ISBN";"Book-Rating"\n"1";"a";"5"\n"1";"b";"4"\n"2";"c";"3"\n'


# --- quotes that are escaped by a backslash: Book-Crossing


@pytest.mark.parametrize(
    "separator, field, title",
    [
        (";", r'"The \"Real\" One; again"', 'The "Real" One; again'),
        (",", r'"\"Real\", she said"', '"Real", she said'),
        (";", r'"a \"b\""', 'a "b"'),
        (",", r'"back\\slash \"x\" C:\dir"', r'back\slash "x" C:\dir'),
        (",", '"two\nlines \\"x\\" y"', 'two\nlines "x" y'),
        (",", r'"doubled ""too"" \"x\" y"', 'doubled "too" "x" y'),
    ],
)
def test_a_backslash_before_a_quote_is_its_escape(tmp_path, separator, field, title):
    rows = [["ISBN", "Book-Title", "Year"], ["a", '"Blé"', "1"], ["b", field, "2"], ["c", '"Plain"', "3"]]
    books = write(tmp_path / "books.csv", "".join(separator.join(row) + "\n" for row in rows), "latin-1")
    table = read(write(tmp_path / "r.csv", RATINGS), items=books, encoding="latin-1")
    assert table.items["Book-Title"].to_dict() == {"a": "Blé", "b": title, "c": "Plain"}
    assert table.items["Year"].tolist() == [1, 2, 3]
    assert "a backslash before a quote is read as its escape" in str(table.report)


@pytest.mark.parametrize("field, text", [(r'"C:\dir\"', "C:\\dir\\"), (r"5\" pipe", r"5\" pipe"), (r"a\b", r"a\b")])
def test_other_backslashes_are_letters(tmp_path, field, text):
    path = write(tmp_path / "t.csv", f"user,item,what\n1,a,{field}\n2,b,x\n")
    table = read(path, context=["what"])
    assert table.context["what"].tolist() == [text, "x"] and "backslash" not in str(table.report)


# --- splits: NCF


def ncf(folder, fields=4):
    parts = {
        "train": ["0\t1\t4\t10", "0\t2\t4\t20", "0\t3\t4\t30", "1\t1\t5\t10", "1\t2\t5\t11", "1\t3\t5\t12"],
        "test": ["0\t4\t4\t40", "1\t4\t3\t50"],
    }
    for part, rows in parts.items():
        lines = ["\t".join(row.split("\t")[:fields]) for row in rows]
        write(folder / f"ml.{part}.rating", "\n".join(lines) + "\n")
    write(folder / "ml.test.negative", "(0,4)\t7\t8\n(1,4)\t8\t9\n")


@pytest.mark.parametrize("fields", [4, 3, 2])
def test_rating_files_of_train_and_test_are_a_fixed_split(tmp_path, fields):
    ncf(tmp_path, fields)
    for path in (tmp_path, tmp_path / "ml"):
        table = read(path)
        assert history(table, "0") == ["1", "2", "3", "4"] and (table.times is not None) == (fields == 4)
        train, _, test = table.split(Fixed())
        assert (len(train), len(test.targets)) == (4, 2)
        assert "ml.test.negative is ignored" in str(table.report)
    alone = read(tmp_path / "ml.train.rating")
    assert len(alone) == 6 and f"pass {tmp_path / 'ml'} to read the whole split" in str(alone.report)


def test_rating_files_of_several_datasets_raise_an_error(tmp_path):
    ncf(tmp_path)
    write(tmp_path / "pin.train.rating", "1\t2\t3\n")
    write(tmp_path / "pin.test.rating", "1\t3\t3\n")
    with pytest.raises(InputError, match="several datasets: ml, pin"):
        read(tmp_path)
    assert len(read(tmp_path / "pin")) == 2
    write(tmp_path / "pin.test.rating", "user\titem\n1\t3\n")
    with pytest.raises(InputError, match="begins with 'user\titem': expected user, item, rating"):
        read(tmp_path / "pin")


# --- titles


@pytest.mark.parametrize(
    "names, column",
    [
        (["article_id", "prod_name", "product_type_name"], "prod_name"),
        (["item", "Product Name", "brand"], "Product Name"),
        (["id", "item_name", "name"], "name"),
        (["id", "book_title", "original_title"], "book_title"),
        (["id", "user_name"], None),
    ],
)
def test_columns_called_after_the_items_hold_titles(names, column):
    assert title_column(names) == column


def test_a_title_that_is_a_number_stays_as_it_is_written(tmp_path):
    ratings = write(tmp_path / "r.csv", "user,item\n1,a\n1,b\n")
    side = write(tmp_path / "i.csv", "item,product_name\na,007\nb,1984\n")
    table = read(ratings, items=side)
    assert table.items["product_name"].tolist() == ["007", "1984"]
    assert "item titles are read from 'product_name' of i.csv" in str(table.report)


def test_an_item_table_without_a_header_raises_an_error(tmp_path):
    ratings = write(tmp_path / "r.csv", "user,item\n1,1\n1,2\n")
    with pytest.raises(InputError, match=r"first line of .*i.csv looks like a row.*'1', 'Toy Story'"):
        read(ratings, items=write(tmp_path / "i.csv", "1,Toy Story\n2,Heat\n"))


def test_the_tables_of_the_million_song_dataset_have_no_header(tmp_path):
    plays = write(tmp_path / "plays.txt", "u1\tSO1\t3\nu1\tSO2\t1\nu2\tSO1\t1\n")
    songs = write(tmp_path / "songs.txt", "TR1<SEP>SO1<SEP>Faster, Inc<SEP>Night, 1\nTR2<SEP>SO2<SEP>Bo<SEP>Day\n")
    table = read(plays, columns=["user", "song", "plays"], time=False, items=songs)
    assert table.items["title"].to_dict() == {"SO1": "Night, 1", "SO2": "Day"}
    assert table.items["artist_name"].tolist() == ["Faster, Inc", "Bo"]


# --- hours of eight digits: Avazu


def test_hours_of_eight_digits_are_times(tmp_path):
    path = write(tmp_path / "a.csv", "id,click,hour,site_id\n1,0,14102100,ab\n2,1,14102123,ab\n3,0,14103000,cd\n")
    hours = (np.array(["2014-10-21T00", "2014-10-21T23", "2014-10-30T00"], "M8[s]")).astype("int64")
    for given in ({}, {"time": "hour"}):
        table = read_examples(path, **given)
        np.testing.assert_array_equal(table.times, hours)
        assert "the whole numbers in 'hour' are read as hours, YYMMDDHH" in str(table.report)
    path = write(tmp_path / "b.csv", "user,item,hour\nx,y,14102100\nx,z,14102123\n")
    np.testing.assert_array_equal(read(path, time="hour").times, hours[:2])
    with pytest.raises(InputError, match="its column 'hour' looks like one"):
        read(path)
    assert read(write(tmp_path / "c.csv", "user,item,hour\nx,y,7\nx,z,23\n")).times is None

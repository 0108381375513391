"""Special layouts of public data files: they are read correctly, or the error says what to do."""

import bz2

import pytest
from tables import history, write

from tfrec.cli.catalogue_files import read_ids
from tfrec.data import read, read_examples
from tfrec.errors import InputError

# --- times that floats cannot hold

NANOSECONDS = 1_609_459_200_000_000_000
ROWS = "".join(f"u,{item},{NANOSECONDS + 100 * (9 - place)}\n" for place, item in enumerate("abcd"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.csv", "user,item,timestamp\nv,a,\n" + ROWS),
        ("t.inter", "user:token\titem:token\ttimestamp:float\nv\ta\t\n" + ROWS.replace(",", "\t")),
    ],
)
def test_large_times_keep_their_order_if_a_cell_is_empty(tmp_path, name, text):
    table = read(write(tmp_path / name, text))
    assert history(table, "u") == ["d", "c", "b", "a"] and table.times.dtype == "int64"
    assert not any("count as equal" in note for note in table.report.notes)


def test_large_times_of_labelled_rows_keep_their_order_if_a_cell_is_empty(tmp_path):
    text = "label,user,item,timestamp\n1,v,a,\n" + "".join(f"1,{row}\n" for row in ROWS.split())
    table = read_examples(write(tmp_path / "t.csv", text))
    assert len(set(table.times)) == 4


# --- options that a layout does not need


@pytest.mark.parametrize("options", [{"separator": ";"}, {"header": False}, {"columns": ["user", "item"]}])
@pytest.mark.parametrize(("name", "line"), [("ratings.dat", "1::007::5::1001"), ("x.inter", "user:token\titem:token")])
def test_text_options_for_a_publishers_layout_raise_an_error(tmp_path, options, name, line):
    write(tmp_path / name, line + "\n1\t2\n" * (name == "x.inter"))
    with pytest.raises(InputError, match=r"omit separator=.*--sep, --no-header, --columns"):
        read(tmp_path, **options)


# --- columns that are all but empty


def test_a_user_column_with_mostly_missing_values_raises_an_error(tmp_path):
    """Diginetica: most sessions have no known user."""
    rows = [f"{session};{'NA' if session < 4 else 9};{item};2016-05-09" for session in range(5) for item in (1, 2)]
    path = write(tmp_path / "train-item-views.csv", "\n".join(["sessionId;userId;itemId;eventdate", *rows]))
    with pytest.raises(InputError, match=r"'userId' .* are missing.*'sessionId'.*--user"):
        read(path)
    assert read(path, user="sessionId").num_users == 5
    assert read(path, user="userId").report.dropped == {"no usable user id in 'userId'": 8}


# --- lists of items


def test_files_of_items_to_withdraw_accept_all_table_formats(tmp_path):
    packed = tmp_path / "gone.txt.bz2"
    packed.write_bytes(bz2.compress("a1\r\nb 2\r\n".encode("utf-8-sig")))
    assert read_ids(packed) == ["a1", "b 2"]
    latin = tmp_path / "latin.txt"
    latin.write_bytes("café\n".encode("latin-1"))
    assert read_ids(latin, "latin-1") == ["café"]
    with pytest.raises(InputError, match="--encoding"):
        read_ids(latin)
    assert read_ids(write(tmp_path / "none.txt", "\n")) == []


# --- what looks like rows or sequences and is not


def lines(*rows):
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("users.dat", lines("3 5 6 7", "2 6 9", "3 1 2 3", "1 5"), "begins with the number of its ids"),
        ("trust_data.txt", lines(*(f"{90 + n} {20 + n} 1" for n in range(12))), "field 3 looks like ratings"),
        (
            "beer.txt",
            lines("beer/name: Weizen", "review/time: 1", "review/text: a, b") * 3,
            "each field on its own line",
        ),
        (
            "jester.csv",
            lines(*(f"{n}," + ",".join(["99", "-7.51"] * 20) for n in (62, 73))),
            "matrix with one row per user",
        ),
    ],
)
def test_unsupported_layouts_raise_an_error_that_names_them(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / name, text))


def test_leading_counts_are_distinguished_from_users(tmp_path):
    assert read(write(tmp_path / "s.txt", "1 a\n2 a b\n3 a b c\n")).num_users == 3
    assert read(write(tmp_path / "s.txt", lines(*(f"{90 + n} {n} {n % 5}" for n in range(9))))).num_items == 9


@pytest.mark.parametrize("cell", ["N55189 N46039 N1", "3400638|1253714", "[1, 2]"])
def test_several_items_in_a_cell_raise_an_error(tmp_path, cell):
    """MIND's histories, Trivago's impressions."""
    path = write(tmp_path / "behaviors.tsv", f"1\tU1\t{cell}\n2\tU2\t{cell}\n")
    with pytest.raises(InputError, match=r"expected one id per row.*explode"):
        read(path, header=False, user="2", item="3")


def test_item_names_may_hold_blanks(tmp_path):
    path = write(tmp_path / "plays.csv", 'user,item\n1,Maroon 5\n1,"Crosby, Stills"\n2,Blink 182\n2,"1,000"\n')
    assert read(path).num_items == 4


def test_a_matrix_without_a_header_raises_an_error(tmp_path):
    path = write(tmp_path / "jester.csv", lines(*(f"{n}," + ",".join(["99", "-7.51"] * 20) for n in (62, 73))))
    with pytest.raises(InputError, match="matrix with one row per user"):
        read(path, header=False, user="1", item="2")


@pytest.mark.parametrize("names", ["day\tmonth\tyear", "date_day\tdate_month\tdate_year"])
@pytest.mark.parametrize("named", [False, True])
def test_dates_in_several_columns_raise_an_error(tmp_path, names, named):
    """HetRec: days without times of day have no order."""
    path = write(
        tmp_path / "user_taggedartists.dat", f"userID\tartistID\t{names}\n2\t52\t1\t4\t2009\n2\t53\t1\t3\t2009\n"
    )
    with pytest.raises(InputError, match=r"dates in several columns.*--time.*--no-time"):
        read(path, time=names.split("\t")[0] if named else None)
    assert history(read(path, time=False), "2") == ["52", "53"]


def test_lines_of_python_dicts_are_read(tmp_path):
    """Steam, and the older files of Amazon's reviews."""
    rows = [
        "{u'user_id': u'007', 'item_id': '10', 'time': 2, 'text': \"it's\"}",
        "{'user_id': '007', 'item_id': '20', 'time': 1}",
    ]
    assert history(read(write(tmp_path / "steam.json", lines(*rows))), "007") == ["20", "10"]

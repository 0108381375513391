"""Layouts of public data files that need a word of their own: read rightly, or refused with what to do."""

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
def test_large_times_keep_their_order_beside_an_empty_cell(tmp_path, name, text):
    table = read(write(tmp_path / name, text))
    assert history(table, "u") == ["d", "c", "b", "a"] and table.times.dtype == "int64"
    assert not any("count as equal" in note for note in table.report.notes)


def test_large_times_of_labelled_rows_keep_their_order_beside_an_empty_cell(tmp_path):
    text = "label,user,item,timestamp\n1,v,a,\n" + "".join(f"1,{row}\n" for row in ROWS.split())
    table = read_examples(write(tmp_path / "t.csv", text))
    assert len(set(table.times)) == 4


# --- options that a layout does not need


@pytest.mark.parametrize("options", [{"separator": ";"}, {"header": False}, {"columns": ["user", "item"]}])
@pytest.mark.parametrize(("name", "line"), [("ratings.dat", "1::007::5::1001"), ("x.inter", "user:token\titem:token")])
def test_options_that_a_publishers_layout_does_not_take_are_refused(tmp_path, options, name, line):
    write(tmp_path / name, line + "\n1\t2\n" * (name == "x.inter"))
    with pytest.raises(InputError, match=r"leave out separator=.*--sep, --no-header, --columns"):
        read(tmp_path, **options)


# --- columns that are all but empty


def test_a_column_of_users_that_is_mostly_missing_is_asked_about(tmp_path):
    """Diginetica: most sessions are of nobody known."""
    rows = [f"{session};{'NA' if session < 4 else 9};{item};2016-05-09" for session in range(5) for item in (1, 2)]
    path = write(tmp_path / "train-item-views.csv", "\n".join(["sessionId;userId;itemId;eventdate", *rows]))
    with pytest.raises(InputError, match=r"'userId' .* are missing.*'sessionId'.*--user"):
        read(path)
    assert read(path, user="sessionId").num_users == 5
    assert read(path, user="userId").report.dropped == {"no usable user id in 'userId'": 8}


# --- lists of items


def test_items_to_withdraw_are_read_as_freely_as_tables(tmp_path):
    packed = tmp_path / "gone.txt.bz2"
    packed.write_bytes(bz2.compress("a1\r\nb 2\r\n".encode("utf-8-sig")))
    assert read_ids(packed) == ["a1", "b 2"]
    latin = tmp_path / "latin.txt"
    latin.write_bytes("café\n".encode("latin-1"))
    assert read_ids(latin, "latin-1") == ["café"]
    with pytest.raises(InputError, match="--encoding"):
        read_ids(latin)
    assert read_ids(write(tmp_path / "none.txt", "\n")) == []

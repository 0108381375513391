"""Tables of labelled rows: their columns are found by name, and none of them is the label twice."""

import pandas as pd
import pytest

from tfrec.data import Examples, is_labelled, read, read_examples
from tfrec.errors import InputError


def test_users_items_and_times_of_labelled_rows_are_found_by_name(tmp_path):
    text = "user_id,item,click,timestamp,age\n007,i1,1,5,30\n8,i2,0,6,\n"
    (tmp_path / "rows.csv").write_text(text)
    table = read_examples(tmp_path / "rows.csv")
    assert table.user_ids[table.user_codes].tolist() == ["007", "8"]
    assert table.item_ids[table.item_codes].tolist() == ["i1", "i2"]
    assert table.times.tolist() == [5, 6] and table.context.columns.tolist() == ["age"]
    other = read_examples(tmp_path / "rows.csv", user="age", item="user_id")
    assert other.item_ids[other.item_codes].tolist() == ["007"] and other.context.columns.tolist() == ["item"]


def test_two_columns_of_the_same_name_raise_an_error(tmp_path):
    (tmp_path / "rows.csv").write_text("user,label,label\na,1,1\nb,0,0\n")
    with pytest.raises(InputError, match="several columns named label"):
        read_examples(tmp_path / "rows.csv")
    frame = pd.DataFrame([[1, 2, 3]], columns=["y", "x", "x"])
    with pytest.raises(InputError, match="several columns named x"):
        Examples.from_pandas(frame, label="y")


def test_labelled_rows_are_recognised_by_the_name_of_a_column(tmp_path):
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


def test_large_parquet_ids_with_gaps_stay_exact_and_the_index_is_a_column(tmp_path):
    big = 2**60
    frame = pd.DataFrame(
        {"item": pd.array([big, big + 1, None], "Int64"), "label": [1, 0, 1], "age": pd.array([1, None, 3], "Int64")},
        index=pd.Index(["ann", "bob", "cy"], name="user_id"),
    )
    frame.to_parquet(tmp_path / "rows.parquet")
    table = read_examples(tmp_path / "rows.parquet")
    assert table.item_ids[table.item_codes].tolist() == [str(big), str(big + 1)]
    assert table.user_ids[table.user_codes].tolist() == ["ann", "bob"]
    assert table.context["age"].tolist() == [1, None]
    whole = (tmp_path / "rows.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="not a readable parquet file"):
        read_examples(tmp_path / "cut.parquet", label="label")


def test_integers_that_became_floats_are_integers_in_every_format(tmp_path):
    """pandas writes integers with a missing value as 2.0; `from_pandas` also reads the frame itself as 2."""
    frame = pd.DataFrame({"user": [7, 8, 8], "item": [2, None, 3], "label": [1, 0, 1]})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    pd.DataFrame({"item": [3, 2, None], "price": [1.5, 2, 3]}).to_csv(tmp_path / "items.csv", index=False)
    for table in (read(tmp_path / "rows.csv", items=tmp_path / "items.csv"), read_examples(tmp_path / "rows.csv")):
        assert sorted(table.item_ids) == ["2", "3"] and sorted(table.user_ids) == ["7", "8"]
    assert read(tmp_path / "rows.csv", items=tmp_path / "items.csv").items["price"].to_dict() == {"3": 1.5, "2": 2.0}
    (tmp_path / "rows.csv").write_text("user,item\n1.0,1.0\n2,1.1\n")  # not all end with .0, so they are not converted
    assert read(tmp_path / "rows.csv").user_ids.tolist() == ["1.0", "2"]


def test_numbers_in_scientific_notation_are_numeric_and_hashes_are_not(tmp_path):
    columns = {"rate": ["1e-05", "0.25", "3"], "size": ["1e+20", "7", "8"], "exact": ["1.0E7", "2.5E3", "1E2"]}
    columns |= {"hash": ["12e4", "1e5", "777"], "zip": ["01067", "2", "1e-05"], "signed": ["-1", "2e3", "4"]}
    frame = pd.DataFrame({"label": [0, 1, 1], **columns})
    frame.to_csv(tmp_path / "rows.csv", index=False)
    found = read_examples(tmp_path / "rows.csv").context
    numeric = [name for name in found if pd.api.types.is_numeric_dtype(found[name])]
    assert numeric == ["rate", "size", "exact", "signed"]
    assert found["rate"].tolist() == [1e-05, 0.25, 3] and found["hash"].tolist() == columns["hash"]


def test_side_tables_work_for_labelled_rows_and_for_ratings(tmp_path):
    (tmp_path / "rows.csv").write_text("label,user,item,rating,device\n1,ann,007,5,tv\n0,bob,8,3,tv\n")
    (tmp_path / "items.csv").write_text("title,item,price\nX,007,2.5\nY,9,1\n")
    pd.DataFrame({"user": ["ann", "bob"], "age": [20, 30]}).to_parquet(tmp_path / "users.parquet")
    sides = {"items": tmp_path / "items.csv", "users": tmp_path / "users.parquet"}
    for table in (read_examples(tmp_path / "rows.csv", **sides), read(tmp_path / "rows.csv", **sides)):
        assert table.items.loc["007"].to_dict() == {"title": "X", "price": 2.5}
        assert table.users["age"].to_dict() == {"ann": 20, "bob": 30}
    for given, says in (
        ({"items": tmp_path / "users.parquet"}, "has none of the items: its ids, for instance 'ann',"),
        ({"users": tmp_path / "items.csv"}, "has none of the users"),
        ({"users": tmp_path / "none.csv"}, "not a file: expected a side table of users"),
    ):
        with pytest.raises(InputError, match=says):
            read_examples(tmp_path / "rows.csv", **given)
    with pytest.raises(InputError, match="but no column of"):
        read_examples(tmp_path / "users.parquet", label="age", user="user", items=tmp_path / "items.csv")


@pytest.mark.parametrize(
    ("header", "row", "found"),
    [
        ("user_id,video_id,date,time_ms,is_click,tab", "u,v,20220408,1649347200000,1,2", "is_click user_id video_id"),
        ("msno,song_id,click,source_type", "m,s,1,radio", "click msno song_id"),
        ("id,click,hour,site_id,app_id,device_id", "1,0,14102100,a,b,c", "click - -"),
        ("time_stamp,user,adgroup_id,pid,clk", "1494137644,5,1,p,0", "clk user -"),
        ("session_id,label,price", "s,1,2", "label - -"),
    ],
)
def test_roles_of_labelled_rows_have_well_known_names(tmp_path, header, row, found):
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    assert is_labelled(tmp_path / "t.csv")
    table = read_examples(tmp_path / "t.csv")
    label, user, item = found.split()
    named = [name for name in (label, user, item) if name != "-"]
    assert not set(named) & set(table.context) and (table.user_codes is None) == (user == "-")
    assert (table.item_codes is None) == (item == "-")
    if "time_ms" in header:
        assert table.times.tolist() == [1649347200000] and "date" in table.context


def test_a_date_column_that_is_not_a_time_stays_in_the_context(tmp_path):
    (tmp_path / "t.csv").write_text("user,item,label,date\na,b,1,monday\nb,c,0,sunday\n")
    table = read_examples(tmp_path / "t.csv")
    assert table.times is None and table.context["date"].tolist() == ["monday", "sunday"]


@pytest.mark.parametrize("label", [None, "1"])
def test_labelled_rows_without_a_header_lose_no_row(tmp_path, label):
    first = ["1", "0.5", "", *(f"{number:08x}" for number in range(0xA0, 0xB0))]
    (tmp_path / "t.csv").write_text(",".join(first) + "\n" + ",".join(["0", *first[1:]]) + "\n")
    with pytest.raises(InputError, match=r"looks like a row and not like a header.*--no-header --label 1"):
        read_examples(tmp_path / "t.csv", label=label)
    assert len(read_examples(tmp_path / "t.csv", label="1", header=False)) == 2


def test_negative_labels_are_noted(tmp_path):
    (tmp_path / "t.csv").write_text("user,item,label\na,b,-1\nb,c,3\n")
    assert "'label' is negative in 1 rows" in str(read_examples(tmp_path / "t.csv").report)

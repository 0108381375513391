"""A quote that is not closed in its row does not remove other rows; texts of several lines are read."""

import pytest
from tables import write

from tfrec.data import read, read_examples
from tfrec.errors import InputError


def table(separator, texts):
    rows = [["user", "item", "title", "label"]]
    rows += [[f"{row}", f"a{row}", texts.get(row, f"Kite {row}"), f"{row % 2}"] for row in range(1, 7)]
    return "".join(separator.join(row) + "\n" for row in rows)


READERS = {
    "interactions": lambda path, data: (read(path), lambda found: len(found), lambda found: found.report.notes),
    "labelled": lambda path, data: (read_examples(path), lambda found: len(found), lambda found: found.report.notes),
    "side table": lambda path, data: (
        read(data, items=path, user="user", item="item"),
        lambda found: len(found.items),
        lambda found: found.report.notes,
    ),
}


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data.csv", "user,item\n" + "".join(f"{row},a{row}\n" for row in range(1, 7)))


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "texts",
    [
        {2: '"Great', 5: 'Nice"'},
        {2: '"Great', 5: '"Nice'},
        {2: '"Great', 3: 'Nice"'},
        {5: '"Great'},
        {6: '"Great'},
        {2: '"Great', 3: 'x "y" z', 5: 'Nice"'},
    ],
)
def test_quotes_are_ordinary_characters_if_each_line_is_a_row(tmp_path, data, reader, texts):
    for ending in ("\n", "\r\n"):
        path = write(tmp_path / "t.tsv", table("\t", texts).replace("\n", ending))
        found, count, notes = READERS[reader](path, data)
        assert count(found) == 6
        row = min(texts)
        assert any(f"a quote in line {row + 1} is not closed" in note for note in notes(found))
        if reader == "side table":
            assert found.items["title"].to_dict() == {f"a{row}": texts.get(row, f"Kite {row}") for row in range(1, 7)}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "texts",
    [
        {2: '"Great', 5: 'Nice"'},
        {2: '"Great', 3: 'Nice"'},
        {2: '"Great', 5: '"Nice, good"'},
        {2: '"Great', 3: '"A, b"', 5: 'Nice"'},
        {1: '"A\nb, c, d, e"', 2: '"Great', 5: 'Nice"'},
    ],
)
def test_otherwise_a_stray_quote_raises_an_error_that_names_the_row(tmp_path, data, reader, texts):
    path = write(tmp_path / "t.csv", table(",", texts))
    line = 4 if 1 in texts else 3
    with pytest.raises(InputError, match=rf"stray quote in row 2 \(line {line}\)"):
        READERS[reader](path, data)


@pytest.mark.parametrize("reader", ["interactions", "labelled"])
def test_a_stray_quote_in_an_id_raises_an_error(tmp_path, reader, data):
    marks = {2: '"', 4: '"'}
    rows = "".join(f"1\t{marks.get(row, '')}a{row}\tx\t1\n" for row in range(6))
    with pytest.raises(InputError, match="stray quote in row 3"):
        READERS[reader](write(tmp_path / "t.tsv", "user\titem\ttitle\tlabel\n" + rows), data)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "text",
    [
        '"Great\nbook"',
        '"Great,\nfast, cheap, good, long"',
        '"One\n\ntwo, three, four, five, six"',
        '"<p>\n<a href=""x,y,z"">q</a>, b, c</p>\n"',
        '"x\n1, 2, 3, 4"',
        '"\n"',
    ],
)
def test_texts_of_several_lines_are_accepted(tmp_path, data, reader, text):
    for separator in (",", ";"):
        path = write(tmp_path / "t.csv", table(separator, {2: text, 5: text}))
        found, count, notes = READERS[reader](path, data)
        assert count(found) == 6 and not any("quote" in note for note in notes(found))
    quoted = table('","', {2: "x\nfast,cheap,good,1"}).replace("\n", '"\n"').replace('x"\n"', "x\n")
    quoted = '"' + quoted.removesuffix('"')
    found, count, _ = READERS[reader](write(tmp_path / "q.csv", quoted), data)
    assert count(found) == 6


def test_quotes_inside_a_field_are_kept(tmp_path):
    path = write(tmp_path / "t.csv", 'user,item,title\n1,a,5" disc\n2,b,the "best"\n3,c,"say ""hi"""\n')
    assert read(path, context=["title"]).context["title"].tolist() == ['5" disc', 'the "best"', 'say "hi"']

"""CONTRIBUTING names the files that an extension touches: they exist, and there are at most four."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ROW = re.compile(r"^\| (`.+`) \| .+ \|$", re.MULTILINE)


def traces():
    """Heading -> the files of the table below it."""
    parts = HEADING.split(TEXT)[1:]
    found = {title: ROW.findall(body) for title, body in zip(parts[::2], parts[1::2], strict=True)}
    return {title: rows for title, rows in found.items() if rows}


def test_each_kind_of_extension_has_its_files():
    assert list(traces()) == [
        "A new model",
        "A file format",
        "An index",
        "A sampler of negatives",
        "A command",
        "Why an export was refused",
    ]


@pytest.mark.parametrize("title", traces())
def test_at_most_four_files_that_exist(title):
    rows = traces()[title]
    assert len(rows) <= 4
    for name in re.findall(r"`([^`]+)`", " ".join(rows)):
        if "<" not in name and "/" in name:  # the others do not exist yet, or are in the folder of the one before
            assert (ROOT / name).is_file(), name

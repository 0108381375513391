"""Distinguish sequence files from tables, whose columns may also be separated by blanks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfrec.data.readers.known_names import candidates
from tfrec.data.readers.separators import NAMES
from tfrec.errors import InputError

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_RARE = "^~"  # characters that are taken for a separator if all lines have the same number of them
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d]+")
_INDEX_VALUE = re.compile(r"[^:\s]+(:[^:\s]+)?:[-+.\deE]+")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}.*|\d{1,2}:\d\d(:\d\d(\.\d+)?)?|\d{1,2}/\d{1,2}/\d{2,4}")
_DECIMAL = re.compile(r"[-+]?\d*\.\d+")
_TIMES = (1e8, 1e19)  # sizes of seconds since 1970 and of finer units
_KEY = re.compile(r"[A-Za-z][\w./-]{0,40}:(?=\s|$)")  # review/userId: A3SGXH7AUHU8GW
_RATING = re.compile(r"-?1|\d|10")
_SAMPLE = 2000  # lines that are checked for fields of records
_MANY = 10  # from so many lines on, a column does not look like ratings by chance
_POSITIONS = "header=False, user='1', item='2' (--no-header --user 1 --item 2), and likewise time and ratings"


def is_delimited(lines: Sequence[str]) -> bool:
    """Whether lines hold the separator of a table: a tab, comma, semicolon, bar or `::`.

    Pairs of ids with a tab between them, `user⇥item`, are not a table and are read as `user item`, unless the first
    line may be a header: a word without digits.

    Args:
        lines: the lines that are not blank.

    Example:
        >>> is_delimited(["u1 a b"]), is_delimited(["u1;a;Blue Kite"]), is_delimited(["1\\t5", "2\\t7"])
        (False, True, False)
    """
    joined = "\n".join(line.strip() for line in lines)
    if any(mark in joined for mark in NAMES if mark != "\t"):
        return True
    return "\t" in joined and not (all(map(_is_pair, lines)) and all(map(_DIGIT.search, lines[0].split())))


def is_header(first: Sequence[str], others: Sequence[Sequence[str]], given: Sequence[str]) -> bool:
    """Whether the first line of a file with blanks between its ids names columns.

    Args:
        first: the words of the first line.
        others: the words of the following lines.
        given: column names that the caller gave.

    Example:
        >>> is_header(["user", "item"], [["1", "a"]], []), is_header(["plays", "song"], [["1", "5"]], [])
        (True, True)
        >>> is_header(["ann", "x1"], [["bob", "x2"]], []), is_header(["who", "what"], [["1", "a"]], ["who", "what"])
        (False, True)
    """
    if given and all(name in first for name in given):
        return True
    if candidates("user", list(first)) and candidates("item", list(first)):
        return True
    if not others or not all(_WORD.fullmatch(word.replace("-", "_")) for word in first):
        return False
    if all(_NUMBER.fullmatch(word) for row in others for word in row):
        return True
    is_even = all(len(row) == len(first) for row in others)
    return is_even and any(all(_NUMBER.fullmatch(row[k]) for row in others) for k in range(len(first)))


def check_sequences(path: Path, lines: Sequence[str], tokens: np.ndarray, counts: np.ndarray) -> None:
    """Raise `InputError` if the lines of a file are not sequences; the error says what they are and how to read it.

    Args:
        path: the file.
        lines: its lines, without blank ones.
        tokens: (T,) object array of str, all its words.
        counts: (lines,) number of words of each line.
    """
    first = lines[0].strip()
    if first.startswith(("#", "%", "//")):
        raise InputError(f"{path} begins with a comment, '{first[:60]}': remove the comment lines.")
    _check_separators(path, lines)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    behind = np.delete(tokens, starts)
    if len(behind) and all(_INDEX_VALUE.fullmatch(word) for word in behind[:1000]):
        raise InputError(
            f"{path} is in the libSVM or libFM format ('{first[:60]}'), which does not say which indices are users and "
            "items. Convert it to a csv with a header and columns for users, items and ratings."
        )
    check_records(path, lines)
    if all(word.endswith(":") and len(word) > 1 for word in tokens[starts]):
        raise InputError(f"Every line of {path} begins with an id and a colon, '{first[:60]}': remove the colons.")
    marks = {word for word in lines[0].split() if not any(letter.isalnum() for letter in word)}
    mark = next((mark for mark in sorted(marks) if all(mark in line.split() for line in lines)), None)
    if mark is not None:
        raise InputError(
            f"Every line of {path} holds '{mark}', which looks like a column separator: set "
            f"separator='{mark}' (--sep '{mark}'), or remove it."
        )
    heads = tokens[starts]
    are_counts = all(word == str(count - 1) for word, count in zip(heads, counts, strict=True))
    if len(counts) > 2 and are_counts and not all(word == str(line) for line, word in enumerate(heads, 1)):
        raise InputError(
            f"Every line of {path} begins with the number of its ids, as in CiteULike, and not with a user. Replace "
            "this number by a user id, for instance the line number."
        )
    _check_rows(path, tokens, counts, starts)


def check_records(path: Path, lines: Sequence[str]) -> None:
    """Raise `InputError` if each line is one field of a record, such as `review/userId: A3SGXH7AUHU8GW`.

    Args:
        path: the file.
        lines: its lines, without blank ones.
    """
    keys = Counter(match.group() for match in map(_KEY.match, lines[:_SAMPLE]) if match)
    repeated = [count for count in keys.values() if count > 1]
    sampled = min(len(lines), _SAMPLE)
    if sampled > 3 and len(repeated) <= 40 and sum(repeated) > 0.6 * sampled and _KEY.match(lines[0]):
        raise InputError(
            f"{path} has each field on its own line, '{lines[0].strip()[:60]}': expected one row per interaction. "
            "Convert it to csv or JSON lines, with one column per field."
        )


def _check_separators(path: Path, lines: Sequence[str]) -> None:
    if is_delimited(lines):
        line, mark = next((line, mark) for line in lines for mark in NAMES if mark in line.strip())
        raise InputError(
            f"{path} holds {NAMES[mark]} in its line '{line.strip()[:60]}', so it is a table and not a sequence file, "
            "whose ids are separated by blanks. Add a header and use the suffix .csv or .tsv, or name columns by "
            f"position: {_POSITIONS}."
        )
    found = next((match.group() for match in map(_CONTROL.search, lines) if match), None)
    if found is None:
        counted = {mark: {line.count(mark) for line in lines} for mark in _RARE}
        found = next((mark for mark, counts in counted.items() if len(counts) == 1 and counts != {0}), None)
    if found is not None:
        raise InputError(
            f"The lines of {path} hold {found!r}, which looks like a column separator: set "
            f"separator={found!r} (--sep), and if there is no header, {_POSITIONS}."
        )
    quoted = next((line for line in lines if '"' in line and re.search(r'(^|\s)"', line)), None)
    if quoted is not None:
        raise InputError(
            f"{path} holds quoted fields ('{quoted.strip()[:60]}'), so it is a table: set "
            f"separator=' ' (--sep ' '), and if there is no header, {_POSITIONS}."
        )


def _check_rows(path: Path, tokens: np.ndarray, counts: np.ndarray, starts: np.ndarray) -> None:
    """Raise `InputError` if all lines have the same number of fields, and the fields are those of a table."""
    width = int(counts[0])
    if width < 3 or not (counts == width).all():
        return
    fields = tokens.reshape(-1, width)
    why = "users have several lines" if len(set(tokens[starts])) < len(counts) else ""
    kinds = [_kind(fields[:, place]) for place in range(1, width)]
    odd = [(place, kind) for place, kind in enumerate(kinds, 2) if kind and kinds.count(kind) < len(kinds)]
    if odd:
        place, kind = odd[-1]
        why = f"field {place} looks like {kind}"
    if why:
        raise InputError(
            f"Every line of {path} has {width} fields and {why}, so it looks like a table and not like sequences. "
            f"Name its columns by position: {_POSITIONS}; or add a header."
        )


def _kind(column: np.ndarray) -> str | None:
    """The kind of the values of a field, if they are unlikely to be ids; else None."""
    if all(_DECIMAL.fullmatch(word) for word in column):
        return "decimal numbers"
    if all(_DATE.fullmatch(word) for word in column):
        return "dates or times of day"
    if len(column) >= _MANY and all(_RATING.fullmatch(word) for word in column):
        return "ratings"
    if all(word.isdecimal() and _TIMES[0] <= float(word) < _TIMES[1] for word in column):
        return "times"
    return None


def _is_pair(line: str) -> bool:
    fields = line.strip().split("\t")
    return len(fields) == 2 and not any(" " in field.strip() for field in fields) and all(map(str.strip, fields))

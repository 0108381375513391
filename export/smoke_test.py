"""Asks a running server for everything that an export answers, over REST and gRPC, and compares the two.

    python smoke_test.py --model films --rest http://localhost:8501 --grpc localhost:8500 --label stable

It needs no ids: an empty history is answered by popularity, and what comes is asked on. Exit code 0 where all is well,
1 where something is not, 2 where it was called wrongly. client.py must lie beside it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from client import BadRequest, Client, ServingError, printable

_CLOSE = 1e-4  # scores of one version over two transports; batching may change the last bits


class Wrong(Exception):
    """An answer came, and is not as it must be."""


def requests(client: Client, timed: bool) -> list[tuple[str, Callable[[], Any], Callable[[Any], str]]]:
    """What is asked: (signature, the request, what makes of its answer a few words, or raises `Wrong`)."""
    signatures = client.signatures()
    _need(bool({"recommend_filtered", "rank"} & signatures.keys()), f"no model of tfrec: it answers {[*signatures]}")
    if "recommend_filtered" not in signatures:
        return [("rank", lambda: _rank_unknown(client, signatures["rank"]), lambda rows: f"{len(rows)} rows")]
    # An export of two stages is asked with every feature missing.
    more = {"features": {}} if "rank" in signatures else {}
    popular = [item for item, _ in client.recommend([[]], timestamps=[[]] if timed else None, **more)[0]]
    _need(len(popular) > 1, f"an empty history was answered with {len(popular)} items, where two or more were expected")
    histories = [popular[:1], [], [*popular[:1], "no such id, Größe 🎬"]]
    times = {"timestamps": [[978300019 + place for place, _ in enumerate(row)] for row in histories]} if timed else {}
    more |= times

    def ranked(rows: list) -> str:
        _need(len(rows) == 3, f"{len(rows)} rows came for 3")
        for row in rows:
            items, scores = [item for item, _ in row], [score for _, score in row]
            _need(len(set(items)) == len(items), f"an item came twice: {items}")
            _need(scores == sorted(scores, reverse=True), f"not best first: {scores}")
            _need(all(map(math.isfinite, scores)), f"a score is not finite: {scores}")
        _need(not differ(rows[0], rows[2]), "an unknown id changed the answer")
        return f"{len(rows[0])} items, best {rows[0][0][0]!r}" if rows[0] else "no items"

    def filtered(rows: list) -> str:
        for row in rows:
            items = {item for item, _ in row}
            _need(popular[1] not in items, f"{popular[1]!r} came, which was excluded")
            _need(items <= set(popular), f"came without being allowed: {sorted(items - set(popular))}")
        return f"{sum(map(len, rows))} items in 3 rows"

    def scored(rows: list) -> str:
        _need([len(row) for row in rows] == [len(popular) + 1] * 3, "not a score for each id")
        _need(all(math.isfinite(score) for row in rows for score in row[:-1]), "an item has no finite score")
        _need(all(row[-1] == -math.inf for row in rows), "an unknown id has a score other than -inf")
        return f"{len(popular)} scores a row"

    def vectors(rows: list) -> str:
        _need(any(number for number in _flat(rows[0])), "the vector of something known is zero")
        _need(not any(_flat(rows[1])), "the vector of nothing is not zero")
        return f"width {len(list(_flat(rows[0])))}"

    def near(rows: list) -> str:
        _need(popular[0] not in {item for item, _ in rows[0]}, "an item is said to be similar to itself")
        _need(rows[1] == [], "something is similar to an unknown id")
        return f"{len(rows[0])} items"

    def second(rows: list) -> str:
        _need([len(row) for row in rows] == [len(popular) + 1] * 3, "not a score for each id")
        _need(all(math.isfinite(score) for row in rows for score in row), "a score is not finite")
        return f"{len(popular)} scores a row"

    unknown = "no such id"
    recommending = [
        ("serving_default", lambda: client.recommend(histories, **more), ranked),
        (
            "recommend_filtered",
            lambda: client.recommend(histories, exclude=[popular[1:2]], allow=[popular], **more),
            filtered,
        ),
    ]
    if "rank" in signatures:
        return [*recommending, ("rank", lambda: client.rank(histories, [[*popular, unknown]]), second)]
    return [
        *recommending,
        ("score", lambda: client.score(histories, [[*popular, unknown]], **times), scored),
        ("embed_users", lambda: client.embed_users(histories, **times), vectors),
        ("embed_items", lambda: client.embed_items([popular[0], unknown]), vectors),
        ("similar_items", lambda: client.similar_items([popular[0], unknown]), near),
    ]


def _rank_unknown(client: Client, inputs: dict[str, Any]) -> list:
    """A ranking model alone is asked for an item that it does not know, or for a row of which nothing is known."""
    given = {"histories": [[]]} if "history" in inputs else {}
    given |= {"item_ids": [["no such id"]]} if "item_ids" in inputs else {}
    given |= {} if given else {"features": {next(iter(inputs)): [None]}}
    rows = client.rank(**given)
    _need(len(rows) == 1 and all(map(math.isfinite, rows[0])), f"not one finite score: {rows}")
    return rows


def ask(client: Client, timed: bool) -> tuple[dict[str, Any], list[tuple[str, bool, str, str]]]:
    """The answers of a server, and lines of a table: (what, whether well, time, in words)."""
    answers, lines = {}, []
    try:
        versions = client.status()
        up = [str(one["version"]) for one in versions if one["state"] == "AVAILABLE"]
        lines.append(("status", bool(up), "", f"available: {', '.join(up) or versions}"))
        asked = requests(client, timed)
    except (ServingError, Wrong) as error:
        return answers, [*lines, ("first answer", False, "", str(error))]
    for name, request, in_words in asked:
        began = time.perf_counter()
        try:
            answers[name] = request()
            took = f"{1e3 * (time.perf_counter() - began):.1f} ms"
            lines.append((name, True, took, in_words(answers[name])))
        except (ServingError, Wrong) as error:
            lines.append((name, False, "", str(error)))
    return answers, lines


def differ(one: Any, other: Any) -> bool:
    """Whether two answers are other than close."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(differ(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return one != other and not abs(one - other) <= _CLOSE
    return one != other


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print a table, say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description="Ask a server for everything that an export answers.")
    parser.add_argument("--rest", metavar="URL", help="such as http://localhost:8501")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="such as localhost:8500")
    parser.add_argument("--model", required=True, help="its name in models.config")
    parser.add_argument("--version", type=int, help="a version number")
    parser.add_argument("--label", help="a version label: stable, canary")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds for a whole call (5)")
    parser.add_argument("--timed", action="store_true", help="the model reads time stamps")
    given = parser.parse_args(arguments)
    servers = {name: address for name in ("rest", "grpc") if (address := getattr(given, name))}
    if not servers:
        parser.error("give --rest, --grpc or both")

    found, table = {}, []
    for name, address in servers.items():
        try:
            client = Client(
                given.model, version=given.version, label=given.label, timeout=given.timeout, **{name: address}
            )
        except BadRequest as error:
            parser.error(str(error))
        except ServingError as error:
            table.append((name, "client", False, "", str(error)))
            continue
        found[name], lines = ask(client, given.timed)
        table += [(name, *line) for line in lines]
    if len(found) == 2:
        for signature in found["rest"].keys() & found["grpc"].keys():
            if differ(found["rest"][signature], found["grpc"][signature]):
                table.append(("both", signature, False, "", "REST and gRPC answer differently"))
        if found["rest"].keys() == found["grpc"].keys() and all(line[2] for line in table):
            table.append(("both", "REST = gRPC", True, "", f"{len(found['rest'])} signatures"))
    for server, what, well, took, words in table:
        print(f"{server:5} {what:19} {'ok' if well else 'WRONG':6} {took:>9}  {printable(words)}")
    return 0 if all(line[2] for line in table) else 1


def _need(true: bool, otherwise: str) -> None:
    if not true:
        raise Wrong(otherwise)


def _flat(values: Any) -> Any:
    if isinstance(values, list):
        for one in values:
            yield from _flat(one)
    else:
        yield values


if __name__ == "__main__":
    sys.exit(main())

"""Calls all signatures of a running server over REST and gRPC, checks the answers and compares them.

    python smoke_test.py --model films --rest http://localhost:8501 --grpc localhost:8500 --label stable

You need to give no ids: an empty history gets the most popular items, and the other requests use these items. Exit code
0: all checks passed; 1: a check failed; 2: invalid arguments. client.py must be in the same folder.
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
    """An answer is wrong."""


def requests(client: Client, timed: bool) -> list[tuple[str, Callable[[], Any], Callable[[Any], str]]]:
    """The requests: (signature, request, function that checks and describes the answer, or raises `Wrong`)."""
    signatures = client.signatures()
    _need(
        bool({"recommend_filtered", "rank"} & signatures.keys()),
        f"this is not a model that tfrec exported: its signatures are {[*signatures]}",
    )
    if "recommend_filtered" not in signatures:
        return [("rank", lambda: _rank_unknown(client, signatures["rank"]), lambda rows: f"{len(rows)} rows")]
    # For a two-stage export, all features are missing.
    more = {"features": {}} if "rank" in signatures else {}
    popular = [item for item, _ in client.recommend([[]], timestamps=[[]] if timed else None, **more)[0]]
    _need(len(popular) > 1, f"an empty history got {len(popular)} items, expected at least two")
    histories = [popular[:1], [], [*popular[:1], "no such id, Größe 🎬"]]
    times = {"timestamps": [[978300019 + place for place, _ in enumerate(row)] for row in histories]} if timed else {}
    more |= times

    def ranked(rows: list) -> str:
        _need(len(rows) == 3, f"the answer has {len(rows)} rows, expected 3")
        for row in rows:
            items, scores = [item for item, _ in row], [score for _, score in row]
            _need(len(set(items)) == len(items), f"an item occurs twice: {items}")
            _need(scores == sorted(scores, reverse=True), f"scores are not in descending order: {scores}")
            _need(all(map(math.isfinite, scores)), f"a score is not finite: {scores}")
        _need(not differ(rows[0], rows[2]), "an unknown id changed the answer")
        return f"{len(rows[0])} items, best {rows[0][0][0]!r}" if rows[0] else "no items"

    def filtered(rows: list) -> str:
        for row in rows:
            items = {item for item, _ in row}
            _need(popular[1] not in items, f"the excluded item {popular[1]!r} was recommended")
            _need(items <= set(popular), f"items were recommended that are not allowed: {sorted(items - set(popular))}")
        return f"{sum(map(len, rows))} items in 3 rows"

    def scored(rows: list) -> str:
        _need([len(row) for row in rows] == [len(popular) + 1] * 3, "the number of scores differs from that of ids")
        _need(all(math.isfinite(score) for row in rows for score in row[:-1]), "the score of an item is not finite")
        _need(all(row[-1] == -math.inf for row in rows), "the score of an unknown id is not -inf")
        return f"{len(popular)} scores per row"

    def vectors(rows: list) -> str:
        _need(any(number for number in _flat(rows[0])), "the vector of a known item or history is zero")
        _need(not any(_flat(rows[1])), "the vector of an unknown id or an empty history is not zero")
        return f"width {len(list(_flat(rows[0])))}"

    def near(rows: list) -> str:
        _need(popular[0] not in {item for item, _ in rows[0]}, "an item is in its own list of similar items")
        _need(rows[1] == [], "an unknown id has similar items")
        return f"{len(rows[0])} items"

    def second(rows: list) -> str:
        _need([len(row) for row in rows] == [len(popular) + 1] * 3, "the number of scores differs from that of ids")
        _need(all(math.isfinite(score) for row in rows for score in row), "a score is not finite")
        return f"{len(popular)} scores per row"

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
    """Request from a ranking model the score of an unknown item, or of a row whose features are all missing."""
    given = {"histories": [[]]} if "history" in inputs else {}
    given |= {"item_ids": [["no such id"]]} if "item_ids" in inputs else {}
    given |= {} if given else {"features": {next(iter(inputs)): [None]}}
    rows = client.rank(**given)
    _need(len(rows) == 1 and all(map(math.isfinite, rows[0])), f"expected one row of finite scores, got {rows}")
    return rows


def ask(client: Client, timed: bool) -> tuple[dict[str, Any], list[tuple[str, bool, str, str]]]:
    """The answers of a server, and lines of a table: (check, whether it passed, time, description)."""
    answers, lines = {}, []
    try:
        versions = client.status()
        up = [str(one["version"]) for one in versions if one["state"] == "AVAILABLE"]
        lines.append(("status", bool(up), "", f"available: {', '.join(up) or versions}"))
        calls = requests(client, timed)
    except (ServingError, Wrong) as error:
        return answers, [*lines, ("first answer", False, "", str(error))]
    for name, request, describe in calls:
        began = time.perf_counter()
        try:
            answers[name] = request()
            took = f"{1e3 * (time.perf_counter() - began):.1f} ms"
            lines.append((name, True, took, describe(answers[name])))
        except (ServingError, Wrong) as error:
            lines.append((name, False, "", str(error)))
    return answers, lines


def differ(one: Any, other: Any) -> bool:
    """Whether two answers differ by more than rounding."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) != len(other) or any(differ(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return one != other and not abs(one - other) <= _CLOSE
    return one != other


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(description="Call all signatures of a server and check the answers.")
    parser.add_argument("--rest", metavar="URL", help="such as http://localhost:8501")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="such as localhost:8500")
    parser.add_argument("--model", required=True, help="its name in models.config")
    parser.add_argument("--version", type=int, help="a version number")
    parser.add_argument("--label", help="a version label: stable, canary")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="S", help="seconds for a whole call (5)")
    parser.add_argument("--timed", action="store_true", help="the model reads timestamps")
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
    for server, check, passed, took, description in table:
        print(f"{server:5} {check:19} {'ok' if passed else 'WRONG':6} {took:>9}  {printable(description)}")
    return 0 if all(line[2] for line in table) else 1


def _need(condition: bool, fault: str) -> None:
    if not condition:
        raise Wrong(fault)


def _flat(values: Any) -> Any:
    if isinstance(values, list):
        for one in values:
            yield from _flat(one)
    else:
        yield values


if __name__ == "__main__":
    sys.exit(main())

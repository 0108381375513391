"""`tfrec serve-check`: check that an exported version can be served."""

from __future__ import annotations

import argparse

from tfrec.cli.option_types import path, whole
from tfrec.terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("version", type=path, metavar="DIR", help="the version folder, such as served/films/1")
    parser.add_argument(
        "--requests", type=whole(0), default=2_000, metavar="N", help="number of random requests (2000)"
    )
    parser.add_argument("--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="seed of the requests (0)")
    parser.add_argument(
        "--timeout",
        type=float,
        default=900.0,
        metavar="SECONDS",
        help="time limit of all checks together; a check that still runs then is killed and fails (900)",
    )


def run(options: argparse.Namespace) -> int:
    """Run all checks and print a table; returns 1 if a check failed."""
    from tfrec import serving

    checks = serving.serve_check(options.version, options.requests, options.seed, options.timeout)
    width = max(len(check.name) for check in checks)
    for check in checks:
        verdict = "FAILED" if not check.passed else "WARNING" if check.warning else "ok"
        say(f"{check.name:{width}}  {verdict:7}  {check.seen}")
    return 0 if all(check.passed for check in checks) else 1

"""`--baseline`: the baselines that a retrieval model is compared with."""

from __future__ import annotations

import argparse

from tfrec.baseline_names import RETRIEVAL_BASELINES
from tfrec.errors import InputError


def add_baseline_argument(parser: argparse.ArgumentParser, default: str) -> None:
    """Add the option; `default` names the baselines that are used without it."""
    parser.add_argument(
        "--baseline",
        nargs="+",
        choices=RETRIEVAL_BASELINES,
        metavar="NAME",
        help=f"for retrieval models: the baselines of the comparison, out of {', '.join(RETRIEVAL_BASELINES)}; "
        f"they are fitted on the training part with their default settings (default: {default})",
    )


def check_no_baseline(options: argparse.Namespace) -> None:
    """Raise `InputError` if baselines of retrieval models are named for a ranking model."""
    if options.baseline:
        raise InputError(
            "--baseline names baselines of retrieval models; a ranking model is compared with the mean label and the "
            "user and item biases. Leave --baseline out."
        )

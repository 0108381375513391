"""The argument parser: errors are one line, and a misspelt option is reported first."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from tfrec.terminal import printable

_NUMBER = re.compile(r"-\.?\d|-(inf|nan)\b", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """Exits with code 2 and one line on stderr if the arguments are wrong."""

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        self.exit(2, f"{self.prog}: {printable(message)} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        """Parse as usual, but report an unknown option before a missing one: it may be the missing one misspelt."""
        self._check_options(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def _check_options(self, args: Sequence[str]) -> None:
        has_commands = any(isinstance(action, argparse._SubParsersAction) for action in self._actions)
        known = list(self._option_string_actions)
        for arg in args:
            is_option = len(arg) > 1 and arg.startswith("-") and " " not in arg and not _NUMBER.match(arg)
            if arg == "--" or (has_commands and not is_option):
                return  # values, or the arguments of a command, follow
            if is_option and not any(one.startswith(arg.partition("=")[0]) for one in known):
                self._unknown(arg.partition("=")[0], [one for one in known if one.startswith("--")])

    def _unknown(self, name: str, known: list[str]) -> NoReturn:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(known)}."
        self.error(f"unknown option {name}: {hint}")

"""Prepare docstrings for the site: rename sections to griffe's names, and link public names."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import griffe

sys.path.append(str(Path(__file__).parent))

from pages import public_names

_EXAMPLE = re.compile(r"^([ \t]*)Example:[ \t]*$", re.MULTILINE)
_OWN = re.compile(r"^(Shapes|Reference):[ \t]*\n((?:[ \t]+.*\n?|[ \t]*\n)+)", re.MULTILINE)
_NAME = re.compile(r"(?<!`)`(tfrec(?:\.\w+)+)`(?!`)")


class Docstrings(griffe.Extension):
    """Convert every docstring to the form that griffe's Google style and Markdown need."""

    def __init__(self) -> None:
        super().__init__()
        self._public = public_names(Path(__file__).parents[2])

    def on_package(self, *, pkg: griffe.Module, **kwargs: Any) -> None:
        """Rewrite all docstrings, and let public functions take precedence over files of the same name."""
        for one in _inner(pkg):
            self._rewrite(one)
        for module in [one for one in _inner(pkg) if isinstance(one, griffe.Module) and one.exports]:
            for name in map(str, module.exports):
                file = module.members.get(name)
                if isinstance(file, griffe.Module) and name in file.members:
                    module.members[name] = griffe.Alias(name, file.members[name], parent=module)

    def _rewrite(self, one: griffe.Object) -> None:
        if one.docstring is None:
            return
        text = _EXAMPLE.sub(r"\1Examples:", one.docstring.value)
        text = _OWN.sub(lambda match: f"**{match[1]}:**\n\n{textwrap.dedent(match[2])}", text)
        one.docstring.value = _NAME.sub(self._link, text)

    def _link(self, match: re.Match[str]) -> str:
        return f"[{match[0]}][{match[1]}]" if match[1] in self._public else match[0]


def _inner(one: griffe.Object) -> list[griffe.Object]:
    members = [member for member in one.members.values() if not member.is_alias]
    return [one, *(below for member in members for below in _inner(member))]

"""MkDocs hooks: pages made from files elsewhere in the repository, and links between all of them.

Documents link to each other by their paths in the repository, so that they also work where the repository is browsed.
Here such a link becomes a link to the page of that file. Files that are linked and have no page of their own, such as a
recipe, get one that shows them.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
sys.path.append(str(Path(__file__).parent))

import pages  # noqa: E402

_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^()\s#]+)(#[^()\s]*)?(?=\))")
_FENCE = re.compile(r"^ *(```|~~~).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
FILES = "files/"  # where the pages of linked files are
_IMAGES = {".png", ".svg", ".jpg"}


class _Site:
    """The page of each file of the repository."""

    def __init__(self) -> None:
        self.page_of: dict[str, str] = {}  # path in the repository -> path in the site
        self.file_of: dict[str, str] = {}  # the other way
        self.text_of: dict[str, str] = {}  # path in the site -> Markdown of a generated page

    def add(self, path: str, page: str, text: str | None = None) -> None:
        self.page_of[path] = page
        self.file_of[page] = path
        if text is not None:
            self.text_of[page] = text


_site = _Site()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Collect all pages and complete the navigation."""
    _site.__init__()
    for source in sorted((ROOT / "docs").rglob("*.md")):
        page = source.relative_to(ROOT / "docs").as_posix()
        _site.add(f"docs/{page}", page)
    for path, page, text in pages.generated(ROOT):
        _site.add(path, page, text)
    config.nav = [*config.nav, *pages.navigation(ROOT)]
    _follow_links()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages and the linked files."""
    for page, text in _site.text_of.items():
        files.append(File.generated(config, page, content=text))
    for path, page in _site.page_of.items():
        if Path(page).suffix in _IMAGES and not path.startswith("docs/"):
            files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links to files of the repository into links to their pages."""
    uri = page.file.src_uri
    is_file = uri.startswith(FILES)  # shows a file as it is
    return markdown if is_file or uri not in _site.file_of else _rewrite(markdown, _site.file_of[uri], uri)


def _follow_links() -> None:
    """Add every file that is linked from a page to the site."""
    waiting = list(_site.file_of.items())
    while waiting:
        page, source = waiting.pop()
        if not page.endswith(".md"):
            continue
        text = _site.text_of.get(page) or (ROOT / source).read_text(encoding="utf-8")
        for match in _LINK.finditer(_FENCE.sub("", text)):
            target = _target(source, match[1])
            if target in _site.page_of:
                continue
            path = ROOT / target
            if not path.is_file():
                raise PluginError(f"{source} links to {match[1]}, and there is no file {target}.")
            if path.suffix in _IMAGES:
                _site.add(target, target.removeprefix("docs/"))
                continue
            _site.add(target, f"{FILES}{target}.md", pages.source_page(target, path.read_text(encoding="utf-8")))
            # A page that only shows a file has no links of its own.


def _rewrite(markdown: str, source: str, page: str) -> str:
    def link(match: re.Match[str]) -> str:
        target = _site.page_of[_target(source, match[1])]
        return posixpath.relpath(target, posixpath.dirname(page) or ".") + (match[2] or "")

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(link, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(link, markdown[end:])])


def _target(source: str, link: str) -> str:
    return os.path.normpath(posixpath.join(posixpath.dirname(source), link))

"""The pages that are generated from other files: first page, examples, cards, deploying, API, commands."""

from __future__ import annotations

import ast
import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# file in the repository -> page
_DOCUMENTS = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "models/README.md": "models/index.md",
    "export/README.md": "deploying.md",
    "examples/README.md": "examples/index.md",
}
_LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json", ".yml": "yaml", ".config": "proto"}


def generated(root: Path) -> Iterator[tuple[str, str, str]]:
    """(file in the repository, page, Markdown) of every page that is generated from a file outside docs/."""
    for path, page in {**_DOCUMENTS, **_benchmarks(root), **_cards(root)}.items():
        yield path, page, _markdown((root / path).read_text(encoding="utf-8"))
    for path in _examples(root):
        yield path, _example_page(path), _example(root / path)
    for package in _packages(root):
        yield f"tfrec/{package}/__init__.py", f"api/{package}.md", _api(package)
    yield "tfrec/__init__.py", "api/index.md", _api_index(root)
    yield "tfrec/cli/__init__.py", "api/commands.md", _commands()


def navigation(root: Path) -> list[dict[str, Any]]:
    """The navigation after the guides."""
    families: dict[str, list[Any]] = {}
    for path, page in _cards(root).items():
        families.setdefault(path.split("/")[1].capitalize(), []).append({_title(root / path): page})
    return [
        {
            "Examples": [
                "examples/index.md",
                *({_example_title(root / path): _example_page(path)} for path in _examples(root)),
            ]
        },
        {"Models": ["models/index.md", *({family: cards} for family, cards in families.items())]},
        {"Deploying": "deploying.md"},
        {
            "API": [
                "api/index.md",
                {"Commands": "api/commands.md"},
                *({f"tfrec.{package.replace('/', '.')}": f"api/{package}.md"} for package in _packages(root)),
            ]
        },
        {
            "Project": [
                {"Architecture": "architecture.md"},
                {"Contributing": "project/contributing.md"},
                {"Changelog": "project/changelog.md"},
                *({_title(root / path): page} for path, page in _benchmarks(root).items()),
            ]
        },
    ]


def public_names(root: Path) -> set[str]:
    """The full names of all public objects of the packages."""
    names = set()
    for package in _packages(root):
        for node in ast.parse((root / "tfrec" / package / "__init__.py").read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                names |= {f"tfrec.{package.replace('/', '.')}.{name}" for name in ast.literal_eval(node.value)}
    return names


def source_page(path: str, text: str) -> str:
    """A page that shows a file."""
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"# {Path(path).name}\n\n`{path}`\n\n````{language}\n{text.rstrip()}\n````\n"


def _markdown(text: str) -> str:
    """Markdown for Python-Markdown, which needs four spaces of indentation in numbered items, not three."""
    lines, in_item = [], False
    for line in text.splitlines():
        in_item = bool(re.match(r"\d+\. ", line)) or (in_item and (not line.strip() or line.startswith("   ")))
        lines.append(f" {line}" if in_item and line.startswith("   ") else line)
    return "\n".join(lines) + "\n"


def _title(path: Path) -> str:
    heading = re.search(r"^# (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return heading[1] if heading else path.stem.replace("_", " ").capitalize()


def _cards(root: Path) -> dict[str, str]:
    found = sorted(root.glob("models/*/*/README.md"))
    return {path.relative_to(root).as_posix(): f"{path.parent.relative_to(root).as_posix()}.md" for path in found}


def _benchmarks(root: Path) -> dict[str, str]:
    found = [root / "benchmarks/README.md", *sorted(root.glob("benchmarks/results/*.md"))]
    pages = {path.relative_to(root).as_posix(): path for path in found}
    return {name: f"project/benchmarks/{path.stem.lower()}.md" for name, path in pages.items()}


def _examples(root: Path) -> list[str]:
    found = sorted(path for path in (root / "examples").iterdir() if path.suffix in (".py", ".ipynb"))
    return [path.relative_to(root).as_posix() for path in found]


def _example_page(path: str) -> str:
    return f"{path.replace('.', '_')}.md"


def _example_title(path: Path) -> str:
    return path.stem.replace("_", " ").capitalize() + (" (notebook)" if path.suffix == ".ipynb" else "")


def _example(path: Path) -> str:
    title = _example_title(path)
    if path.suffix == ".ipynb":
        return f"# {title}\n\n{_notebook(path)}"
    text = path.read_text(encoding="utf-8")
    about = ast.get_docstring(ast.parse(text))
    code = text.split('"""', 2)[2].strip()
    return f"# {title}\n\n{about}\n\n```python\n{code}\n```\n"


def _notebook(path: Path) -> str:
    import json

    cells = []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        cells.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                image = "".join(data["image/png"]).replace("\n", "")
                cells.append(f'<img alt="plot" src="data:image/png;base64,{image}">')
            elif text := "".join(data.get("text/plain", output.get("text", ""))):
                cells.append(f"```text\n{text.rstrip()}\n```")
    return "\n\n".join(cells) + "\n"


def _packages(root: Path) -> list[str]:
    """The packages of tfrec that define `__all__`."""
    found = sorted((root / "tfrec").rglob("__init__.py"))
    names = [
        path.parent.relative_to(root / "tfrec").as_posix() for path in found if "__all__" in path.read_text("utf-8")
    ]
    return [name for name in names if name != "."]


def _api(package: str) -> str:
    name = f"tfrec.{package.replace('/', '.')}"
    return f"# {name}\n\n::: {name}\n"


def _api_index(root: Path) -> str:
    rows = []
    for package in _packages(root):
        about = ast.get_docstring(ast.parse((root / "tfrec" / package / "__init__.py").read_text(encoding="utf-8")))
        name = f"tfrec.{package.replace('/', '.')}"
        rows.append(f"| [`{name}`]({package}/__init__.py) | {' '.join(about.split(chr(10) * 2)[0].split())} |")
    table = "\n".join(rows)
    intro = "The [commands](cli/__init__.py) of the shell, and the packages of Python:"
    return f"# API\n\n{intro}\n\n| package | |\n|---|---|\n{table}\n"


def _commands() -> str:
    """The help of every command."""
    from tfrec import cli

    texts = []
    for name in cli._COMMANDS:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            cli.main([name, "--help"])
        texts.append(f"## tfrec {name}\n\n```text\n{out.getvalue().rstrip()}\n```")
    return "# Commands\n\n" + "\n\n".join(texts) + "\n"

"""The files for operators, which are not a package, and the ids of their tests."""

import importlib.util
import sys
from pathlib import Path

KIT = Path(__file__).parents[2] / "export"
# Ids of the README, and some that are harder to send.
IDS = ["1", "1196", "260", "1210", "50", "318", "593", "2858", "Größe, 日本", "🎬", 'quo"te\\']


def from_kit(name, **modules):
    """A file of export/ as a module, loaded by its path; `modules` are those that it imports from there."""
    spec = importlib.util.spec_from_file_location(f"export_{name}", KIT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.modules.update(modules)
    try:
        spec.loader.exec_module(module)
    finally:
        for other in modules:
            del sys.modules[other]
    return module

"""The direction of imports between packages, read from the source files."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tfrec").rglob("*.py"))

LEAVES = {
    "array_files",
    "atomic",
    "baseline_names",
    "environment",
    "errors",
    "file_hashes",
    "index_kinds",
    "pictures",
    "reserved_ids",
    "terminal",
}
GROUND = LEAVES | {"ops", "layers", "losses", "metrics", "models", "data"}
MAY_IMPORT = {
    **{leaf: set() for leaf in LEAVES},
    "atomic": {"errors"},
    "file_hashes": {"errors"},
    "index_kinds": {"errors"},
    "pictures": {"errors", "terminal"},
    "ops": {"reserved_ids"},
    "layers": {"ops", "losses"},
    "losses": {"ops"},
    "metrics": {"ops"},
    "models": {"errors", "ops", "layers", "losses"},
    "data": LEAVES,
    "inference": GROUND,
    "presets": GROUND | {"inference"},
    "training": GROUND | {"presets", "inference"},
    "evaluation": GROUND | {"presets", "inference"},
    "serving": GROUND | {"presets", "inference"},
    "measure": GROUND | {"presets", "inference", "training", "evaluation", "serving"},
    "runner": GROUND | {"presets", "training", "evaluation", "measure"},
    "cli": GROUND | {"presets", "inference", "training", "evaluation", "measure", "runner", "serving"},
    "__init__": {"registration"},
    # Imports them when Keras is imported, so that `keras.models.load_model` finds their classes.
    "registration": {"layers", "losses", "models"},
    "__main__": {"cli"},
}
# Packages inside `data`, lowest first: each imports from itself and from those before it, in annotations too.
DATA_LAYERS = ("tables", "splits", "fixed_split", "features", "spec", "batches")
# Exceptions: files that import a higher package, with the reason. They import it inside a function.
IMPORTS_HIGHER = {
    # Keras users expect `from_preset` and `save_to_preset` on the model, but presets are built from models.
    "tfrec/models/recommender.py": {"presets"},
}
# The function that prints; and the progress bar of a download, which shows only file names of our own.
PRINTS = {"tfrec/terminal.py", "tfrec/data/datasets/movielens.py"}
KERAS_ONLY = {"ops", "layers", "losses", "metrics", "models"}
KERAS = {"keras", "keras_rs", "numpy"}
NUMERIC = {"metrics": {"scipy"}}  # computed on NumPy arrays after a model has scored, on any backend
CODE_IN_DATA = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def package_of(path: Path) -> str:
    return path.relative_to(ROOT / "tfrec").parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> set[str]:
    """Full dotted names of everything that a file imports, at any place in the file."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"line {node.lineno}: imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
    return names


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=named)
def test_packages_import_only_lower_packages(path):
    package = package_of(path)
    assert package in MAY_IMPORT, f"{package} is a new package: add it to MAY_IMPORT"
    packages = {
        name.split(".")[1] for name in imports_of(ast.parse(path.read_text("utf-8"))) if name.startswith("tfrec.")
    }
    above = (
        (packages & set(MAY_IMPORT))
        - MAY_IMPORT[package]
        - {package, "__init__"}
        - IMPORTS_HIGHER.get(named(path), set())
    )
    assert not above, f"{package} may import {sorted(MAY_IMPORT[package])} of tfrec, not {sorted(above)}"


@pytest.mark.parametrize("path", [path for path in FILES if package_of(path) == "data"], ids=named)
def test_packages_inside_data_import_only_lower_packages(path):
    inner = path.relative_to(ROOT / "tfrec" / "data").parts[0].removesuffix(".py")
    if inner not in DATA_LAYERS:  # readers and datasets have no place in this order
        return
    names = [name for name in imports_of(ast.parse(path.read_text("utf-8"))) if name.startswith("tfrec.data.")]
    above = {name for name in names if name.split(".")[2] not in DATA_LAYERS[: DATA_LAYERS.index(inner) + 1]}
    assert not above, f"data.{inner} may not import {sorted(above)}"


@pytest.mark.parametrize("name", IMPORTS_HIGHER)
def test_imports_of_higher_packages_happen_only_in_calls(name):
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    for statement in tree.body:  # what runs at import; functions and methods are left out
        inner = statement.body if isinstance(statement, ast.ClassDef) else [statement]
        for part in inner:
            if not isinstance(part, ast.FunctionDef):
                assert not {f"tfrec.{package}" for package in IMPORTS_HIGHER[name]} & imports_of(part)
    assert {f"tfrec.{package}" for package in IMPORTS_HIGHER[name]} <= imports_of(tree), (
        "the exception is no longer needed: remove it"
    )


@pytest.mark.parametrize("path", [path for path in FILES if package_of(path) in KERAS_ONLY], ids=named)
def test_the_lowest_packages_import_only_keras(path):
    tops = {name.split(".")[0] for name in imports_of(ast.parse(path.read_text("utf-8")))}
    assert not tops - KERAS - NUMERIC.get(package_of(path), set()) - {"tfrec"} - set(sys.stdlib_module_names)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_second_keras_and_no_code_in_data(path):
    tree = ast.parse(path.read_text("utf-8"))
    imported = imports_of(tree)
    assert not {name.split(".")[0] for name in imported} & (CODE_IN_DATA | {"tf_keras"})
    assert not any(name.startswith("tensorflow.keras") for name in imported)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "keras":
            assert ast.unparse(node) not in ("tf.keras", "tensorflow.keras"), f"line {node.lineno}: write keras"
        if isinstance(node, ast.keyword):
            argument = f"{node.arg}={ast.unparse(node.value)}"
            assert argument not in ("allow_pickle=True", "safe_mode=False"), f"line {node.value.lineno}: {argument}"
        if isinstance(node, ast.Attribute) and node.attr in ("enable_unsafe_deserialization", "read_pickle"):
            raise AssertionError(f"line {node.lineno}: {node.attr}")


def test_all_that_is_printed_goes_through_one_function():
    """`tfrec.terminal.say` removes control characters."""
    for path in FILES:
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        printing = [node.lineno for node in calls if ast.unparse(node.func) in ("print", "sys.stdout.write")]
        assert not printing or named(path) in PRINTS, f"{named(path)}, line {printing[0]}: use tfrec.terminal.say"


@pytest.mark.slow
def test_importing_tfrec_is_cheap_and_changes_no_global_state():
    script = (
        "import os, sys; before = dict(os.environ); import tfrec\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'jax'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "assert dict(os.environ) == before"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_zoo_is_data_and_neither_folder_is_a_package():
    assert not list((ROOT / "models").rglob("*.py"))
    assert not list((ROOT / "export").rglob("__init__.py"))


def test_no_two_modules_have_one_name():
    """A file name has one meaning. Modules of `cli` are named after their commands."""
    names = [path.name for path in FILES if path.name != "__init__.py"]
    assert not {name for name in names if names.count(name) > 1}

"""The wheel carries the zoo, and its only import name is tfrec."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    # A copy, so that building leaves nothing in the checkout.
    copy = tmp_path_factory.mktemp("source") / "tfrec"
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True
    )
    if files.returncode:
        pytest.skip("not a git checkout: which files belong to the source is unknown")
    for name in files.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, copy]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_only_import_name_is_tfrec(wheel):
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"tfrec"}


def test_every_module_and_every_preset_is_in_it_as_it_is_here(wheel):
    """tests/zoo loads each preset from here."""
    with zipfile.ZipFile(wheel) as inside:
        for path in (ROOT / "tfrec").rglob("*.py"):
            assert inside.read(path.relative_to(ROOT).as_posix()) == path.read_bytes(), path
        for preset in (ROOT / "models").rglob("preset.json"):
            for path in filter(Path.is_file, preset.parent.rglob("*")):
                name = f"tfrec/zoo/{path.relative_to(ROOT / 'models').as_posix()}"
                assert inside.read(name) == path.read_bytes(), path


def test_the_zoo_is_in_it_and_answers(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "def audit(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): raise AssertionError(f'network: {event}')\n"
        "sys.addaudithook(audit)\n"
        "import tfrec.models\n"
        "assert tfrec.__file__.startswith(sys.argv[1]), tfrec.__file__\n"
        "assert type(tfrec.models.SASRec.from_preset('sasrec_ml1m')) is tfrec.models.SASRec\n"
        "print(*sorted(tfrec.presets.zoo()))\n"
        "tfrec.serving.export_two_stage('sasrec_ml100k', 'dcnv2_ml100k', sys.argv[2], verify='runtime')\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script, str(tmp_path / "site"), str(tmp_path / "served")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    names = sorted(path.parent.name for path in (ROOT / "models").rglob("preset.json"))
    assert done.stdout.split() == names
    assert (tmp_path / "served" / "1" / "saved_model.pb").is_file()  # two stages, from a wheel and without a network

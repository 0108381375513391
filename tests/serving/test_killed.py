"""A killed export leaves no version."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tfrec import atomic
from tfrec.serving.files.versions import clear_left, keep_newest, versions


@pytest.mark.skipif(not hasattr(os, "fork"), reason="exports are killed in forked processes")
def test_killed_at_any_moment_it_leaves_the_served_folder_as_it_was(preset, tmp_path):
    script = Path(__file__).with_name("killed_exports.py")
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, str(script), str(preset.folder), str(tmp_path / "films")],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert int(re.search(r"killed (\d+) of 6", done.stdout)[1]) >= 4


def test_old_versions_are_deleted_and_other_files_stay(tmp_path):
    for name in ("1", "2", "0010", "notes", ".3.tmp-1-abc"):
        (tmp_path / name).mkdir()
    assert keep_newest(tmp_path, 2) == [1]
    assert versions(tmp_path) == [2, 10] and (tmp_path / "notes").is_dir()
    assert keep_newest(tmp_path, 5) == []


@pytest.mark.slow
def test_files_of_dead_processes_are_removed_and_those_of_running_ones_are_not(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    of_dead, of_this = (f".7.tmp-{atomic.HOST}-{process}-0123abcd" for process in (dead.pid, os.getpid()))
    elsewhere = f".7.tmp-{'0' * 8}-{dead.pid}-0123abcd"  # on another host of the same volume, where it may live
    for name in (of_dead, of_this, elsewhere):
        (tmp_path / name).mkdir()
    clear_left(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {of_this, elsewhere}

"""Run by test_killed.py, `python killed_exports.py PRESET FOLDER`: kills exports on their way, lets one through.

Each export runs in its own process, forked before TensorFlow has started a thread.
"""

import os
import signal
import sys
import time
from pathlib import Path

import keras  # noqa: F401
import tensorflow  # noqa: F401

import tfrec.models  # noqa: F401
from tfrec import presets, serving

MOMENTS = 6


def started(preset, folder):
    """An export in a process."""
    child = os.fork()
    if child:
        return child
    try:
        serving.export(presets.load(preset), folder, k=4, verify="runtime")
        os._exit(0)
    except BaseException as error:
        print(f"export failed: {error!r}", flush=True)
        os._exit(1)


def visible(folder):
    """The files that a server would see: those in folders whose names are numbers."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for version in folder.iterdir()
        if version.name.isdigit()
        for path in version.rglob("*")
        if path.is_file()
    }


def main(preset, folder):
    """Kill at several moments; the folder must be as before each time."""
    folder, killed = Path(folder), 0
    began = time.monotonic()
    assert os.waitstatus_to_exitcode(os.waitpid(started(preset, folder), 0)[1]) == 0
    took, before = time.monotonic() - began, visible(folder)
    for moment in range(MOMENTS):
        child = started(preset, folder)
        time.sleep(took * (moment + 0.5) / MOMENTS)
        os.kill(child, signal.SIGKILL)
        stopped = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        if stopped:
            killed += 1
            assert visible(folder) == before, f"killed after {moment + 0.5} of {MOMENTS} parts"
        else:  # the export finished before it was killed, so there is one more version
            before = visible(folder)
    assert os.waitstatus_to_exitcode(os.waitpid(started(preset, folder), 0)[1]) == 0
    left = [path.name for path in folder.iterdir() if not path.name.isdigit()]
    assert not left, f"the next export left what killed ones had begun: {left}"
    print(f"killed {killed} of {MOMENTS}")


if __name__ == "__main__":
    main(*sys.argv[1:])

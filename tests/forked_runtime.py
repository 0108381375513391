"""Run exports in processes that are forked from one that has already loaded TensorFlow.

`tfrec.serving.runtime` runs every export in a fresh process, where loading TensorFlow takes longer than the calls. A
forked process is as fresh: its parent has loaded TensorFlow, and has neither sent a request nor imported keras or
tfrec. Run as a script, this file is that parent: `python -I forked_runtime.py FOLDER KIND`, with the folder of the
tensorflow package. It reads a JSON object a line: "arguments" of a script, the "folder" to run it in, "out" and "err"
for what that prints. It answers with two lines, the process and the code with which it ended.
"""

import atexit
import contextlib
import functools
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import types
from pathlib import Path

START = str(Path.cwd())
# glibc returns no memory to the system: a graph becomes ready by building and dropping thousands of small messages.
KEEP_MEMORY = {"MALLOC_TOP_PAD_": str(2**26), "MALLOC_TRIM_THRESHOLD_": str(2**30)}


def run(command, *, timeout=None, **_):
    """As `subprocess.run` for a command of `tfrec.serving.runtime`, with its output as text."""
    _, isolated, *arguments = command
    assert isolated == "-I"
    parent = parent_of("tensorflow" if Path(arguments[0]).name == "replay_tensorflow.py" else "c")
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        asked = {"arguments": arguments, "folder": str(Path.cwd()), "out": str(out), "err": str(err)}
        parent.stdin.write(json.dumps(asked) + "\n")
        parent.stdin.flush()
        process = int(parent.stdout.readline())
        is_late = not select.select([parent.stdout], [], [], timeout)[0]
        if is_late:
            os.kill(process, signal.SIGKILL)
        code = int(parent.stdout.readline())
        if is_late:
            raise subprocess.TimeoutExpired(command, timeout)
        printed = (path.read_text(errors="replace") for path in (out, err))
        return subprocess.CompletedProcess(command, code, *printed)


@functools.cache
def parent_of(kind):
    """The process that is forked, started when it is first needed."""
    folder = str(Path(importlib.util.find_spec("tensorflow").origin).parent)
    command = [sys.executable, "-I", __file__, folder, kind]
    kept = {"text": True, "cwd": START, "env": os.environ | KEEP_MEMORY}
    parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **kept)
    atexit.register(parent.stdin.close)
    return parent


# What `tfrec.serving.runtime.replay` is given for its module subprocess.
MODULE = types.SimpleNamespace(**{**vars(subprocess), "run": run})


def load(folder, kind):
    """What the scripts load before all else; `replay_tensorflow.py` and `c_session.py` say why not more."""
    import numpy.random  # noqa: F401 (crashes where it is loaded behind the libraries of TensorFlow)

    if kind == "tensorflow":
        sys.modules.update(dict.fromkeys(("keras", "tf_keras", "tfrec", "jax")))
        import tensorflow  # noqa: F401
    else:
        import ctypes

        ctypes.CDLL(str(Path(folder) / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(Path(folder) / "libtensorflow_cc.so.2"))


def become(arguments, folder, out, err):
    """Run a script in this process, as Python would, and end it."""
    import runpy
    import traceback

    for place, path in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(path, os.O_RDONLY if place == 0 else os.O_WRONLY | os.O_CREAT), place)
    sys.argv, code = arguments, 0
    os.chdir(folder)
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def serve(folder, kind):
    """Fork for each line."""
    load(folder, kind)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become(**json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])

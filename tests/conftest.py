"""Fixtures that several packages of tests share, the order of files, and the report on the slowest ones."""

import collections
import contextlib
import gc
import importlib
import os
import subprocess
import sys
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where there is a single worker
    fcntl = None

import forked_runtime
import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two workers share two cores: threads that wait for each other in one of them take time from the other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# oneDNN searches each new graph for operations to replace: a quarter of the time in which a small one becomes ready.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

CYCLE = 30
SLOWEST = 15  # files to report
FORKS = sys.platform == "linux"

# The longest files: if they started last, one worker would be busy while the other is idle.
FIRST = (
    *("test_other_backend", "test_two_replicas", "test_killed", "test_int8", "test_commands", "test_checkpoints"),
    *("test_meaning", "test_ranking_meaning", "test_two_stage", "test_check", "test_export", "test_sasrec"),
)


def pytest_collection_modifyitems(items):
    """The longest files first. Tests that use a shared export or training are slow, even if another one creates it."""
    items.sort(key=lambda item: item.path.stem not in FIRST)
    for item in items:
        if "once" in item.fixturenames or item.path.parent.name == "export":
            item.add_marker("slow")


def pytest_collection_finish():
    set_aside()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    with what_it_may_start(item):
        done = yield
    if nextitem is None or nextitem.path != item.path:
        set_aside()
    return done


def set_aside():
    """Let the garbage collector ignore objects that live until the end: modules, and shared objects of test files.

    Keras collects garbage whenever a layer loses a variable, about ten times when a model becomes int8. In a worker
    that has run a thousand tests each took more than a second.
    """
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def what_it_may_start(item):
    """A test that is not marked `slow` may start no Python and write no SavedModel: `make test-fast` runs it.

    Exports run in forked processes. In tests marked `new_processes` they run in new processes and with oneDNN, as they
    do for users.
    """
    if item.get_closest_marker("slow"):
        with pytest.MonkeyPatch.context() as patch:
            if item.get_closest_marker("new_processes"):
                patch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
            elif FORKS and "tensorflow" in sys.modules:
                replay = importlib.import_module("tfrec.serving.runtime.replay")
                patch.setattr(replay, "subprocess", forked_runtime.MODULE)
            yield
        return
    start = subprocess.Popen.__init__

    def without_python(self, arguments, *rest, **options):
        if not isinstance(arguments, str | bytes) and str(next(iter(arguments), "")) == sys.executable:
            pytest.fail("starts a Python process: mark this test `slow`")
        start(self, arguments, *rest, **options)

    def no_export(*arguments, **options):
        pytest.fail("writes a SavedModel: mark this test `slow`")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", without_python)
        if "tensorflow" in sys.modules:
            patch.setattr("tensorflow.saved_model.save", no_export)
        yield


def pytest_terminal_summary(terminalreporter):
    """The slowest files, with the seconds and the slowest test of each."""
    of_file = collections.defaultdict(collections.Counter)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "duration", 0):
                file, _, test = report.nodeid.partition("::")
                of_file[file][test] += report.duration
    slowest = sorted(of_file.items(), key=lambda one: -one[1].total())[:SLOWEST]
    if len(of_file) > 1:
        terminalreporter.section("slowest files: seconds, tests, slowest test")
    for file, tests in slowest if len(of_file) > 1 else []:
        [(test, seconds)] = tests.most_common(1)
        terminalreporter.line(f"{tests.total():6.1f} {len(tests):4}  {file}  ({test}: {seconds:.1f})")


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)`: the result of `make(folder)` for an empty folder, created once for all workers."""

    def of(name, make):
        own = tmp_path_factory.getbasetemp()
        root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
        folder, manifest = root / name, root / f"{name}.path"
        with (root / f"{name}.lock").open("w") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not manifest.exists():
                folder.mkdir()
                manifest.write_text(str(make(folder)), encoding="utf-8")
        return Path(manifest.read_text(encoding="utf-8"))

    return of


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real datasets, if this machine has it."""
    folder = Path(os.environ.get("TFREC_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set TFREC_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def cyclic_walks():
    """A planted pattern: 120 users walk the cycle of items 0 .. 29 from random starts, 5 to 16 steps each."""
    import pandas as pd

    from tfrec.data import Interactions

    rng = np.random.default_rng(0)
    rows = [
        (user, (start + step) % CYCLE, step)
        for user, (start, length) in enumerate(zip(rng.integers(0, CYCLE, 120), rng.integers(5, 17, 120), strict=True))
        for step in range(length)
    ]
    frame = pd.DataFrame(rows, columns=["user", "item", "time"])
    return Interactions.from_pandas(frame, user="user", item="item", time="time")


@pytest.fixture(scope="session")
def value_and_gradients():
    """`f(function, *arrays)` -> the value and the gradients for each array, as NumPy, on the current backend."""
    import keras

    def of_tensorflow(function, *arrays):
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        gradients = tape.gradient(value, tensors)
        return value.numpy(), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]

    def of_jax(function, *arrays):
        import jax

        value, gradients = jax.value_and_grad(function, argnums=tuple(range(len(arrays))))(*arrays)
        return np.asarray(value), [np.asarray(gradient) for gradient in gradients]

    return of_jax if keras.backend.backend() == "jax" else of_tensorflow

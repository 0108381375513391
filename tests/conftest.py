"""What several rooms of tests share."""

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where the workers are one
    fcntl = None

import numpy as np
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Two workers share two cores: threads that wait for each other in one of them take time from the other.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

CYCLE = 30

# The longest files: begun last, they would keep one worker busy while the other has nothing left.
FIRST = (
    *("test_other_backend", "test_two_replicas", "test_killed", "test_int8", "test_commands", "test_checkpoints"),
    *("test_meaning", "test_ranking_meaning", "test_two_stage", "test_check", "test_export", "test_sasrec"),
)


def pytest_collection_modifyitems(items):
    """The longest files first."""
    items.sort(key=lambda item: item.path.stem not in FIRST)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """`once(name, make)`: what `make(folder)` returns of an empty folder, made by one of the workers for all."""

    def of(name, make):
        own = tmp_path_factory.getbasetemp()
        root = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
        folder, said = root / name, root / f"{name}.path"
        with (root / f"{name}.lock").open("w") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not said.exists():
                folder.mkdir()
                said.write_text(str(make(folder)), encoding="utf-8")
        return Path(said.read_text(encoding="utf-8"))

    return of


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, where this machine has it."""
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
    """`f(function, *arrays)` -> the value and the gradients for each array, as NumPy, on whatever backend runs."""
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

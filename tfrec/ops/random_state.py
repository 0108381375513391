"""Keep imports from consuming random numbers, so that numbers drawn after seeding depend only on the seed."""

import contextlib
import random
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global generators of Python and NumPy on exit; wraps imports of packages that draw from them.

    keras-rs creates initializers at import, and an initializer without a seed draws one.

    Example:
        >>> import random
        >>> before = random.getstate()
        >>> with random_state_kept():
        ...     number = random.random()
        >>> random.getstate() == before
        True
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)

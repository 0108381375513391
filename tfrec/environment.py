"""Versions and machine, which are stored with every measurement."""

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path

_PACKAGES = ("tensorflow", "keras", "keras-rs", "numpy", "pandas")


def versions() -> dict[str, str]:
    """Versions of tfrec, Python and the packages that affect results."""
    import tfrec

    found = {"tfrec": tfrec.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The machine in one line: processor, cores, system."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def memory() -> int | None:
    """Bytes of memory available to this process: of the machine, or of its container if that is less."""
    sizes = []
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sizes.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):  # "max" means no limit
            sizes.append(int(Path(limit).read_text()))
    return min(sizes, default=None)

"""Where a number was measured: versions and machine."""

import importlib.metadata
import importlib.util
import os
import platform
from pathlib import Path

_PACKAGES = ("tensorflow", "keras", "keras-rs", "numpy", "pandas")


def versions() -> dict[str, str]:
    """Versions of tfrec, Python and the packages that decide about results."""
    import tfrec

    found = {"tfrec": tfrec.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """One line on the machine: processor, cores, system."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def has(package: str) -> bool:
    """Whether an optional package is installed."""
    return importlib.util.find_spec(package) is not None

"""Add files to a saved preset, such as plots of its results."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tfrec import atomic
from tfrec.presets import manifest


def add_files(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Add files to a preset and to its manifest. The preset is replaced in one step and never half-written.

    Args:
        folder: the preset's folder.
        files: path in the preset -> content.

    Raises:
        InputError: if a path points outside the preset.
    """
    folder = Path(folder)
    if not files:
        return
    with atomic.new_folder(folder) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        for name, content in files.items():
            manifest.inside(new, name).write_bytes(content)
        manifest.write(new)

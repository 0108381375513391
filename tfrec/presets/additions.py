"""Files that a saved preset gets later, such as pictures of its results."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from tfrec import atomic
from tfrec.presets import manifest


def add_files(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Put files into a preset and list them in its manifest; the preset is exchanged as a whole, never half-written.

    Args:
        folder: of the preset.
        files: content by path in the preset.

    Raises:
        InputError: where a path leads out of the preset.
    """
    folder = Path(folder)
    if not files:
        return
    with atomic.new_folder(folder) as new:
        shutil.copytree(folder, new, dirs_exist_ok=True)
        for name, content in files.items():
            manifest.inside(new, name).write_bytes(content)
        manifest.write(new)

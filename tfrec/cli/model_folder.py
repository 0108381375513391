"""Where `tfrec export` puts the versions of a model."""

import os
from pathlib import Path


def model_folder(folder: str, preset: str) -> Path:
    """The folder itself or, where it ends with a slash and has no versions, a folder in it of the preset's name.

    So `served/` is where all models lie, as `cp` has it, and `served/films` is one of them.

    Example:
        >>> model_folder("served/films", "sasrec_ml1m").as_posix(), model_folder("served/", "sasrec_ml1m").as_posix()
        ('served/films', 'served/sasrec_ml1m')
    """
    from tfrec.serving.files.versions import versions

    path = Path(folder)
    if not folder.endswith(("/", os.sep)) or versions(path):
        return path
    return path / Path(preset).resolve().name

"""The folder where `tfrec export` writes the versions of a model."""

import os
from pathlib import Path


def model_folder(folder: str, preset: str) -> Path:
    """The folder itself; if it ends with a slash and has no versions, the subfolder with the preset's name.

    As with `cp`: `served/` is the folder of all models, and `served/films` is one model.

    Example:
        >>> model_folder("served/films", "sasrec_ml1m").as_posix(), model_folder("served/", "sasrec_ml1m").as_posix()
        ('served/films', 'served/sasrec_ml1m')
    """
    from tfrec.serving.files.versions import versions

    path = Path(folder)
    if not folder.endswith(("/", os.sep)) or versions(path):
        return path
    return path / Path(preset).resolve().name

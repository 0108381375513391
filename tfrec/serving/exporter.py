"""A preset becomes a numbered version folder."""

from __future__ import annotations

import re
from pathlib import Path

import tensorflow as tf

from tfrec import atomic, presets
from tfrec.errors import InputError
from tfrec.serving import parity
from tfrec.serving.signatures import RecommendModule


def export(preset: str | Path | presets.Preset, folder: str | Path, k: int = 20) -> Path:
    """Write `folder/<version>/`, a SavedModel that stock TensorFlow Serving loads.

    Its `serving_default` takes `history` (B, L) strings, raw ids oldest first with "" as padding on either side, and
    returns `item_ids` (B, K) strings and `scores` (B, K) float32, best first. L is free: the newest items that the
    model reads decide, and all that are given are masked. Ids that the vocabulary does not know are ignored; a history
    without a known id is answered by popularity. Where fewer than K items are left, "" with score -inf stands.

    Where the model reads time stamps, `serving_default` also takes `timestamps` (B, L) int64, seconds since 1970, one
    for each place of `history`; those beside padding and unknown ids are ignored.

    The version is one more than the highest there. It becomes visible, whole, only after a fresh process that imports
    neither tfrec nor keras has got the model's own answers from it.

    Args:
        preset: a name of the zoo, a folder, or a loaded preset.
        folder: the model's folder on the server.
        k: K, at most the number of items.

    Returns:
        the version's folder.

    Raises:
        InputError: where the preset or `k` cannot be used.
        parity.ParityError: where the export does not answer as the model does; nothing is left behind then.
    """
    folder = Path(folder)
    if k < 1:
        raise InputError(f"k is the length of the answers, at least 1, got {k}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name the folder that the versions go to.")
    atomic.check_writable(folder)
    if not isinstance(preset, presets.Preset):
        preset = presets.load(preset)
    k = min(k, preset.spec.num_items)
    version = folder / str(max(versions(folder), default=0) + 1)
    try:
        with atomic.new_folder(version, replace=False) as new:
            module = RecommendModule(preset.model, preset.spec, preset.folder / "vocabularies" / "item.txt", k)
            tf.saved_model.save(module, str(new), signatures={"serving_default": module.recommend})
            parity.check(new, preset.model, preset.spec, k)
    except FileExistsError:
        raise InputError(f"Another export has written {version} meanwhile. Run this one again.") from None
    return version


def versions(folder: Path) -> list[int]:
    """The version numbers that are taken in a folder, in order."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if re.fullmatch(r"[0-9]+", path.name))

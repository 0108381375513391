"""A preset becomes a numbered version folder."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tfrec import atomic, presets
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError
from tfrec.index_kinds import index_kind
from tfrec.inference import recommendations
from tfrec.models import RetrievalModel
from tfrec.reserved_ids import RESERVED_IDS
from tfrec.serving.file_system import file_system_fault
from tfrec.serving.files import export_manifest, recorded_answers, warmup
from tfrec.serving.files.versions import clear_left, keep_newest, versions
from tfrec.serving.graph import RetrievalModule
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.indexes import build, item_table
from tfrec.serving.indexes.index_measurements import measured_recall
from tfrec.serving.runtime import Call
from tfrec.serving.verify import index_operations, operations, parity, rejected, samples
from tfrec.serving.verify.approximation import Approximation

VERIFY = {"tensorflow": ("tensorflow",), "runtime": ("c",), "both": ("tensorflow", "c")}


def export(
    preset: str | Path | presets.Preset,
    folder: str | Path,
    k: int = 20,
    mask_seen: bool = True,
    verify: str = "tensorflow",
    keep: int | None = None,
    index: str = "exact",
    recall: float = 0.95,
    withdrawn: Sequence[str] = (),
    report: Mapping[str, Any] | None = None,
    keep_rejected: str | Path | None = None,
) -> Path:
    """Write `folder/<version>/`, a SavedModel that stock TensorFlow Serving loads.

    Its signatures, each with a leading batch dimension, are `serving_default` (also named `recommend`),
    `recommend_filtered`, `score`, `embed_users`, `embed_items` and `similar_items`; export/README.md has their
    inputs and outputs. In short, `serving_default` takes `history` (B, L) strings, raw ids oldest first with "" as
    padding on either side, and returns `item_ids` (B, K) strings and `scores` (B, K) float32, best first. L is free:
    the newest items that the model reads decide, and all that are given are masked. Ids that the vocabulary does not
    know are ignored; a history without a known id is answered by popularity. Where fewer than K items are left, "" with
    score -inf stands.

    Where the model reads time stamps, they are a second input, `timestamps` (B, L) int64, seconds since 1970, one for
    each place of `history`; those beside padding and unknown ids are ignored.

    The version is one more than the highest there. It becomes visible, whole, only after its operations have been held
    against a list, its warm-up requests have been answered, and a fresh process that imports neither tfrec nor keras
    has got the model's own answers from it.

    Args:
        preset: a name of the zoo, a folder, or a loaded preset.
        folder: the model's folder on the server.
        k: K, at most the number of items.
        mask_seen: leave out what stands in a history.
        verify: what asks the export before it becomes visible: "tensorflow", its Python in a fresh process; "runtime",
            the C API that the server itself calls; or "both".
        index: how the best items are found: "exact"; "ivf", approximately, in blocks of neighbours; "int8", candidates
            from vectors of 8 bits, ranked by those of 32; "scann", the layer of TensorFlow Recommenders, with a
            warning: only a server that is built with ScaNN can load it.
        recall: the share of the exact answer that "ivf" and "scann" must find, measured on histories drawn at random.
        report: further entries for the export's manifest, for instance what int8 weights cost.
        withdrawn: raw ids that are read in histories and never returned: what the catalogue no longer has.
        keep: how many versions to keep, this one among them; None keeps all.
        keep_rejected: a folder, outside of `folder`, to which an export that the model's answers reject is copied, with
            the request that showed it; None drops it.

    Returns:
        the version's folder.

    Raises:
        InputError: where the preset or an argument cannot be used, or the export cannot be written: the disk is full,
            for instance. Nothing is left behind then.
        parity.ParityError: where the export does not answer as the model does; nothing is left behind then, but for
            `keep_rejected`.
    """
    folder = check_arguments(folder, k, verify, keep, keep_rejected)
    if not isinstance(preset, presets.Preset):
        preset = presets.load(preset, RetrievalModel)
    check_usable(preset)
    gone = known_items(preset, withdrawn)
    asked = Options(min(k, preset.spec.num_items), mask_seen, verify, index, recall, gone, report or {})
    return publish(folder, keep, lambda new: _write(preset, new, asked), keep_rejected)


def check_arguments(
    folder: str | Path, k: int, verify: str, keep: int | None, keep_rejected: str | Path | None = None
) -> Path:
    """The folder that versions go to; raises `InputError` where it or an argument of an export cannot be used."""
    folder = Path(folder)
    if k < 1:
        raise InputError(f"k is the length of the answers, at least 1, got {k}.")
    if verify not in VERIFY:
        raise InputError(f"verify is one of {', '.join(VERIFY)}, got {verify!r}.")
    if keep is not None and keep < 1:
        raise InputError(f"keep is a number of versions, at least 1, got {keep}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name the folder that the versions go to.")
    atomic.check_writable(folder)
    rejected.check_place(keep_rejected, folder)
    return folder


def check_usable(preset: presets.Preset) -> None:
    """Raise `InputError` where model and spec do not fit, or a weight is not finite: a loaded preset may be changed."""
    preset.spec.check_fits(preset.model)
    presets.check_finite(preset.model)


def known_items(preset: presets.Preset, withdrawn: Sequence[str]) -> list[str]:
    """The texts of raw ids; raises `InputError` where the catalogue lacks one."""
    gone = [id_text(item) for item in withdrawn]
    if unknown := [item for item in gone if item not in preset.spec.items]:
        raise InputError(f"{len(unknown)} items to withdraw are not in the catalogue, '{unknown[0]}' for one.")
    return gone


def publish(
    folder: Path, keep: int | None, write: Callable[[Path], None], keep_rejected: str | Path | None = None
) -> Path:
    """Let `write` fill a new version, which becomes visible when it returns, and drop old ones.

    Raises:
        InputError: where the file system fails, with nothing left behind, or old versions cannot be removed.
        parity.ParityError: from `write`; see `export` for `keep_rejected`.
    """
    clear_left(folder)
    is_new = not folder.exists()
    version = folder / str(max(versions(folder), default=0) + 1)
    try:
        with atomic.new_folder(version, replace=False) as new:
            try:
                write(new)
            except parity.ParityError as error:
                if keep_rejected is not None and not file_system_fault(error):
                    error.kept = rejected.keep(new, keep_rejected, folder.resolve().name, error)
                raise
    except FileExistsError:
        raise InputError(f"Another export has written {version} meanwhile. Run this one again.") from None
    except (OSError, tf.errors.OpError, parity.ParityError) as error:
        _drop_empty(folder, is_new)
        if reason := file_system_fault(error):
            raise InputError(
                f"{version} cannot be written: {reason}. No version was written; free space or name another folder, "
                f"and mind the folder for temporary files, {tempfile.gettempdir()}."
            ) from error
        raise
    except BaseException:
        _drop_empty(folder, is_new)
        raise
    if keep is not None:
        try:
            keep_newest(folder, keep)
        except OSError as error:
            raise InputError(
                f"{version} is written, but older versions cannot be removed: {error.strerror or error}."
            ) from error
    return version


def _drop_empty(folder: Path, is_new: bool) -> None:
    """Remove a folder that was made for a version which failed."""
    with contextlib.suppress(OSError):  # not empty: another export has written into it meanwhile
        if is_new:
            folder.rmdir()


class Options(NamedTuple):
    """What was asked of an export; see `export`."""

    k: int
    mask_seen: bool
    verify: str
    index: str
    recall: float
    withdrawn: list[str]
    report: Mapping[str, Any]


def _write(preset: presets.Preset, new: Path, asked: Options) -> None:
    """Write the SavedModel, then verify it."""
    model, spec, gone, kind = preset.model, preset.spec, asked.withdrawn, index_kind(asked.index)
    with tempfile.TemporaryDirectory() as folder:
        module, found_by = retrieval_module(preset, Path(folder), asked)
        options = tf.saved_model.SaveOptions(namespace_whitelist=[kind.namespace] if kind.namespace else [])
        tf.saved_model.save(module, str(new), signatures=module.signatures(), options=options)

    operations.check(new, kind.operations)
    for foreign in index_operations.foreign_indexes(new):
        warnings.warn(foreign.warning, stacklevel=3)
    calls = samples.calls(spec, "timestamps" in model.input_names)
    expected = parity.expected_answers(model, spec, calls, asked.k, asked.mask_seen, gone)
    warmup.write(new, warmup.choose(calls), export_manifest.input_types(new))
    rescored = functools.partial(parity.rescored, model, spec)
    passed = gate(new, calls, expected, asked, rescored)
    said = {"k": asked.k, "mask_seen": asked.mask_seen, "index": found_by, "withdrawn": len(gone), "parity": passed}
    said["withdrawn_items"] = list(gone)
    export_manifest.write(new, preset, {**asked.report, **said})


def gate(
    new: Path,
    calls: Sequence[Call],
    expected: Sequence[parity.Answer],
    asked: Options,
    rescored: Callable[[Call, parity.Answer], parity.Answer],
    tolerance: float = parity.TOLERANCE,
) -> dict[str, Any]:
    """Ask an export everything in each runtime that was named, keep its answers with it, and say how near they came."""
    approximation, kind = None, index_kind(asked.index)
    if kind.needs_queries:
        # Histories drawn at random are no users: what is asked of them is that the index works at all.
        least = asked.recall / 2
        approximation = Approximation(rescored, least, asked.mask_seen, asked.withdrawn, kind.may_be_short)
    each = [
        parity.check(new, calls, expected, runtime, approximation, warmup.read(new), tolerance)
        for runtime in VERIFY[asked.verify]
    ]
    recorded_answers.write(new, calls, each[-1].answers)
    return {
        "calls": len(calls),
        "rows": sum(len(next(iter(call.inputs.values()))) for call in calls),
        "largest_difference": max(one.difference for one in each),
        "recall": min(one.recall for one in each),
        "by": asked.verify,
    }


def retrieval_module(preset: presets.Preset, folder: Path, asked: Options) -> tuple[RetrievalModule, dict[str, Any]]:
    """The graph of a retrieval preset, with its vocabulary as a file of `folder`, and what is known of its index."""
    model, spec, gone = preset.model, preset.spec, asked.withdrawn
    is_gone = np.isin(np.arange(spec.num_items) + RESERVED_IDS, spec.items.encode(gone)) if gone else None
    exact, cosines = item_table.exact_indexes(model, spec.num_items, is_gone)
    queries = _queries(preset) if index_kind(asked.index).needs_queries else None
    index, found_by = build(asked.index, exact, queries, asked.k, asked.recall)
    if queries is not None:  # the others chose how much is read
        others = _queries(preset, seed=1)
        wanted = exact.search(tf.constant(others), tf.constant(asked.k))[1].numpy()
        found_by["recall_of_other_queries"] = round(measured_recall(index, others, wanted), 4)
    vocabulary = folder / "item.txt"
    spec.items.save(vocabulary)
    return RetrievalModule(model, spec, ItemCodes(vocabulary), index, cosines, asked.k, asked.mask_seen), found_by


def _queries(preset: presets.Preset, seed: int = 0) -> np.ndarray:
    """(N, I, D) query vectors of histories drawn at random, item by item as often as they are met."""
    model, spec = preset.model, preset.spec
    random = np.random.default_rng(seed)
    share = spec.item_counts / spec.item_counts.sum()
    lengths = random.integers(1, spec.max_length + 1, 256)
    histories = [random.choice(spec.items.tokens, length, p=share).tolist() for length in lengths]
    stamps = samples.sample_timestamps([histories])[0] if "timestamps" in model.input_names else None
    _, inputs = recommendations.read_histories(model, spec, histories, stamps)
    vectors = keras.ops.convert_to_numpy(model.embed(inputs))
    return vectors.reshape(len(histories), -1, vectors.shape[-1])

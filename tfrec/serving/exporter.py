"""Export a retrieval preset to a numbered version folder."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfrec import atomic, presets
from tfrec.data.tables.ids import id_text
from tfrec.errors import InputError
from tfrec.index_kinds import index_kind
from tfrec.inference import recommendations
from tfrec.models import RetrievalModel
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.reserved_ids import RESERVED_IDS
from tfrec.serving.export_options import ExportOptions
from tfrec.serving.file_system import file_system_fault
from tfrec.serving.files import export_manifest, warmup
from tfrec.serving.files.versions import clear_left, keep_newest, versions
from tfrec.serving.graph import RetrievalModule
from tfrec.serving.graph.item_codes import ItemCodes
from tfrec.serving.graph.raw_features import RawFeatures
from tfrec.serving.graph.user_ids import UserIds
from tfrec.serving.indexes import build, item_table
from tfrec.serving.indexes.index_measurements import measured_latency, measured_recall
from tfrec.serving.indexes.pairs_index import PairsIndex
from tfrec.serving.verify import index_operations, model_answers, operations, parity, rejected, samples
from tfrec.serving.verify.gate import RUNTIMES, pass_gate


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
    the model reads the newest items, and all items of the history are masked. Unknown ids are ignored; a history
    without a known id gets the most popular items. If fewer than K items are left, the rest is "" with score -inf.

    If the model reads timestamps, they are a second input: `timestamps` (B, L) int64, seconds since 1970, one for each
    position of `history`. Those of padding and unknown ids are ignored.

    If the model reads user ids, the first input is `user_id` (B,) strings. `history` may then be omitted in gRPC, or
    have one row for all: [[""]] masks nothing. A user that is not in the training data is folded in from the history
    if the model can do so, and otherwise gets the most popular items. A model that scores pairs with a network has only
    the exact index, and no `embed_users`. If the model reads features of users, `recommend_by_features` takes them
    beside `user_id` and `history`, by their names; all are optional. Those of known users are in the export.

    The version number is one more than the highest in the folder. The version appears in one step, after these checks
    have passed: all operations are on the list of allowed ones, the warm-up requests are answered, and a fresh process
    without tfrec and keras gets the same answers from the export as the model gives.

    Args:
        preset: the name of a bundled preset, a folder, or a loaded preset.
        folder: the model's folder on the server.
        k: K, at most the number of items.
        mask_seen: exclude items of the history from the answers.
        verify: where the answers are verified: "tensorflow", TensorFlow's Python API in a fresh process; "runtime", the
            C API that the server calls; or "both".
        index: how the best items are found: "exact"; "ivf", approximate search in clusters; "int8", candidates from
            int8 vectors, ranked with float32 vectors; "scann", the layer of TensorFlow Recommenders, with a warning:
            only a server that is built with ScaNN can load it.
        recall: share of the exact answer that "ivf" and "scann" must find, measured on random histories.
        report: further entries for the export's manifest, such as the cost of int8 weights.
        withdrawn: raw ids that are still read in histories but never returned.
        keep: number of versions to keep, including this one; None keeps all.
        keep_rejected: folder outside of `folder` where an export that fails verification is kept, with the request
            that failed; None deletes it.

    Returns:
        the version's folder.

    Raises:
        InputError: if the preset or an argument is invalid, or the export cannot be written, for example because the
            disk is full. Nothing is left behind.
        parity.ParityError: if the export and the model give different answers. Nothing is left behind, except in
            `keep_rejected`.
    """
    folder = check_arguments(folder, k, verify, keep, keep_rejected)
    if not isinstance(preset, presets.Preset):
        preset = presets.load(preset, RetrievalModel)
    check_usable(preset)
    check_index(preset.model, index)
    withdrawn = known_items(preset, withdrawn)
    options = ExportOptions(min(k, preset.spec.num_items), mask_seen, verify, index, recall, withdrawn, report or {})
    return publish(folder, keep, lambda new: _write(preset, new, options), keep_rejected)


def check_arguments(
    folder: str | Path, k: int, verify: str, keep: int | None, keep_rejected: str | Path | None = None
) -> Path:
    """The folder of the versions; raises `InputError` if it or another argument of an export is invalid."""
    folder = Path(folder)
    if k < 1:
        raise InputError(f"k, the length of the ranked lists, must be at least 1, got {k}.")
    if verify not in RUNTIMES:
        raise InputError(f"verify must be one of {', '.join(RUNTIMES)}, got {verify!r}.")
    if keep is not None and keep < 1:
        raise InputError(f"keep, the number of versions, must be at least 1, got {keep}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file: name the folder for the versions.")
    atomic.check_writable(folder)
    rejected.check_place(keep_rejected, folder)
    return folder


def check_usable(preset: presets.Preset) -> None:
    """Raise `InputError` if model and spec do not match or a weight is not finite: the caller may have changed them."""
    preset.spec.check_fits(preset.model)
    presets.check_finite(preset.model)


def check_index(model: RetrievalModel, index: str) -> None:
    """Raise `InputError` if an index is unknown, or a model that scores pairs cannot be searched by it."""
    if index_kind(index).name != "exact" and isinstance(model, PairScoringModel):
        raise InputError(
            f"{type(model).__name__} scores each pair of a user and an item by a network, so items cannot be found by "
            f"their vectors: export it with the index exact, not {index}."
        )


def known_items(preset: presets.Preset, withdrawn: Sequence[str]) -> list[str]:
    """Withdrawn raw ids as strings; raises `InputError` if the catalogue lacks one."""
    ids = [id_text(item) for item in withdrawn]
    if unknown := [item for item in ids if item not in preset.spec.items]:
        raise InputError(
            f"Unknown items to withdraw: {len(unknown)}, for example '{unknown[0]}'. Remove them from the list."
        )
    return ids


def publish(
    folder: Path, keep: int | None, write: Callable[[Path], None], keep_rejected: str | Path | None = None
) -> Path:
    """Write a new version with `write`, make it visible when `write` returns, and delete old versions.

    Raises:
        InputError: if the file system fails, with nothing left behind, or old versions cannot be deleted.
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
        raise InputError(f"Another export wrote {version} at the same time. Run this one again.") from None
    except (OSError, tf.errors.OpError, parity.ParityError) as error:
        _drop_empty(folder, is_new)
        if reason := file_system_fault(error):
            raise InputError(
                f"{version} cannot be written: {reason}. No version was written. Free space or name another folder; "
                f"check the folder for temporary files, {tempfile.gettempdir()}, too."
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
                f"{version} was written, but older versions cannot be deleted: {error.strerror or error}."
            ) from error
    return version


def _drop_empty(folder: Path, is_new: bool) -> None:
    """Remove the model's folder if it was created for a version that failed."""
    with contextlib.suppress(OSError):  # not empty: another export has written to it
        if is_new:
            folder.rmdir()


def _write(preset: presets.Preset, new: Path, options: ExportOptions) -> None:
    """Write the SavedModel, then verify it."""
    model, spec, withdrawn, kind = preset.model, preset.spec, options.withdrawn, index_kind(options.index)
    with tempfile.TemporaryDirectory() as folder:
        module, index_report = retrieval_module(preset, Path(folder), options)
        save_options = tf.saved_model.SaveOptions(namespace_whitelist=[kind.namespace] if kind.namespace else [])
        tf.saved_model.save(module, str(new), signatures=module.signatures(), options=save_options)

    operations.check(new, kind.operations)
    for foreign in index_operations.foreign_indexes(new):
        warnings.warn(foreign.warning, stacklevel=3)
    features = recommendations.request_features(model, spec)
    calls = samples.calls(spec, "timestamps" in model.input_names, "user" in model.input_names, features)
    if isinstance(model, PairScoringModel):
        calls = [call for call in calls if call.signature != "embed_users"]
    expected = model_answers.expected_answers(model, spec, calls, options.k, options.mask_seen, withdrawn)
    warmup.write(new, warmup.choose(calls), export_manifest.input_types(new))
    rescored = functools.partial(model_answers.rescored, model, spec)
    passed = pass_gate(new, calls, expected, options, rescored)
    report = {
        "k": options.k,
        "mask_seen": options.mask_seen,
        "index": index_report,
        "withdrawn": len(withdrawn),
        "parity": passed,
        "withdrawn_items": list(withdrawn),
    }
    export_manifest.write(new, preset, {**options.report, **report})


def retrieval_module(
    preset: presets.Preset, folder: Path, options: ExportOptions
) -> tuple[RetrievalModule, dict[str, Any]]:
    """The graph of a retrieval preset and a report on its index; writes the vocabulary files to `folder`."""
    model, spec, withdrawn = preset.model, preset.spec, options.withdrawn
    ids = np.arange(spec.num_items) + RESERVED_IDS
    is_withdrawn = np.isin(ids, spec.items.encode(withdrawn)) if withdrawn else None
    exact, cosines = item_table.exact_indexes(model, spec.num_items, is_withdrawn)
    queries = _queries(preset) if index_kind(options.index).needs_queries else None
    if isinstance(model, PairScoringModel):
        index = PairsIndex(model, spec.num_items, is_withdrawn)
        milliseconds = measured_latency(index, _requests(preset), exact, options.k)
        report = {"kind": options.index, "recall": 1.0, "pairs": True, "milliseconds": milliseconds}
    else:
        index, report = build(options.index, exact, queries, options.k, options.recall)
    if queries is not None:  # the first queries chose how much is read, so others measure it
        others = _queries(preset, seed=1)
        wanted = exact.search(tf.constant(others), tf.constant(options.k))[1].numpy()
        report["recall_of_other_queries"] = round(measured_recall(index, others, wanted), 4)
    vocabulary = folder / "item.txt"
    spec.items.save(vocabulary)
    user_ids = None
    if "user" in model.input_names:
        spec.users.save(folder / "user.txt")
        user_ids = UserIds(folder / "user.txt")
    codes = ItemCodes(vocabulary)
    of_users = recommendations.request_features(model, spec)
    features = RawFeatures(of_users, folder, "user_feature_") if of_users else None
    module = RetrievalModule(model, spec, codes, index, cosines, options.k, options.mask_seen, user_ids, features)
    return module, report


def _queries(preset: presets.Preset, seed: int = 0) -> np.ndarray:
    """(N, I, D) query vectors of `_requests`."""
    vectors = _requests(preset, seed)
    return vectors.reshape(len(vectors), -1, vectors.shape[-1])


def _requests(preset: presets.Preset, seed: int = 0) -> Any:
    """The output of `embed` for random users and histories, whose items are drawn by popularity."""
    model, spec = preset.model, preset.spec
    random = np.random.default_rng(seed)
    share = spec.item_counts / spec.item_counts.sum()
    lengths = random.integers(1, spec.max_length + 1, 256)
    histories = [random.choice(spec.items.tokens, length, p=share).tolist() for length in lengths]
    stamps = samples.sample_timestamps([histories])[0] if "timestamps" in model.input_names else None
    users = random.choice(spec.users.tokens, len(histories)).tolist() if "user" in model.input_names else None
    _, inputs = recommendations.read_histories(model, spec, histories, stamps, users)
    return keras.tree.map_structure(keras.ops.convert_to_numpy, model.embed(inputs))

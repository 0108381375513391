"""Export a ranking preset, alone or behind a retrieval preset, to a numbered version folder."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfrec import presets
from tfrec.errors import InputError
from tfrec.index_kinds import INDEX_KINDS, index_kind
from tfrec.inference.candidate_scores import request_features
from tfrec.models import RankingModel, RetrievalModel
from tfrec.serving import stage_overlap
from tfrec.serving.export_options import ExportOptions
from tfrec.serving.exporter import (
    check_arguments,
    check_index,
    check_usable,
    known_items,
    publish,
    retrieval_module,
)
from tfrec.serving.files import export_manifest, warmup
from tfrec.serving.graph import RankingModule, TwoStageModule
from tfrec.serving.graph.raw_features import input_names
from tfrec.serving.verify import operations, parity, ranking_parity, ranking_samples
from tfrec.serving.verify.gate import pass_gate
from tfrec.serving.verify.ranking_parity import Stages

_HISTORIES = 100  # random histories that are replayed, each with all its candidates


def export_two_stage(
    retrieval: str | Path | presets.Preset,
    ranking: str | Path | presets.Preset,
    folder: str | Path,
    k: int = 20,
    candidates: int = 200,
    mask_seen: bool = True,
    verify: str = "tensorflow",
    keep: int | None = None,
    index: str = "exact",
    recall: float = 0.95,
    withdrawn: Sequence[str] = (),
    report: Mapping[str, Any] | None = None,
    keep_rejected: str | Path | None = None,
) -> Path:
    """Write `folder/<version>/`, a SavedModel in which one model finds candidates and another one ranks them.

    `serving_default`, also named `recommend`, takes `history` (B, L) strings, as in `tfrec.serving.export`, and the
    user and context features of the ranking model by column name: `user` and other categorical features (B,) strings,
    multi-valued ones (B, M) strings, numbers (B,) float32, vectors (B, E) float32. A missing value is "" or NaN; gRPC
    clients may omit the input. Item features are stored in the export. The outputs are `item_ids` (B, K) strings and
    `scores` (B, K) float32, click probabilities or ratings, best first.

    If the ranking model reads the labels of the history, or training dropped events with labels below
    `spec.history.min_label`, there is also an input `history_labels` (B, L) float32, NaN if unknown. The retrieval
    stage and the mask of seen items use the whole history; the ranking model reads only events whose label is high
    enough or unknown.

    If the retrieval model reads user ids, the first input is `user_id` (B,) strings, and `history` may be omitted in
    gRPC. A feature `user` or `user_id` of the ranking model gets the same id.

    `recommend_by_history` takes only the history, `recommend_filtered` also `exclude` and `allow`. `rank` scores given
    `item_ids` (B, N). export/README.md describes all signatures.

    Raw ids connect the two stages. Items without training rows in the ranking preset are ranked as unseen items: from
    their content if its side table has them. A warning appears if the ranking preset knows less than half of the items.

    Args:
        retrieval: preset that finds the candidates: the name of a bundled preset, a folder, or a loaded preset.
        ranking: preset that ranks them, in the same forms.
        folder: the model's folder on the server.
        k: K, at most the number of candidates.
        candidates: number of candidates, at most the number of items.
        mask_seen: exclude items of the history from the answers.
        verify: as in `tfrec.serving.export`.
        keep: as in `tfrec.serving.export`.
        index: index of the retrieval stage, as in `tfrec.serving.export`.
        recall: as in `tfrec.serving.export`.
        withdrawn: raw ids that are never returned.
        report: as in `tfrec.serving.export`.
        keep_rejected: as in `tfrec.serving.export`.

    Returns:
        the version's folder.

    Raises:
        InputError: if a preset or an argument is invalid, or the export cannot be written.
        parity.ParityError: if the export and the models give different answers. Nothing is left behind, except in
            `keep_rejected`.
    """
    folder = check_arguments(folder, k, verify, keep, keep_rejected)
    if candidates < k:
        raise InputError(f"candidates must be at least k={k}, got {candidates}.")
    if not index_kind(index).fits_stock_server:
        fitting = ", ".join(name for name, kind in INDEX_KINDS.items() if kind.fits_stock_server)
        raise InputError(f"Two-stage exports need an index that the stock server loads ({fitting}), got {index!r}.")
    first, second = _loaded(retrieval, RetrievalModel), _loaded(ranking, RankingModel)
    check_index(first.model, index)
    if not second.spec.num_items:
        raise InputError(
            f"The ranking preset '{ranking}' has no item ids, so it cannot rank candidates: use a preset whose recipe "
            "has an item column."
        )
    withdrawn, candidates = known_items(first, withdrawn), min(candidates, first.spec.num_items)
    if few := stage_overlap.fault(stage_overlap.count(first.spec, second.spec, withdrawn)):
        warnings.warn(few, stacklevel=2)
    stages = Stages(first, second, min(k, candidates), candidates, mask_seen, withdrawn)
    options = ExportOptions(candidates, mask_seen, verify, index, recall, withdrawn, report or {})
    return publish(folder, keep, lambda new: _write(stages, new, options), keep_rejected)


def export_ranking(
    ranking: str | Path | presets.Preset,
    folder: str | Path,
    verify: str = "tensorflow",
    keep: int | None = None,
    keep_rejected: str | Path | None = None,
) -> Path:
    """Write `folder/<version>/`, a SavedModel that scores given items: `serving_default`, also named `rank`.

    It takes `item_ids` (B, N) strings, `history` (B, L) strings if the model reads one, and features and labels as in
    `export_two_stage`. It returns `scores` (B, N) float32: click probabilities or ratings. If the preset has no item
    ids, for example for advertisements described by features only, it takes features and returns `scores` (B,).

    Args, returns and errors are as in `export_two_stage`.
    """
    folder = check_arguments(folder, 1, verify, keep, keep_rejected)
    stages = Stages(None, _loaded(ranking, RankingModel))
    options = ExportOptions(0, False, verify, "exact", 1.0, [], {})
    return publish(folder, keep, lambda new: _write(stages, new, options), keep_rejected)


def _loaded(preset: str | Path | presets.Preset, kind: type) -> presets.Preset:
    loaded = preset if isinstance(preset, presets.Preset) else presets.load(preset, kind)
    if not isinstance(loaded.model, kind):
        raise InputError(
            f"The model of {loaded.folder} has the class {type(loaded.model).__name__}, expected {kind.__name__}: name "
            "another preset."
        )
    check_usable(loaded)
    return loaded


def _write(stages: Stages, new: Path, options: ExportOptions) -> None:
    """Write the SavedModel, then verify it."""
    first, (model, spec) = stages.retrieval, (stages.ranking.model, stages.ranking.spec)
    timed, index_report = first is not None and "timestamps" in first.model.input_names, None
    with tempfile.TemporaryDirectory() as folder:
        module = ranking = RankingModule(model, spec, Path(folder), "" if first is None else "ranking_")
        if first is not None:
            retrieval, index_report = retrieval_module(first, Path(folder), options)
            module = TwoStageModule(retrieval, ranking, stages.k)
        tf.saved_model.save(module, str(new), signatures=module.signatures())

    operations.check(new)
    reads_users = first is not None and "user" in first.model.input_names
    drawn = ranking_samples.calls((model, spec), first and first.spec, timed, _HISTORIES, reads_users=reads_users)
    calls, expected = ranking_parity.expected_answers(stages, drawn)
    if any(np.isnan(answer["scores"]).any() for answer in expected):
        raise parity.ParityError(f"The {type(model).__name__} gives NaN for some of the sampled requests.")
    warmup.write(new, warmup.choose(calls), export_manifest.input_types(new))
    rescored = functools.partial(ranking_parity.rescored, stages)
    passed = pass_gate(new, calls, expected, options, rescored, ranking_parity.TOLERANCE)
    report = _report(stages, options, index_report)
    report["users_once"] = ranking.once  # whether a user is encoded once for all candidates
    report["parity"] = passed
    export_manifest.write(new, first or stages.ranking, {**options.report, **report})


def _report(stages: Stages, options: ExportOptions, index_report: dict | None) -> dict:
    """The manifest's entries on the stages."""
    model, spec = stages.ranking.model, stages.ranking.spec
    report = {"mask_seen": options.mask_seen, "task": model.task, "cold_items": len(spec.cold)}
    if "history" in model.input_names:
        report["history"] = dataclasses.asdict(spec.history)  # length and lowest label of the events
    report["inputs"] = input_names(request_features(model, spec))  # column -> name of the input
    if stages.retrieval is None:
        return report
    ranking = {
        "preset": stages.ranking.folder.name,
        "model": type(model).__name__,
        "num_items": spec.num_items,
        "preset_files": stages.ranking.manifest["files"],
        "metrics": stages.ranking.metrics,
    }
    lists = {"k": stages.k, "candidates": stages.candidates, "index": index_report, "withdrawn": len(stages.withdrawn)}
    lists["withdrawn_items"] = list(stages.withdrawn)
    common = stage_overlap.count(stages.retrieval.spec, spec, stages.withdrawn)
    return {**lists, **report, "common_items": common, "ranking": ranking}

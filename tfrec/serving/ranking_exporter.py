"""A ranking preset, alone or behind a retrieval preset, becomes a numbered version folder."""

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
from tfrec.inference.candidate_scores import asked_features
from tfrec.models import RankingModel, RetrievalModel
from tfrec.serving import stage_overlap
from tfrec.serving.exporter import Options, check_arguments, check_usable, gate, known_items, publish, retrieval_module
from tfrec.serving.files import export_manifest, warmup
from tfrec.serving.graph import RankingModule, TwoStageModule
from tfrec.serving.graph.raw_features import input_names
from tfrec.serving.verify import operations, parity, ranking_parity, ranking_samples
from tfrec.serving.verify.ranking_parity import Stages

_HISTORIES = 100  # that are replayed; each has all its candidates ranked


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
    """Write `folder/<version>/`, a SavedModel in which one model finds candidates and another puts them in order.

    `serving_default`, also named `recommend`, takes `history` (B, L) strings as `tfrec.serving.export` describes them,
    and what the ranking model reads of users and context, by the column's name: `user` and other categorical features
    (B,) strings, multi-valued ones (B, M) strings, numbers (B,) float32, vectors (B, E) float32. What is missing is
    "", or NaN; a caller of gRPC may leave it out. The features of items are in the export. It returns `item_ids` (B, K)
    strings and `scores` (B, K) float32, probabilities of a click or ratings, best first.

    Where the ranking model reads how the history was labelled, or training left out what was labelled below
    `spec.history.min_label`, `history_labels` (B, L) float32 stands beside it, NaN where unknown. Candidates are found,
    and seen items left out, by the whole history; the ranking model reads what was labelled high enough, or not at all.

    `recommend_by_history` takes the history alone, `recommend_filtered` also `exclude` and `allow`. `rank` scores given
    `item_ids` (B, N). export/README.md has all of it.

    The stages meet by raw ids. What the ranking preset has no training row of is ranked as an unseen item: by its
    content where the preset's side table had it. A warning says where that is more than half of the items.

    Args:
        retrieval: what finds candidates: a name of the zoo, a folder, or a loaded preset.
        ranking: what ranks them, likewise.
        folder: the model's folder on the server.
        k: K, at most the number of candidates.
        candidates: how many are ranked, at most the number of items.
        mask_seen: leave out what stands in a history.
        verify: as for `tfrec.serving.export`.
        keep: likewise.
        index: likewise; how candidates are found.
        recall: likewise.
        withdrawn: raw ids that are never returned.
        report: as for `tfrec.serving.export`.
        keep_rejected: likewise.

    Returns:
        the version's folder.

    Raises:
        InputError: where a preset or an argument cannot be used, or the export cannot be written.
        parity.ParityError: where the export does not answer as the models do; nothing is left behind then, but for
            `keep_rejected`.
    """
    folder = check_arguments(folder, k, verify, keep, keep_rejected)
    if candidates < k:
        raise InputError(f"candidates are those that {k} are chosen from: at least {k}, got {candidates}.")
    if not index_kind(index).fits_stock_server:
        fitting = ", ".join(name for name, kind in INDEX_KINDS.items() if kind.fits_stock_server)
        raise InputError(f"Two stages need an index that the stock server loads ({fitting}), got {index!r}.")
    first, second = _loaded(retrieval, RetrievalModel), _loaded(ranking, RankingModel)
    if not second.spec.num_items:
        raise InputError(f"The ranking preset '{ranking}' knows no items, so it cannot rank what another one finds.")
    gone, candidates = known_items(first, withdrawn), min(candidates, first.spec.num_items)
    if few := stage_overlap.fault(stage_overlap.count(first.spec, second.spec, gone)):
        warnings.warn(few, stacklevel=2)
    stages = Stages(first, second, min(k, candidates), candidates, mask_seen, gone)
    asked = Options(candidates, mask_seen, verify, index, recall, gone, report or {})
    return publish(folder, keep, lambda new: _write(stages, new, asked), keep_rejected)


def export_ranking(
    ranking: str | Path | presets.Preset,
    folder: str | Path,
    verify: str = "tensorflow",
    keep: int | None = None,
    keep_rejected: str | Path | None = None,
) -> Path:
    """Write `folder/<version>/`, a SavedModel that scores given items: `serving_default`, also named `rank`.

    It takes `item_ids` (B, N) strings, `history` (B, L) strings where the model reads one, and features and labels as
    `export_two_stage` does, and returns `scores` (B, N) float32: probabilities of a click or ratings. Where the preset
    knows no items, as for advertisements that are columns alone, it takes features and returns `scores` (B,).

    Args, returns and errors are as for `export_two_stage`.
    """
    folder = check_arguments(folder, 1, verify, keep, keep_rejected)
    stages = Stages(None, _loaded(ranking, RankingModel))
    asked = Options(0, False, verify, "exact", 1.0, [], {})
    return publish(folder, keep, lambda new: _write(stages, new, asked), keep_rejected)


def _loaded(preset: str | Path | presets.Preset, kind: type) -> presets.Preset:
    loaded = preset if isinstance(preset, presets.Preset) else presets.load(preset, kind)
    if not isinstance(loaded.model, kind):
        raise InputError(f"{loaded.folder} holds a {type(loaded.model).__name__}, expected a {kind.__name__}.")
    check_usable(loaded)
    return loaded


def _write(stages: Stages, new: Path, asked: Options) -> None:
    """Fill the folder of a version, and be sure of it."""
    first, (model, spec) = stages.retrieval, (stages.ranking.model, stages.ranking.spec)
    timed, found_by = first is not None and "timestamps" in first.model.input_names, None
    with tempfile.TemporaryDirectory() as folder:
        module = ranking = RankingModule(model, spec, Path(folder), "" if first is None else "ranking_")
        if first is not None:
            retrieval, found_by = retrieval_module(first, Path(folder), asked)
            module = TwoStageModule(retrieval, ranking, stages.k, timed)
        tf.saved_model.save(module, str(new), signatures=module.signatures())

    operations.check(new)
    drawn = ranking_samples.calls((model, spec), first and first.spec, timed, _HISTORIES)
    calls, expected = ranking_parity.expected_answers(stages, drawn)
    if any(np.isnan(answer["scores"]).any() for answer in expected):
        raise parity.ParityError(f"The {type(model).__name__} itself gives NaN for requests that may come.")
    warmup.write(new, warmup.choose(calls), export_manifest.input_types(new))
    rescored = functools.partial(ranking_parity.rescored, stages)
    passed = gate(new, calls, expected, asked, rescored, ranking_parity.TOLERANCE)
    said = _said(stages, asked, found_by)
    said["users_once"] = ranking.once  # whether what is known of a user is computed once for all candidates
    said["parity"] = passed
    export_manifest.write(new, first or stages.ranking, {**asked.report, **said})


def _said(stages: Stages, asked: Options, found_by: dict | None) -> dict:
    """What the manifest tells of the stages."""
    model, spec = stages.ranking.model, stages.ranking.spec
    said = {"mask_seen": asked.mask_seen, "task": model.task, "cold_items": len(spec.cold)}
    if "history" in model.input_names:
        said["history"] = dataclasses.asdict(spec.history)  # which labels make an event, and how many are read
    said["inputs"] = input_names(asked_features(model, spec))  # column -> name of the input
    if stages.retrieval is None:
        return said
    ranking = {
        "preset": stages.ranking.folder.name,
        "model": type(model).__name__,
        "num_items": spec.num_items,
        "preset_files": stages.ranking.manifest["files"],
        "metrics": stages.ranking.metrics,
    }
    found = {"k": stages.k, "candidates": stages.candidates, "index": found_by, "withdrawn": len(stages.withdrawn)}
    found["withdrawn_items"] = list(stages.withdrawn)
    common = stage_overlap.count(stages.retrieval.spec, spec, stages.withdrawn)
    return {**found, **said, "common_items": common, "ranking": ranking}

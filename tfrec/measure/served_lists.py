"""Measure the lists that an export serves on the held-back rows of a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tfrec import evaluation
from tfrec.data import Examples, FeatureSpec, Holdout, Interactions, MultiValued, Vector, Vocabulary
from tfrec.data.tables.ids import id_text
from tfrec.data.tables.timestamps import unix_seconds
from tfrec.errors import InputError
from tfrec.evaluation.target_ranks import list_lengths, rank_targets
from tfrec.measure.held_back import Evaluation
from tfrec.measure.table_parts import other_data, retrieval_parts
from tfrec.reserved_ids import RESERVED_IDS
from tfrec.serving import Call, replay
from tfrec.serving.files import export_manifest
from tfrec.serving.files.versions import versions
from tfrec.serving.verify import index_operations, operations
from tfrec.terminal import say
from tfrec.training import RankingRecipe, Recipe

_ROWS = 64  # users per request
_PROCESS = 4096  # users per process that loads the export
_ROW = "\0row"  # a context column that numbers the rows of a table


def evaluate_export(
    export: str | Path,
    table: Interactions | Examples,
    ks: Sequence[int] = (10,),
    baselines: Sequence[str] = ("popularity",),
    relevant: float | None = None,
    max_users: int | None = None,
    verbose: bool = False,
) -> Evaluation:
    """Measure the lists that an export serves to the users of a holdout, by the ranks of the held-back items.

    This is `tfrec evaluate` for an export of a retrieval model, or of two stages. The table is split as the recipe of
    its retrieval model splits. A request has what a server would get: the user's history before the test, its times and
    ratings where the export reads them, and the columns of the user. Features of the context are missing values.

    An export returns K items, so ranks below K are unknown: a target that is not in the list is a miss for every list
    length. Items of the history are left out if the export does so (`mask_seen`).

    Args:
        export: a version folder, or the folder of a model, whose newest version is taken. Files and operations are
            checked before anything is loaded, and the export runs in its own process.
        table: interactions, with ratings if the ranking stage reads them.
        ks: list lengths K.
        baselines: names from `tfrec.evaluation.BASELINES`.
        relevant: lowest weight of a target; None takes all held-back items.
        max_users: request lists for this many users, drawn at random; None takes all users.
        verbose: print progress.

    Raises:
        InputError: if the folder is no export that recommends items, its files have changed, or the table does not
            match.
    """
    version = version_of(export)
    manifest = export_manifest.read(version)
    operations.check(version, index_operations.allowed(manifest))
    name, inputs = _signature(version)
    if isinstance(table, Examples):
        raise InputError("An export is measured on interactions, not on labelled rows: leave out --label.")
    ks = list_lengths(ks)
    numbered = dataclasses.replace(table, context=table.context.assign(**{_ROW: np.arange(len(table))}))
    parts = retrieval_parts(_recipe(Recipe, manifest), numbered, relevant, max_users)
    holdout = parts.holdout
    notes = [*parts.split_notes, *_stage_notes(manifest, holdout, table), *parts.user_notes]

    spec = _spec(version, manifest, parts.train)
    evaluation.check_baselines(baselines, spec.num_items)
    mask_seen = manifest["mask_seen"]
    reports = [
        dataclasses.replace(evaluation.evaluate(one, spec, holdout, ks=ks, mask_seen=mask_seen), **parts.drawn)
        for one in evaluation.build_baselines(baselines, parts.train, spec)
    ]
    requests = _Requests(inputs, manifest, holdout, table)
    notes += requests.notes
    users = np.unique(holdout.targets.user_codes)
    lists = np.concatenate([*_answers(version, name, requests, users, spec, verbose)])

    def score(batch: np.ndarray) -> np.ndarray:
        scores = np.full((len(batch), RESERVED_IDS + spec.num_items), -np.inf, np.float32)
        served = lists[np.searchsorted(users, batch)]
        np.put_along_axis(scores, served, np.arange(served.shape[1], 0, -1, dtype=np.float32)[None], axis=1)
        scores[:, :RESERVED_IDS] = -np.inf  # places of shorter lists
        return scores

    has_known = np.zeros(len(table.user_ids), bool)
    is_known_item = spec.items.encode(table.item_ids) >= RESERVED_IDS
    has_known[holdout.history.user_codes[is_known_item[holdout.history.item_codes]]] = True
    is_unknown = ~has_known if spec.users is None else spec.users.encode(table.user_ids) < RESERVED_IDS
    served = rank_targets(
        _model_name(manifest),
        spec,
        holdout,
        score,
        ks,
        256,
        mask_seen=mask_seen,
        is_unknown=is_unknown,
        seed=None,
        list_length=lists.shape[1],
        **parts.drawn,
    )
    return Evaluation([*reports, served], tuple(notes))


def version_of(export: str | Path) -> Path:
    """The version folder itself, or the newest version in the folder of a model.

    Raises:
        InputError: if there is none.
    """
    folder = Path(export)
    if (folder / "saved_model.pb").is_file():
        return folder
    for number in reversed(versions(folder)):
        named = [one for one in folder.iterdir() if one.name.isdigit() and int(one.name) == number]
        if (named[0] / "saved_model.pb").is_file():
            return named[0]
    raise InputError(f"{folder} holds no export: name a version folder of tfrec export, such as served/films/1.")


class _Requests:
    """The requests to an export for the users of a holdout.

    Args:
        inputs: of the signature: name -> (type, shape).
        manifest: of the export.
        holdout: the histories of the users.
        table: the rows, with the side table of users.
    """

    def __init__(
        self, inputs: Mapping[str, tuple[str, list]], manifest: Mapping[str, Any], holdout: Holdout, table: Interactions
    ) -> None:
        self.inputs, self.notes = inputs, []
        history = holdout.history
        self._ids, self._codes = table.item_ids, history.item_codes
        self._bounds = np.searchsorted(history.user_codes, np.arange(len(table.user_ids) + 1))
        self._users = table.user_ids
        self._of_events: dict[str, tuple[np.ndarray, Any]] = {}  # values and padding
        if "timestamps" in inputs:
            if table.times is None:
                raise InputError("The export reads timestamps, but the data has none: name the time column.")
            self._of_events["timestamps"] = unix_seconds(history.times), 0
        if "history_labels" in inputs:
            labels = np.full(len(history), np.nan) if history.weights is None else history.weights.astype(np.float64)
            positive = _training(manifest.get("ranking", {})).get("positive")
            self._of_events["history_labels"] = (labels >= positive) * 1.0 if positive else labels, float("nan")
        known = ("user_id", "history", *self._of_events)
        columns = {name: column for column, name in manifest.get("inputs", {}).items()}
        given = _training(manifest.get("ranking", {})).get("features", {})
        self._columns, missing = {}, []
        for name, (dtype, shape) in inputs.items():
            if name in known:
                continue
            values = _column(columns.get(name, name), table)
            if values is None:
                missing.append(columns.get(name, name))
            separator = given.get(columns.get(name, name), {}).get("separator", "|")
            self._columns[name] = _raw(values, dtype, shape, len(table.user_ids), separator)
        if missing:
            self.notes.append(
                f"The requests lack {', '.join(missing)}, because the data has no such column of users: the export "
                "reads missing values."
            )

    def of(self, users: np.ndarray) -> dict[str, list]:
        """The inputs of one call."""
        rows = [np.arange(self._bounds[user], self._bounds[user + 1]) for user in users]
        width = max(1, *(len(own) for own in rows))
        found: dict[str, list] = {}
        if "history" in self.inputs:
            found["history"] = [_padded(self._ids[self._codes[own]].tolist(), width, "") for own in rows]
        for name, (values, padding) in self._of_events.items():
            found[name] = [_padded(values[own].tolist(), width, padding) for own in rows]
        if "user_id" in self.inputs:
            found["user_id"] = self._users[users].tolist()
        for name, values in self._columns.items():
            own = [values[user] for user in users]
            if own and isinstance(own[0], list):
                own = [_padded(row, max(1, *map(len, own)), "") for row in own]
            found[name] = own
        return found


def _answers(
    version: Path, name: str, requests: _Requests, users: np.ndarray, spec: FeatureSpec, verbose: bool
) -> Iterator[np.ndarray]:
    """The served ids of the users, (P, K) for the users of each process; 0 where a list is shorter."""
    for first in range(0, len(users), _PROCESS):
        some = users[first : first + _PROCESS]
        if verbose:
            say(f"Asking the export for users {first + 1:,} to {first + len(some):,} of {len(users):,}")
        calls = [Call(name, requests.of(some[at : at + _ROWS])) for at in range(0, len(some), _ROWS)]
        for answer in replay(version, calls):
            items = answer["item_ids"]
            ids = spec.items.encode(items.ravel()).reshape(items.shape)
            yield np.where(ids < RESERVED_IDS, 0, ids)


def _signature(version: Path) -> tuple[str, dict[str, tuple[str, list]]]:
    """The signature that recommends items, and its inputs."""
    signatures = export_manifest.signatures_of(version)
    one = signatures.get("recommend")
    if one is None or "item_ids" not in one["outputs"]:
        raise InputError(
            f"{version} recommends no items: it scores the items of a request. Evaluate its preset, or an export of a "
            "retrieval model or of two stages."
        )
    return "recommend", {name: tuple(of) for name, of in one["inputs"].items()}


def _spec(version: Path, manifest: Mapping[str, Any], train: Interactions) -> FeatureSpec:
    """The vocabulary of an export, with the counts of the training rows for the popularity baseline."""
    items = Vocabulary.load(version / "assets" / "item.txt")
    counts = np.bincount(items.encode(train.item_ids)[train.item_codes], minlength=len(items) + RESERVED_IDS)
    users = version / "assets" / "user.txt"
    known = Vocabulary.load(users) if "num_users" in manifest and users.is_file() else None
    counts = counts[RESERVED_IDS:].astype(np.int64)
    if not counts.any():
        raise InputError(
            f"None of the items of {version} occurs in the training part of the data: its ids look like "
            f"'{items.tokens[0]}', those of the data like '{train.item_ids[0]}'. Use the ids of the training."
        )
    return FeatureSpec(items, counts, manifest.get("max_length") or 200, users=known)


def _stage_notes(manifest: Mapping[str, Any], holdout: Holdout, table: Interactions) -> list[str]:
    """Warnings on held-back rows that a stage was trained on."""
    notes = [*other_data(manifest.get("metrics", {}), table)]
    ranking = manifest.get("ranking")
    if ranking is None or not _training(ranking):
        return notes
    if changed := other_data(ranking["metrics"], table):
        return notes or [*changed]
    rule = _recipe(RankingRecipe, ranking).with_split_of(table).build_split()
    is_train = ~np.logical_or(*rule.masks(table.times, len(table), table.parts))
    learned = int(is_train[holdout.targets.context[_ROW].to_numpy()].sum())
    if learned:
        notes.append(
            f"Warning: {learned:,} of {len(holdout):,} held-back rows are training rows of the ranking stage, whose "
            "recipe splits otherwise, so the numbers are too high. Give both recipes the same split, by time."
        )
    return notes


def _training(stage: Mapping[str, Any]) -> Mapping[str, Any]:
    """The entries of the recipe that a stage was trained with; empty if it was saved from Python."""
    return stage.get("metrics", {}).get("training", {}).get("recipe", {})


def _recipe(kind: type, stage: Mapping[str, Any]) -> Any:
    """The recipe of a stage, for its split; the default recipe if the stage has none."""
    entries = _training(stage)
    return kind(split=entries["split"]) if entries.get("split") else kind()


def _model_name(manifest: Mapping[str, Any]) -> str:
    stages = [manifest, *([manifest["ranking"]] if "ranking" in manifest else [])]
    return " + ".join(stage["model"].lower() for stage in stages)


def _column(column: str, table: Interactions) -> pd.Series | None:
    """A column's values for the users of a table, in the order of its user ids; None if the table lacks the column."""
    if table.users is not None and column in table.users:
        return table.users[column].reindex(table.user_ids)
    return pd.Series(table.user_ids) if column == "user" else None


def _raw(values: pd.Series | None, dtype: str, shape: list, rows: int, separator: str) -> list:
    """The values of a column as inputs of a request; missing ones are "" and NaN."""
    several = len(shape) > 1
    if dtype == "string":
        if values is None:
            return [[""]] * rows if several else [""] * rows
        if several:
            return [[id_text(one) for one in row] for row in MultiValued("values", separator=separator).lists(values)]
        return [id_text(value) or "" if not pd.isna(value) else "" for value in values]
    if several:
        return Vector("values", dim=shape[1]).encode([None] * rows if values is None else values).tolist()
    if values is None:
        return [float("nan")] * rows
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float32).tolist()


def _padded(row: list, width: int, padding: Any) -> list:
    return [*row, *[padding] * (width - len(row))]

"""Measure a preset on the held-back rows of a table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfrec import atomic, evaluation, presets
from tfrec.data import Examples, Interactions
from tfrec.errors import InputError
from tfrec.evaluation import LabelReport, Report
from tfrec.measure.table_parts import other_data, ranking_parts, retrieval_parts, retrieval_recipe, scores_items
from tfrec.models import RankingModel
from tfrec.terminal import say

# Pairs of a user and an item that are scored unless a number of users is given: about half an hour on two cores.
_PAIRS = 50_000_000


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """A preset measured on a table.

    Attributes:
        reports: one for each baseline, then that of the preset.
        notes: remarks that are needed to interpret the numbers.
        catalogue: for ranking presets: reports on their ranking of the whole catalogue, in the same order; else empty.
    """

    reports: list[Report] | list[LabelReport]
    notes: tuple[str, ...] = ()
    catalogue: list[Report] = dataclasses.field(default_factory=list)

    @property
    def report(self) -> Report | LabelReport:
        """The report of the preset."""
        return self.reports[-1]

    def __str__(self) -> str:
        compare = evaluation.label_comparison if isinstance(self.report, LabelReport) else evaluation.comparison
        lines = [compare(self.reports), *self.report.notes]
        if self.catalogue:
            lines += ["", "As a ranking of the whole catalogue:", evaluation.comparison(self.catalogue)]
            lines += [*self.catalogue[-1].notes, ""]
        return "\n".join([*lines, *self.notes]).rstrip("\n")

    def save(self, path: str | Path) -> None:
        """Write the preset's report as JSON, atomically; a ranking of the catalogue is its entry "catalogue"."""
        content = self.report.to_json()
        if self.catalogue:
            content["catalogue"] = self.catalogue[-1].to_json()
        atomic.write_text(Path(path), json.dumps(content, indent=2) + "\n")


def evaluate(
    preset: presets.Preset,
    table: Interactions | Examples,
    ks: Sequence[int] = (10,),
    mask_seen: bool = True,
    all_rows: bool = False,
    baselines: Sequence[str] = ("popularity",),
    relevant: float | None = None,
    max_users: int | None = None,
    verbose: bool = False,
) -> Evaluation:
    """Measure a preset, and baselines, on the test part of a table, split as the preset's recipe splits.

    This is `tfrec evaluate` in Python. A ranking preset is measured on the labels of the test rows and, if it scores
    items, as a ranking of the whole catalogue: see `tfrec.evaluation.evaluate_catalogue`. There, the items that the
    user has in the training and validation rows are masked.

    Args:
        preset: of a retrieval or ranking model.
        table: interactions for a retrieval model; labelled rows, or interactions with ratings, for a ranking model.
        ks: lengths of the ranked lists.
        mask_seen: whether items of the history are left out of the lists.
        all_rows: for a ranking model: score every row, with histories made of the other rows, instead of the test part.
            The catalogue is not ranked, because no row is held back.
        baselines: baselines of retrieval models, names from `tfrec.evaluation.BASELINES`. Labelled rows are always
            compared with the mean label and the user and item biases, and rankings with popularity.
        relevant: lowest label of the held-back items that count as targets. None takes all of them for retrieval
            models, and those of `tfrec.evaluation.relevance` for ranking models.
        max_users: rank for this many users, drawn at random. None takes all, but for a ranking model at most so many
            that 50 million pairs of a user and an item are scored.
        verbose: whether to draw progress bars if the output is a terminal.

    Raises:
        InputError: if the table or a baseline does not match the preset, `all_rows` is given for a retrieval model, or
            no held-back row is relevant.

    Example:
        >>> from tfrec.data import FeatureSpec, generate_world
        >>> from tfrec.models import SASRec
        >>> world = generate_world(num_users=60, num_items=120)
        >>> spec = FeatureSpec.fit(world, max_length=10)
        >>> _ = presets.save(SASRec(spec.num_items, max_length=10, hidden_dim=8), spec, "untrained")
        >>> [report.model for report in evaluate(presets.load("untrained"), world).reports]
        ['popularity', 'sasrec']
    """
    how = {"ks": tuple(ks), "mask_seen": mask_seen, "verbose": verbose}
    if isinstance(preset.model, RankingModel):
        return _evaluate_ranking(preset, table, all_rows, relevant, max_users, how)
    if all_rows:
        raise InputError(
            f"all_rows needs a ranking preset, but {preset.folder} ranks the items that a split holds back."
        )
    evaluation.check_baselines(baselines, preset.spec.num_items)
    parts = retrieval_parts(retrieval_recipe(preset), table, relevant, max_users)
    scorers = (*evaluation.build_baselines(baselines, parts.train, preset.spec), preset.model)
    reports = [evaluation.evaluate(one, preset.spec, parts.holdout, **how) for one in scorers]
    notes = (*parts.split_notes, *other_data(preset.metrics, table), *parts.user_notes)
    return Evaluation([dataclasses.replace(report, **parts.drawn) for report in reports], notes)


def _evaluate_ranking(
    preset: presets.Preset,
    table: Interactions | Examples,
    all_rows: bool,
    relevant: float | None,
    max_users: int | None,
    how: dict,
) -> Evaluation:
    parts = ranking_parts(preset, table, all_rows)
    test = parts.examples if all_rows else parts.test
    scorers = [*evaluation.label_baselines(parts.train), preset.model]
    reports = [evaluation.evaluate_labelled(one, preset.spec, test, parts.known, parts.recipe.task) for one in scorers]
    notes = () if all_rows else parts.notes
    if all_rows or not scores_items(preset, test):
        if relevant is not None or max_users is not None:
            why = "with all_rows no row is held back" if all_rows else f"{preset.folder.name} scores no items of users"
            raise InputError(f"relevant and max_users apply to a ranking of the catalogue, but {why}: leave them out.")
        return Evaluation(reports, notes)
    least = evaluation.relevance(parts.train, parts.recipe.task) if relevant is None else relevant
    liked = test.labels >= least
    if relevant is None and not liked.any():
        note = f"The catalogue was not ranked: no test row has a label of at least {least:g} (--relevant)."
        return Evaluation(reports, (*notes, note))
    with_targets, there = (len(np.unique(codes)) for codes in (test.user_codes[liked], test.user_codes))
    if with_targets < there:
        left = there - with_targets
        notes += (f"Not ranked for: {left:,} of {there:,} users, who have no test row with such a label.",)
    max_users = max(1, _PAIRS // preset.spec.num_items) if max_users is None else max_users
    if how["verbose"]:
        say(f"Ranking {preset.spec.num_items:,} items for {min(with_targets, max_users):,} users")
    catalogue = [
        evaluation.evaluate_catalogue(
            one, preset.spec, test, parts.before, relevant=least, seen=parts.seen, max_users=max_users, **how
        )
        for one in (evaluation.Popularity(preset.spec), preset.model)
    ]
    return Evaluation(reports, notes, catalogue)

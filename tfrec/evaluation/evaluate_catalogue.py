"""Evaluation of ranking models as rankers of the whole catalogue."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tfrec.data import Examples, FeatureSpec, Holdout, Interactions
from tfrec.data.tables.kinds import check_kind
from tfrec.errors import InputError
from tfrec.evaluation.baselines import Popularity
from tfrec.evaluation.report import Report
from tfrec.evaluation.requests import Requests
from tfrec.evaluation.target_ranks import check_relevant, list_lengths, no_relevant, rank_targets, some_users
from tfrec.inference.catalogue_scores import CatalogueScores
from tfrec.models import RankingModel

_SHARE = 0.75  # of the range of the labels, from which on an item is relevant by default


def evaluate_catalogue(
    model: RankingModel | Popularity,
    spec: FeatureSpec,
    test: Examples,
    known: Examples,
    ks: tuple[int, ...] = (10,),
    relevant: float | None = None,
    seen: Examples | None = None,
    mask_seen: bool = True,
    max_users: int | None = None,
    seed: int | None = None,
    verbose: bool = False,
) -> Report:
    """Rank all items for every user with a ranking model, and find the held-back items that the user liked.

    A list of films by predicted rating is used as a ranking. RMSE and AUC compare rows that somebody chose to rate;
    this compares all items, most of which the user never rated.

    The targets are the held-back items of a user with a label of at least `relevant`; users without one are left out.
    The catalogue is the item vocabulary. Items that the user has in `seen` are masked. The model gets the user's
    features and the history of all known rows of the user; features of the context are missing values, since the
    context of a held-back row would reveal its item. Ties count against the model. Metrics are those of `evaluate`.

    Args:
        model: a ranking model, or `Popularity`.
        spec: the spec that the model was trained with.
        test: held-back rows with users and items.
        known: rows from which histories are built, usually the training part.
        ks: list lengths K.
        relevant: the lowest label of a target; None takes 1 for clicks and three quarters of the range of the labels
            for ratings: 4 for ratings from 1 to 5. See `relevance`.
        seen: rows whose items are masked; None masks those of `known`. Like `known`, a part of the table of `test`.
        mask_seen: False also ranks items that the user has.
        max_users: rank for this many users, drawn at random; None ranks for all.
        seed: seed of the training run, for the report.
        verbose: draw a progress bar if the output is a terminal.

    Returns:
        a `Report`; `relevant` is its lowest label of a target, and `unknown_users` counts users without a known row.

    Raises:
        InputError: if the rows have no users or items, the tables are no parts of one table, no held-back row is
            relevant, or the model reads nothing of the items.

    Example:
        >>> frame = pd.DataFrame({"u": list("aabbb"), "i": list("xyxyz"), "stars": [5.0, 1.0, 4.0, 5.0, 2.0]})
        >>> table = Examples.from_pandas(frame, label="stars", user="u", item="i")
        >>> known, test = table.take(np.arange(3)), table.take(np.array([3, 4]))
        >>> report = evaluate_catalogue(Popularity(FeatureSpec.fit(known)), FeatureSpec.fit(known), test, known)
        >>> report.num_users, report.relevant
        (1, 4.0)
    """
    ks = list_lengths(ks)
    for what, rows in (("The held-back rows", test), ("The known rows", known)):
        check_kind(rows, (Examples,), what)
    seen = known if seen is None else seen
    if relevant is None:
        relevant = relevance(known, getattr(model, "task", None))
    _check_parts(test, known, seen)
    whole = Holdout(interactions_of(seen), interactions_of(test.take(_liked(test, relevant))))
    holdout = some_users(whole, max_users)
    has_rows = np.zeros(len(test.user_ids), bool)
    has_rows[known.user_codes] = True
    report = {"mask_seen": mask_seen, "seed": seed, "verbose": verbose, "relevant": relevant, "is_unknown": ~has_rows}
    if holdout is not whole:
        report["drawn_from"] = whole.targets.num_users
    if not isinstance(model, RankingModel):
        return rank_targets(model.name, spec, holdout, lambda users: model.score({"history": users}), ks, 256, **report)
    scores = CatalogueScores(model, spec)
    requests = Requests(np.unique(holdout.targets.user_codes), test, known, spec, scores.user_inputs)
    return rank_targets(
        model.name, spec, holdout, lambda users: scores(requests.of(users)), ks, scores.users_at_a_time, **report
    )


def relevance(known: Examples, task: str | None = None) -> float:
    """The lowest label of a relevant item, if none is given.

    It is 1 for clicks. For ratings it is the lowest rating that lies in the upper quarter of their range: 4 for ratings
    from 1 to 5 and from 0.5 to 5, and 8 from 1 to 10.

    Example:
        >>> frame = pd.DataFrame({"stars": [0.5, 3.0, 3.5, 4.0, 5.0]})
        >>> relevance(Examples.from_pandas(frame, label="stars"))
        4.0
    """
    levels = np.unique(known.labels)
    if task == "click" or set(levels.tolist()) <= {0.0, 1.0}:
        return 1.0
    return float(levels[levels >= levels[0] + _SHARE * (levels[-1] - levels[0])][0])


def _check_parts(*tables: Examples) -> None:
    for rows in tables:
        if rows.user_codes is None or rows.item_codes is None:
            raise InputError("Ranking the catalogue needs rows with users and items: name their columns.")
        if not all(np.array_equal(getattr(rows, name), getattr(tables[0], name)) for name in ("user_ids", "item_ids")):
            raise InputError(
                "The held-back rows and the known rows must be parts of one table: pass parts of one split."
            )


def _liked(test: Examples, relevant: float) -> np.ndarray:
    """Which held-back rows are targets, (N,) bool."""
    liked = test.labels >= check_relevant(relevant)
    if not liked.any():
        raise no_relevant(relevant, test.labels)
    return liked


def interactions_of(rows: Examples) -> Interactions:
    """Labelled rows with users and items as interactions, sorted by user and time; ids keep their codes."""
    times = np.zeros(len(rows)) if rows.times is None else rows.times
    order = np.lexsort((times, rows.user_codes))  # stable: rows of equal time keep their order
    return Interactions(
        user_codes=rows.user_codes[order],
        item_codes=rows.item_codes[order],
        user_ids=rows.user_ids,
        item_ids=rows.item_ids,
        times=None if rows.times is None else rows.times[order],
        weights=rows.labels[order],
        context=pd.DataFrame(index=range(len(rows))),
        items=rows.items,
        users=rows.users,
        report=rows.report,
    )

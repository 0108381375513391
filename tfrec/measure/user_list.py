"""The list of one user of a table, compared with what the user liked among the held-back rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tfrec import evaluation, inference, presets
from tfrec.data import Examples, Interactions
from tfrec.data.tables.ids import id_text
from tfrec.data.tables.timestamps import unix_seconds
from tfrec.errors import InputError
from tfrec.evaluation.requests import Requests
from tfrec.evaluation.settings import check_whole
from tfrec.evaluation.target_ranks import check_relevant
from tfrec.inference.catalogue_scores import CatalogueScores
from tfrec.measure.table_parts import other_data, ranking_parts, retrieval_recipe, scores_items
from tfrec.models import RankingModel
from tfrec.ops import RESERVED_IDS


@dataclasses.dataclass(frozen=True)
class UserList:
    """The best items for a user, without those that the user had before the test part.

    Attributes:
        user: raw id.
        history: raw ids of what the user had before the test part, oldest first.
        items: raw ids, best first; fewer than K if fewer are left.
        scores: (K,) float32, of the items: ratings, click probabilities or scores.
        k: the requested length.
        held_back: raw ids of the user's test rows -> label, or None if the rows have none.
        relevant: the lowest label of an item that the user liked; None if all held-back items count.
        notes: remarks that are needed to interpret the numbers.
    """

    user: str
    history: list[str]
    items: list[str]
    scores: np.ndarray
    k: int
    held_back: dict[str, float | None]
    relevant: float | None
    notes: tuple[str, ...] = ()

    @property
    def liked(self) -> list[str]:
        """The held-back items that the user liked: those with a label of at least `relevant`."""
        return [item for item, label in self.held_back.items() if self.relevant is None or label >= self.relevant]

    @property
    def hits(self) -> list[str]:
        """The items of the list that the user liked."""
        liked = set(self.liked)
        return [item for item in self.items if item in liked]

    @property
    def precision(self) -> float | None:
        """Precision@K: the share of the K places with an item that the user liked; None if there is no such item."""
        return len(self.hits) / self.k if self.liked else None

    @property
    def recall(self) -> float | None:
        """Recall@K: the share of the liked items that are in the list; None if there is no such item."""
        return len(self.hits) / len(self.liked) if self.liked else None


def list_for_user(
    preset: presets.Preset,
    table: Interactions | Examples,
    user: str,
    k: int = 10,
    relevant: float | None = None,
) -> UserList:
    """Recommend items to a user of a table, and compare the list with the user's held-back rows.

    The table is split as the preset's recipe splits. The list is made from what the user had before the test part, as
    in `evaluate`, and leaves these items out.

    Args:
        preset: of a retrieval or ranking model.
        table: as for `evaluate`.
        user: raw id of a user of the table.
        k: length of the list.
        relevant: the lowest label of an item that the user liked. None takes that of `tfrec.evaluation.relevance` for
            ranking models, and all held-back items for retrieval models.

    Raises:
        InputError: if the table has no such user or does not match the preset, or an argument is invalid.

    Example:
        >>> from tfrec.data import FeatureSpec, generate_world
        >>> from tfrec.models import SASRec
        >>> world = generate_world(num_users=60, num_items=120)
        >>> spec = FeatureSpec.fit(world, max_length=10)
        >>> _ = presets.save(SASRec(spec.num_items, max_length=10, hidden_dim=8), spec, "untrained")
        >>> found = list_for_user(presets.load("untrained"), world, world.user_ids[0], k=5)
        >>> len(found.items), len(found.held_back), found.recall in (0.0, 1.0)
        (5, 1, True)
    """
    (k,) = check_whole(k=k)
    if relevant is not None:
        relevant = check_relevant(relevant)
    of = _by_ranking if isinstance(preset.model, RankingModel) else _by_retrieval
    return of(preset, table, id_text(user) or "", k, relevant)


def _by_retrieval(
    preset: presets.Preset, table: Interactions | Examples, user: str, k: int, relevant: float | None
) -> UserList:
    model, spec = preset.model, preset.spec
    recipe = retrieval_recipe(preset).with_split_of(table)
    code = code_of(table, user)
    if relevant is not None and table.weights is None:
        raise InputError("relevant needs rows with ratings: name their column (weight=, on the command line --rating).")
    holdout = table.split(recipe.build_split()).test
    own, test = (part.user_codes == code for part in (holdout.history, holdout.targets))
    history = table.item_ids[holdout.history.item_codes[own]].tolist()
    times = None
    if "timestamps" in model.input_names:
        if table.times is None:
            raise InputError(f"{model.name} reads timestamps, but the data has none: name the time column.")
        times = [unix_seconds(holdout.history.times)[own].tolist()]
    users = [user] if "user" in model.input_names else None
    (ids,), (scores,) = inference.recommend(model, spec, [history], k, times, users=users)
    items = [item for item in ids if item]
    weights = [None] * int(test.sum()) if table.weights is None else holdout.targets.weights[test].tolist()
    held_back = _highest(table.item_ids[holdout.targets.item_codes[test]], weights)
    notes = other_data(preset.metrics, table)
    return UserList(user, history, items, scores[: len(items)], k, held_back, relevant, notes)


def _by_ranking(
    preset: presets.Preset, table: Interactions | Examples, user: str, k: int, relevant: float | None
) -> UserList:
    model, spec = preset.model, preset.spec
    parts = ranking_parts(preset, table)
    test, seen = parts.test, parts.seen
    if not scores_items(preset, test):
        raise InputError(f"{preset.folder.name} scores no items of users, so it cannot recommend items to a user.")
    code = code_of(test, user)
    scorer = CatalogueScores(model, spec)
    requests = Requests(np.array([code]), test, parts.before, spec, scorer.user_inputs)
    scores = scorer(requests.of(np.array([code])))[0]
    rows = np.flatnonzero(seen.user_codes == code)
    rows = rows if seen.times is None else rows[np.argsort(seen.times[rows], kind="stable")]
    history = seen.item_ids[seen.item_codes[rows]]
    scores[spec.items.encode(history)] = -np.inf
    best = np.argsort(-scores, kind="stable")[:k]
    best = best[scores[best] > -np.inf]
    own = test.user_codes == code
    held_back = _highest(test.item_ids[test.item_codes[own]], test.labels[own].tolist())
    least = evaluation.relevance(parts.train, parts.recipe.task) if relevant is None else relevant
    items = spec.items.tokens[best - RESERVED_IDS].tolist()
    return UserList(user, history.tolist(), items, scores[best], k, held_back, least, parts.notes)


def _highest(items: np.ndarray, labels: Sequence[float | None]) -> dict[str, float | None]:
    """Item -> its highest label: an item may be held back several times."""
    found: dict[str, float | None] = {}
    for item, label in zip(items.tolist(), labels, strict=True):
        found[item] = label if found.get(item) is None else max(found[item], label)
    return found


def code_of(table: Interactions | Examples, user: str) -> int:
    """The code of a user of a table; raises `InputError` if it has no such user."""
    at = np.flatnonzero(table.user_ids == user)
    if not len(table.user_ids):
        raise InputError("The data has no users: name their column (--user on the command line).")
    if not len(at):
        raise InputError(
            f"The data has no user '{user}': its {len(table.user_ids):,} user ids look like '{table.user_ids[0]}'."
        )
    return int(at[0])

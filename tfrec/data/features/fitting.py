"""Find and fit features on labelled rows, and encode the tables of users and items."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tfrec.data.features import Categorical, Feature, infer_features, unread_columns
from tfrec.data.features.history_rule import History
from tfrec.data.tables.examples import Examples
from tfrec.data.tables.interactions import Interactions
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS, UNKNOWN_ID

ITEM_COUNT = "item_count"
_RESERVED = ("item", "history", "history_label")
_IDS = ("user", "user_id", "timestamps")  # further inputs of retrieval models
_MOST_LEVELS = 100


def fit_features(
    train: Examples | Interactions, features: Sequence[Feature] | None, item_counts: Mapping[str, int]
) -> tuple[Feature, ...]:
    """The features with their groups, fitted on the training rows: of users, of items, of the context.

    Features of users are fitted with one value per user of the training rows, features of items with one per item.

    Raises:
        InputError: if a column is missing, in two tables, named twice, or has a reserved name.
    """
    if features is None:
        features = all_features(train)
    names = [feature.column for feature in features]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"There are two features named '{name}': remove or rename one.")
        if name in _RESERVED:
            raise InputError(
                f"'{name}' is reserved for model inputs of items and histories: rename the column, or name it as the "
                "item column (item=, on the command line --item)."
            )
    places = {group: set(columns_of(train, group)) for group in ("user", "item", "context")}
    found = []
    for feature in features:
        groups = [group for group in places if feature.column in places[group]]
        if feature.group is not None:
            groups = [group for group in groups if group == feature.group]
        if len(groups) != 1:
            where = " and ".join(groups) or "no table"
            of = f" of group '{feature.group}'" if feature.group else ""
            there = "; ".join(f"{group}: {', '.join(sorted(places[group])) or 'none'}" for group in places)
            raise InputError(
                f"The feature '{feature.column}'{of} is in {where}, expected in one. Columns by table: {there}. Name "
                "another column, or set the feature's group."
            )
        found.append(dataclasses.replace(feature, group=groups[0]))
    rank = {"user": 0, "item": 1, "context": 2}
    found.sort(key=lambda feature: rank[feature.group])
    return tuple(feature.fit(training_values(train, feature, item_counts)) for feature in found)


def fit_side_features(
    train: Interactions, features: Sequence[Feature], item_counts: Mapping[str, int], with_users: bool
) -> tuple[Feature, ...]:
    """Features of users and items for a retrieval model, fitted with one value per user or item of the training part.

    Raises:
        InputError: as for `fit_features`; if a feature is neither one of users nor of items; or if there are features
            of users without a user vocabulary.
    """
    for feature in features:
        if feature.column in _IDS:
            raise InputError(f"'{feature.column}' is an input of retrieval models itself: leave the feature out.")
    fitted = fit_features(train, list(features), item_counts)
    of_context = [feature.column for feature in fitted if feature.group == "context"]
    if of_context:
        raise InputError(
            f"The feature '{of_context[0]}' is a column of the interactions, but retrieval models read features of "
            "users and items only: give it in a side table of users or items, or leave it out."
        )
    of_users = [feature.column for feature in fitted if feature.group == "user"]
    if of_users and not with_users:
        raise InputError(f"The feature '{of_users[0]}' of users needs a user vocabulary: pass users=True.")
    return fitted


def side_features(train: Interactions) -> list[Feature]:
    """Every column of the side tables of users and items that can be a feature.

    Example:
        >>> from tfrec.data import Interactions
        >>> rows = pd.DataFrame({"u": ["a", "b"], "i": [1, 2]})
        >>> people = pd.DataFrame({"u": ["a", "b"], "age": [20, 30]})
        >>> table = Interactions.from_pandas(rows, user="u", item="i", users=people)
        >>> [(feature.group, feature.column, feature.kind) for feature in side_features(table)]
        [('user', 'age', 'numeric')]
    """
    tables = (("user", train.users, train.user_ids), ("item", train.items, train.item_ids))
    found: list[Feature] = []
    for group, table, ids in tables:
        if table is not None:
            found += infer_features(table.reindex(ids), group)
    return [feature for feature in found if feature.column not in (*_RESERVED, *_IDS)]


def encode_by_id(
    features: Sequence[Feature],
    group: str,
    ids: np.ndarray,
    table: pd.DataFrame | None,
    item_counts: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """Name -> (len(ids) + 2, ...): row 0 is padding, row 1 has missing values and no count, raw ids follow."""
    encoded = encode_table(features, group, ids, table, item_counts)
    unseen = encode_table(features, group, np.array([""], object), None, item_counts)
    absent = {feature.column: feature.absent(1) for feature in features}
    return {name: np.concatenate([absent[name], unseen[name], values]) for name, values in encoded.items()}


def encode_table(
    features: Sequence[Feature],
    group: str,
    ids: np.ndarray,
    table: pd.DataFrame | None,
    item_counts: Mapping[str, int],
) -> dict[str, np.ndarray]:
    """Encode the features of users, or of items, for raw ids: name -> (len(ids), ...)."""
    return {
        feature.column: feature.encode(_values(feature.column, group, ids, table, item_counts))
        for feature in features
        if feature.group == group
    }


def levels_of(train: Examples, history: History | None, features: Sequence[Feature]) -> tuple[float, ...]:
    """The distinct labels that a history may hold; raises `InputError` if the history refers to missing columns."""
    if history is None:
        return ()
    if train.user_codes is None or train.item_codes is None:
        raise InputError("A history needs users and items: name their columns, or remove the history.")
    of_items = [feature.column for feature in features if feature.group == "item" and feature.kind != "vector"]
    absent = [name for name in history.item_features if name not in of_items]
    if absent:
        raise InputError(f"The history refers to '{absent[0]}', but the item features are {of_items}.")
    taken = {feature.column for feature in features} & {f"history_{name}" for name in history.item_features}
    if taken:
        name = min(taken)
        raise InputError(
            f"'{name}' is a column, but also the model input for '{name.removeprefix('history_')}' of the items in a "
            "history: rename the column, or remove one of the two."
        )
    if not history.with_label:
        return ()
    levels = np.unique(train.labels)
    if len(levels) > _MOST_LEVELS:
        raise InputError(
            f"A history supports up to {_MOST_LEVELS} distinct labels, but the data has {len(levels):,}: round them, "
            "or set with_label=False in the History."
        )
    return tuple(map(float, levels))


def level_ids(labels: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Ids of labels, int32; 1 for a label that is not among the levels."""
    known = np.asarray(levels, np.float32)
    at = np.minimum(np.searchsorted(known, labels), max(len(known) - 1, 0))
    return np.where(known[at] == labels, at + RESERVED_IDS, UNKNOWN_ID).astype(np.int32)


def all_features(train: Examples | Interactions) -> list[Feature]:
    """Every column that can be a feature: of labelled rows, also the user id; of interactions, `side_features`."""
    if isinstance(train, Interactions):
        return side_features(train)
    found: list[Feature] = [] if train.user_codes is None else [Categorical("user", group="user")]
    for group, table in (("user", train.users), ("item", train.items), ("context", train.context)):
        if table is not None:
            found += infer_features(table, group)
    return found


def why_unread(train: Examples | Interactions, features: Sequence[Feature]) -> dict[str, list[str]]:
    """Reason -> columns that are not features: why they cannot be, or that the recipe does not name them."""
    read, found = {feature.column for feature in features} | {ITEM_COUNT}, {}
    if isinstance(train, Interactions):
        read |= {"user"}  # an input of the model, which is no feature
    tables = {"user": train.users, "item": train.items, "context": train.context}
    for group, table in tables.items():
        left = [column for column in columns_of(train, group) if column not in read]
        reasons = {} if table is None else unread_columns(table[[column for column in left if column in table]])
        for column in left:
            found.setdefault(reasons.get(column, "not named, or skipped, by the recipe"), []).append(column)
    return found


def columns_of(train: Examples | Interactions, group: str) -> list[str]:
    """The columns that can be features of a group."""
    if group == "context":
        return list(train.context.columns)
    table, codes, own = {
        "user": (train.users, train.user_codes, "user"),
        "item": (train.items, train.item_codes, ITEM_COUNT),
    }[group]
    return ([] if table is None else list(table.columns)) + ([] if codes is None else [own])


def training_values(train: Examples | Interactions, feature: Feature, item_counts: Mapping[str, int]) -> pd.Series:
    """The cells that a feature is fitted on: one per row, or one per user or item of the rows."""
    if feature.group == "context":
        return train.context[feature.column]
    codes, ids, table = {
        "user": (train.user_codes, train.user_ids, train.users),
        "item": (train.item_codes, train.item_ids, train.items),
    }[feature.group]
    return _values(feature.column, feature.group, ids[np.unique(codes)], table, item_counts)


def _values(
    column: str, group: str, ids: np.ndarray, table: pd.DataFrame | None, item_counts: Mapping[str, int]
) -> pd.Series:
    if table is not None and column in table.columns:
        return table[column].reindex(ids)
    if group == "user" and column == "user":
        return pd.Series(ids, dtype=object)
    if group == "item" and column == ITEM_COUNT:
        return pd.Series([item_counts.get(item, 0) for item in ids], dtype=float)
    return pd.Series([None] * len(ids), dtype=object)  # the table lacks this column: all values are missing

"""Save and load a feature spec: JSON, vocabularies, the item table and item features."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from tfrec.array_files import read_arrays
from tfrec.data.features import Feature, Vector, load_features, save_features
from tfrec.data.features.history_rule import History
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.data.spec.cold_items import ColdItems
from tfrec.errors import InputError
from tfrec.reserved_ids import RESERVED_IDS

_PLAIN, _WITH_FEATURES, _WITH_COLD_ITEMS, _WITH_USERS, _WITH_USER_FEATURES = 1, 2, 3, 4, 5  # formats


def save(fields: Mapping[str, Any], folder: Path) -> None:
    """Write the fields of a spec, as `load` returns them; see `FeatureSpec.save`."""
    items, features, cold, users = (fields[name] for name in ("items", "features", "cold", "users"))
    (folder / "vocabularies").mkdir(parents=True, exist_ok=True)
    items.save(folder / "vocabularies" / "item.txt")
    np.savetxt(folder / "vocabularies" / "item_counts.txt", fields["item_counts"], fmt="%d")
    if fields["item_table"] is not None:
        _write_table(features, fields["item_table"], folder / "items.csv")
    text: dict[str, Any] = {
        "format": _WITH_FEATURES if features else _PLAIN,
        "max_length": fields["max_length"],
        "num_items": len(items),
        "interactions": int(fields["item_counts"].sum()),
        "item_table": fields["item_table"] is not None,
    }
    if users is not None:
        text |= {"format": _WITH_USER_FEATURES if features else _WITH_USERS, "num_users": len(users)}
        users.save(folder / "vocabularies" / "user.txt")
    if features:
        text["features"] = save_features(features, folder)
        text["history"] = None if fields["history"] is None else dataclasses.asdict(fields["history"])
        text["label_levels"] = list(fields["label_levels"])
        if len(cold):
            text |= {"format": _WITH_COLD_ITEMS, "cold_items": len(cold)}
            cold.ids.save(folder / "vocabularies" / "cold_items.txt")
            _write_table(features, cold.table, folder / "cold_items.csv")
        _save_arrays(folder / "item_features.npz", features, "item", fields["item_features"])
        if users is not None:
            _save_arrays(folder / "user_features.npz", features, "user", fields["user_features"])
    (folder / "spec.json").write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def load(folder: Path) -> dict[str, Any]:
    """Read the fields of a spec that `save` wrote; raises `InputError` if the parts do not fit together."""
    try:
        spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
        if spec["format"] not in range(_PLAIN, _WITH_USER_FEATURES + 1):
            raise InputError(f"{folder / 'spec.json'} has format {spec['format']!r}; this tfrec reads 1 to 5.")
        items = Vocabulary.load(folder / "vocabularies" / "item.txt")
        lines = (folder / "vocabularies" / "item_counts.txt").read_text(encoding="utf-8").split()
        counts = np.array(lines, dtype=np.int64)
        table = _read_table(folder / "items.csv") if spec["item_table"] else None
        cold = ColdItems()
        if spec["format"] == _WITH_COLD_ITEMS:
            ids = Vocabulary.load(folder / "vocabularies" / "cold_items.txt")
            cold = ColdItems(ids, _read_table(folder / "cold_items.csv"))
        has_users = spec["format"] in (_WITH_USERS, _WITH_USER_FEATURES)
        users = Vocabulary.load(folder / "vocabularies" / "user.txt") if has_users else None
        has_features = spec["format"] in (_WITH_FEATURES, _WITH_COLD_ITEMS, _WITH_USER_FEATURES)
        further = _load_features(spec, folder) if has_features else {}
    except InputError:
        raise
    except (
        OSError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
        BadZipFile,
    ) as error:
        raise InputError(f"The feature spec in {folder} cannot be read: {error!r}.") from error
    num_items, num_cold = spec["num_items"], spec.get("cold_items", 0)
    if users is not None and len(users) != spec.get("num_users"):
        raise InputError(
            f"{folder / 'vocabularies/user.txt'} has {len(users)} users, spec.json says {spec.get('num_users')}."
        )
    for what, size, wanted in (
        ("vocabularies/item.txt", len(items), num_items),
        ("vocabularies/item_counts.txt", len(counts), num_items),
        ("items.csv", num_items if table is None else len(table), num_items),
        ("vocabularies/cold_items.txt", len(cold), num_cold),
        ("cold_items.csv", 0 if cold.table is None else len(cold.table), num_cold),
    ):
        if size != wanted:
            raise InputError(f"{folder / what} has {size} items, spec.json says {wanted}.")
    expected_count = spec.get("interactions")  # missing in older presets
    if expected_count is not None and expected_count != int(counts.sum()):
        raise InputError(
            f"{folder / 'vocabularies/item_counts.txt'} counts {counts.sum():,} interactions, spec.json says "
            f"{expected_count}."
        )
    if (cold.rows_of(items.tokens) >= 0).any():
        raise InputError(f"{folder / 'vocabularies/cold_items.txt'} has items that are also in item.txt.")
    fields = {"items": items, "item_counts": counts, "max_length": spec["max_length"], "item_table": table}
    return {**fields, "cold": cold, "users": users, **further}


def _load_features(spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    features = load_features(spec["features"], folder)
    num_rows = spec["num_items"] + RESERVED_IDS + spec.get("cold_items", 0)
    found = {
        "features": features,
        "history": None if spec["history"] is None else History(**spec["history"]),
        "label_levels": tuple(map(float, spec["label_levels"])),
        "item_features": _load_arrays(folder / "item_features.npz", features, "item", num_rows),
    }
    if spec["format"] == _WITH_USER_FEATURES:
        num_rows = spec["num_users"] + RESERVED_IDS
        found["user_features"] = _load_arrays(folder / "user_features.npz", features, "user", num_rows)
    return found


def _save_arrays(path: Path, features: Sequence[Feature], group: str, arrays: Mapping[str, np.ndarray]) -> None:
    numbered = [(number, one) for number, one in enumerate(features) if one.group == group]
    np.savez_compressed(path, **{_array(number): arrays[one.column] for number, one in numbered})


def _load_arrays(path: Path, features: Sequence[Feature], group: str, num_rows: int) -> dict[str, np.ndarray]:
    """The encoded values of a group; raises `InputError` if they have another shape or type than the features."""
    try:
        arrays = read_arrays(path)
    except BadZipFile as error:
        raise InputError(f"{path} cannot be read: {error}. Copy the preset again.") from error
    loaded = {}
    for number, one in enumerate(features):
        if one.group != group:
            continue
        found, wanted = arrays[_array(number)], (num_rows, *one.width)
        if found.shape != wanted or found.dtype != one.dtype:
            raise InputError(
                f"{path} has {found.dtype} {found.shape} for '{one.column}': expected {np.dtype(one.dtype)} {wanted}."
            )
        loaded[one.column] = found
    return loaded


def _write_table(features: Sequence[Feature], table: pd.DataFrame, path: Path) -> None:
    given = [one.column for one in features if isinstance(one, Vector) and one.column in table]
    table = table.drop(columns=given)  # they are in item_features.npz
    table.to_csv(path, index_label="item_id", lineterminator="\n")


def _read_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False, lineterminator="\n").set_index("item_id")


def _array(number: int) -> str:
    return f"feature_{number}"

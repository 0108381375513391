"""Feature descriptions of ranking models, and the Keras inputs made from them.

A feature is a flat dict, as returned by `tfrec.data.FeatureSpec.model_features()`:

| key | meaning |
|---|---|
| name | name of the input tensor |
| kind | "categorical" (B,) int32 · "numeric" (B,) float32 · "multivalued" (B, M) int32 · "vector" (B, E) float32 · "sequence" (B, L) int32, or (B, L, M) or float32, depending on the feature named by `of` |
| group | "user", "item", "context" or "history" (for sequences only) |
| size | for categorical and multi-valued features and for sequences without `of`: ids are 0 (missing), 1 (unseen), ..., size - 1 |
| length | M of a multi-valued feature, L of a sequence |
| dim | E of a vector |
| of | for sequences: the feature whose vectors it shares; absent or None if the sequence has its own vectors |

Missing numbers and vectors are NaN. Sequences are padded with 0 (or NaN) on the left.
"""  # noqa: E501  (a table)

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from tfrec.ops import check_size

KINDS = {
    "categorical": ("size",),
    "numeric": (),
    "multivalued": ("size", "length"),
    "vector": ("dim",),
    "sequence": ("length",),
}
GROUPS = ("user", "item", "context", "history")


def check_features(features: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The features as plain dicts.

    Raises:
        ValueError: if a key is missing or has a value that is not in the table above, a name occurs twice, or a
            sequence refers to a missing feature.

    Example:
        >>> check_features([{"name": "age", "kind": "number", "group": "user"}])
        Traceback (most recent call last):
        ValueError: Feature 'age' has the kind 'number': expected one of categorical, numeric, multivalued, vector, \
sequence.
    """
    checked = [dict(feature) for feature in features]
    by_name: dict[str, dict[str, Any]] = {}
    for feature in checked:
        name, kind, group = (feature.get(key) for key in ("name", "kind", "group"))
        if not isinstance(name, str) or not name or name in by_name:
            raise ValueError(f"Feature names must be unique strings: got {name!r} among {list(by_name)}.")
        if kind not in KINDS:
            raise ValueError(f"Feature '{name}' has the kind {kind!r}: expected one of {', '.join(KINDS)}.")
        if group not in GROUPS or (group == "history") != (kind == "sequence"):
            raise ValueError(
                f"Feature '{name}' has the group {group!r}: expected one of {', '.join(GROUPS)}; the last is "
                "for sequences only."
            )
        own = ("size",) if kind == "sequence" and not feature.get("of") else ()
        for key in (*KINDS[kind], *own):
            feature[key] = check_size(f"{key} of the feature '{name}'", feature.get(key))
        by_name[name] = feature
    for feature in checked:
        of = feature.get("of")
        if of and (of not in by_name or by_name[of]["kind"] in ("sequence", "vector")):
            raise ValueError(
                f"Sequence '{feature['name']}' refers to '{of}', which is missing or is itself a sequence or vector."
            )
    return checked


def feature_inputs(features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A `keras.Input` for each feature.

    Example:
        >>> age, item = {"name": "age", "kind": "numeric", "group": "user"}, {"name": "item", "kind": "categorical"}
        >>> sorted(feature_inputs([age, {**item, "group": "item", "size": 9}]))
        ['age', 'item']
    """
    by_name = {feature["name"]: feature for feature in features}

    def one(feature: Mapping[str, Any]) -> tuple[tuple[int | None, ...], str]:
        kind = feature["kind"]
        if kind == "sequence":
            # L is variable: short histories need not be padded to the full length, in batches and in requests.
            shape, dtype = one(by_name[feature["of"]]) if feature.get("of") else ((), "int32")
            return (None, *shape), dtype
        shape = {"multivalued": (feature.get("length"),), "vector": (feature.get("dim"),)}.get(kind, ())
        return shape, "float32" if kind in ("numeric", "vector") else "int32"

    made = {}
    for name, feature in by_name.items():
        shape, dtype = one(feature)
        made[name] = keras.Input(shape=shape, dtype=dtype, name=name)
    return made


def features_in_groups(features: Iterable[Mapping[str, Any]], *groups: str) -> list[Mapping[str, Any]]:
    """The features of the given groups, in their order."""
    return [feature for feature in features if feature["group"] in groups]

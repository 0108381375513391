"""Random requests that verify an export."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tfrec.data import FeatureSpec
from tfrec.data.features import Feature
from tfrec.serving.runtime import Call
from tfrec.serving.verify.sampled_features import rectangle, sampled

_BATCH = 50
UNKNOWN = ["no such id", "Größe, 日本 🎬"]


def calls(
    spec: FeatureSpec,
    timed: bool,
    reads_users: bool = False,
    features: Sequence[Feature] = (),
    num_histories: int = 200,
    seed: int = 0,
) -> list[Call]:
    """Calls of all signatures: histories of all lengths, and edge cases.

    Args:
        spec: spec of the model.
        timed: whether the model reads timestamps.
        reads_users: whether the model reads user ids.
        features: features of users that a request may contain.
        num_histories: number of random histories for `serving_default`; the other signatures get the edge cases and
            the first random batch.
        seed: seed of the random generator.
    """
    random = np.random.default_rng(seed)
    batches = sample_histories(spec, num_histories, seed)
    stamps = sample_timestamps(batches) if timed else [None] * len(batches)

    def some(number: int, at_most: int) -> list[list[str]]:
        known = spec.items.tokens.tolist()
        rows = [random.choice(known, random.integers(0, at_most)).tolist() for _ in range(number)]
        return [[*row, *UNKNOWN[: random.integers(0, 3)]] if random.random() < 0.5 else row for row in rows]

    found = []
    for place, (batch, times) in enumerate(zip(batches, stamps, strict=True)):
        user = {"user_id": sample_users(spec, len(batch), place)} if reads_users else {}
        user |= {"history": rectangle(batch)} | ({"timestamps": rectangle(times, 0)} if times else {})
        found.append(Call("serving_default", user))
        if place == 0:
            found.append(Call("recommend", user))
        if place > 1:
            continue
        if features:
            found.append(Call("recommend_by_features", user | sampled(features, len(batch), random)))
        number = len(batch)
        filters = {"exclude": rectangle(some(number, 20)), "allow": rectangle(some(number, 30))}
        everything = spec.items.tokens[: 2 * spec.max_length].tolist()
        contradictory = {"exclude": [everything] * number, "allow": [everything[:5]] * number}
        found += [Call("recommend_filtered", user | filters), Call("recommend_filtered", user | contradictory)]
        found.append(Call("score", user | {"item_ids": rectangle(some(number, 20))}))
        found.append(Call("embed_users", user))
    if reads_users:  # without a history, which then is one empty row for all
        user = {"user_id": sample_users(spec, 20), "history": [[""]]} | ({"timestamps": [[0]]} if timed else {})
        found.append(Call("serving_default", user))
    items = [*spec.items.tokens[:20].tolist(), spec.items.tokens[-1], "", *UNKNOWN]
    return [*found, Call("embed_items", {"item_ids": items}), Call("similar_items", {"item_ids": items})]


def sample_histories(spec: FeatureSpec, number: int, seed: int = 0) -> list[list[list[str]]]:
    """Batches of random histories of all lengths, and of edge cases: empty, unknown, repeated, very long."""
    random = np.random.default_rng(seed)
    longest = min(2 * spec.max_length, 500)
    lengths = random.integers(1, longest, number)
    drawn = [random.choice(spec.items.tokens, length).tolist() for length in lengths]
    tokens = spec.items.tokens.tolist()
    edges = [
        [""],
        ["", "", tokens[0], ""],
        [tokens[-1], "", tokens[0]],
        [UNKNOWN[0]],
        [UNKNOWN[0], tokens[-1], UNKNOWN[1]],
        [tokens[0]] * 5,
        (tokens * (longest // len(tokens) + 1))[: spec.max_length + 1],
        tokens[: len(tokens) - 1][:longest],
    ]
    return [edges, *(drawn[start : start + _BATCH] for start in range(0, number, _BATCH))]


def sample_users(spec: FeatureSpec, number: int, seed: int = 0) -> list[str]:
    """Raw user ids, the first and the last of the vocabulary among them; a quarter are unknown or empty."""
    random = np.random.default_rng(seed)
    drawn = random.choice(spec.users.tokens, number).astype(object)
    odd = random.random(number) < 0.25
    drawn[odd] = random.choice(np.array(["", *UNKNOWN], object), int(odd.sum()))
    ends = [spec.users.tokens[0], spec.users.tokens[-1], "", *UNKNOWN][:number]
    return [*ends, *drawn[len(ends) :].tolist()]


def sample_timestamps(batches: list[list[list[str]]], seed: int = 0) -> list[list[list[int]]]:
    """Ascending timestamps for histories, with gaps from zero to decades."""
    random = np.random.default_rng(seed)

    def stamps(length: int) -> list[int]:
        gaps = np.floor(2 ** random.uniform(-1, random.uniform(1, 27), length)).astype(np.int64)
        return (random.integers(0, 2**30) + np.cumsum(gaps)).tolist()

    return [[stamps(len(history)) for history in batch] for batch in batches]

"""The synthetic dataset has the patterns of its docstring."""

import numpy as np
import pytest

from tfrec.data import FeatureSpec, LeaveLastOut, generate_world
from tfrec.errors import InputError


@pytest.fixture(scope="module")
def world():
    return generate_world()


@pytest.fixture(scope="module")
def titles(world):
    return world.items["title"].reindex(world.item_ids).to_numpy(str)


@pytest.fixture(scope="module")
def genres(world):
    """(items, genres) bool."""
    return world.items["genres"].reindex(world.item_ids).str.get_dummies("|").to_numpy(bool)


def sequels(titles):
    """Code of an item -> code of the one that follows it."""
    numerals = ["", " II", " III", " IV", " V"]
    code = {title: number for number, title in enumerate(titles)}
    result = {}
    for title, number in code.items():
        name, _, end = title.rpartition(" ")
        now = f" {end}" if f" {end}" in numerals else ""
        base = name if now else title
        following = base + (numerals[numerals.index(now) + 1] if now != " V" else " VI")
        if following in code:
            result[number] = code[following]
    return result


def histories(world):
    return [world.item_codes[start:end] for start, end in zip(*world.user_bounds, strict=True)]


def test_a_seed_fixes_all_data(world):
    same, other = generate_world(), generate_world(seed=1)
    assert same.sha256() == world.sha256() != other.sha256()
    assert np.array_equal(same.times, world.times) and same.items.equals(world.items)


def test_the_table_has_the_documented_shape(world, titles):
    assert world.num_users == 3000 and len(world.items) == 600
    assert not world.report.dropped
    assert world.user_ids[0] == "u00000" and world.items.index[123] == "m0123"
    assert len(set(titles)) == len(titles)
    lengths = [len(items) for items in histories(world)]
    assert min(lengths) == 5 and max(lengths) == 60
    assert all(len(set(items)) == len(items) for items in histories(world))
    starts, ends = world.user_bounds
    assert all((np.diff(world.times[start:end]) > 0).all() for start, end in zip(starts, ends, strict=True))
    assert FeatureSpec.fit(world).titles[0] == titles[np.bincount(world.item_codes).argmax()]


def test_popularity_has_a_tail(world):
    counts = np.sort(np.bincount(world.item_codes))[::-1]
    assert counts[:60].sum() > 0.35 * counts.sum()
    assert counts[300:].sum() < 0.25 * counts.sum()


def test_sequels_follow_soon_but_not_always(world, titles):
    following = sequels(titles)
    gaps, never = [], 0
    for items in histories(world):
        place = {item: step for step, item in enumerate(items)}
        for item, step in place.items():
            if item in following:
                if following[item] in place:
                    gaps.append(place[following[item]] - step)
                else:
                    never += 1
    gaps = np.array(gaps)
    assert ((gaps >= 1) & (gaps <= 5)).mean() > 0.85
    assert (gaps == 1).sum() < (gaps >= 2).sum()  # the last item alone does not predict it
    assert never > 0.15 * len(gaps)


def test_parts_of_a_series_share_their_genres(titles, genres):
    assert all((genres[item] == genres[after]).all() for item, after in sequels(titles).items())


def test_interests_drift(world, genres):
    """Neighbours in time share a genre more often than items of a user that are far apart."""

    def share(distance):
        pairs = [(items[:-distance], items[distance:]) for items in histories(world) if len(items) > distance]
        left, right = (np.concatenate(side) for side in zip(*pairs, strict=True))
        return (genres[left] & genres[right]).any(axis=1).mean()

    near, far = share(1), share(8)
    assert near > 1.3 * far


def test_order_predicts_better_than_popularity(world):
    """What follows the two last items of a user, counted over the others, beats the most popular items."""
    train, _, test = world.split(LeaveLastOut())
    size = len(world.item_ids)
    popular = np.bincount(train.item_codes, minlength=size).astype(float)
    follows = np.zeros((size, size))
    for back in (1, 2):
        for items in histories(train):
            np.add.at(follows, (items[:-back], items[back:]), 1)
    before = dict(zip(test.history.user_codes[test.history.user_bounds[0]], histories(test.history), strict=True))
    hits = np.zeros(2)
    for user, target in zip(test.targets.user_codes, test.targets.item_codes, strict=True):
        seen = before[user]
        for method, scores in enumerate((popular.copy(), follows[seen[-2:]].sum(axis=0))):
            scores[seen] = -1
            hits[method] += (scores > scores[target]).sum() < 10
    assert hits[1] > 2 * hits[0]


def test_small_and_large_datasets_are_generated():
    assert generate_world(num_users=1, num_items=120).num_users == 1
    assert len(set(generate_world(num_users=2, num_items=5000).items["title"])) == 5000
    for sizes in ({"num_users": 0}, {"num_items": 119}, {"num_users": 1, "num_items": 40_000}):
        with pytest.raises(InputError):
            generate_world(**sizes)

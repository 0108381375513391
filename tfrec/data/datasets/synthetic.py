"""A synthetic dataset with known patterns, which needs no download."""

import numpy as np
import pandas as pd

from tfrec.data.datasets.generated_titles import world_titles
from tfrec.data.tables.interactions import Interactions
from tfrec.errors import InputError

GENRES = ["Adventure", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Mystery", "Romance", "Science", "War"]
SHORTEST, LONGEST = 5, 60  # items of a history
_MAX_PARTS = 5  # of a series
_AT_ONCE, _FOLLOW = 0.25, 0.6  # chance that a sequel is watched right after its predecessor; at a later step
_PATIENCE = 5  # steps until it is forgotten
_MOVE_ON = 0.15  # chance a step that a taste moves to the user's next genre
_FAVOURITES = 3  # genres of a user
_STRAY = 0.05  # chance that a choice ignores the genre
_TRIES = 12  # draws before the search for an unseen item becomes exhaustive
_BEGIN = 1_577_836_800  # 2020-01-01, UTC
_YEAR = 365 * 86_400


def generate_world(num_users: int = 3000, num_items: int = 600, seed: int = 0) -> Interactions:
    """A synthetic dataset: viewers of invented films, with times, titles and genres.

    The data has these patterns:

    - Popularity: within a genre, the probability of an item is proportional to 1 / rank (Zipf).
    - Drifting interests: each user cycles through three favourite genres in a fixed order and watches seven items of
      each on average. So the last items predict the next one better than the whole history.
    - Sequels: "The Silent Harbour II" is mostly watched within five items after "The Silent Harbour", rarely right
      after it, and otherwise never. So neither the last item alone nor co-occurrence counts predict it well.

    Nobody watches an item twice. Histories have 5 to 60 items, minutes to weeks apart. Item ids are "m0000", ..., user
    ids "u00000", ...; ids are independent of popularity.

    Args:
        num_users: number of users.
        num_items: number of items, at least 120, so that the longest history leaves items to recommend.
        seed: equal seeds give equal data.

    Returns:
        the table; `items` holds title and genres (joined by "|").

    Raises:
        InputError: if a number is too small, or there are more series than titles.

    Example:
        >>> world = generate_world(num_users=50, num_items=120)
        >>> list(world.items.columns), world.num_users
        (['title', 'genres'], 50)
    """
    if num_users < 1 or num_items < 2 * LONGEST:
        raise InputError(
            f"generate_world needs at least 1 user and {2 * LONGEST} items, got num_users={num_users}, "
            f"num_items={num_items}."
        )
    rng = np.random.default_rng(seed)
    part, sequel = _series(rng, num_items)
    first_of = np.maximum.accumulate(np.where(part == 0, np.arange(num_items), 0))
    genre = rng.choice(len(GENRES), num_items, p=_uneven(len(GENRES)))[first_of]
    second = (genre + rng.integers(1, len(GENRES), num_items)[first_of]) % len(GENRES)
    has_second = (rng.random(num_items) < 0.4)[first_of]
    charts = _charts(rng, part, np.stack([genre, np.where(has_second, second, genre)]))

    lengths = np.clip(rng.lognormal(3.0, 0.6, num_users).astype(int), SHORTEST, LONGEST)
    watched = _watch(rng, charts, sequel, lengths)
    users, steps = np.nonzero(watched >= 0)
    gaps = rng.exponential(2.0 * 86_400, watched.shape).astype(np.int64) + 600
    times = _BEGIN + rng.integers(0, 2 * _YEAR, (num_users, 1)) + np.cumsum(gaps, axis=1)
    names = np.array([f"m{number:04d}" for number in rng.permutation(num_items)], dtype=object)
    frame = pd.DataFrame(
        {
            "user": np.array([f"u{number:05d}" for number in range(num_users)], dtype=object)[users],
            "item": names[watched[users, steps]],
            "time": times[users, steps],
        }
    )
    pairs = [
        sorted({GENRES[a], GENRES[b]} if two else {GENRES[a]})
        for a, b, two in zip(genre, second, has_second, strict=True)
    ]
    items = pd.DataFrame(
        {"item": names, "title": world_titles(rng, part), "genres": ["|".join(pair) for pair in pairs]}
    )
    return Interactions.from_pandas(frame, user="user", item="item", time="time", items=items.sort_values("item"))


def _series(rng: np.random.Generator, num_items: int) -> tuple[np.ndarray, np.ndarray]:
    """Number of each item within its series, from 0, and the item that follows it or -1."""
    sizes = np.minimum(rng.geometric(0.45, num_items), _MAX_PARTS)
    ends = np.cumsum(sizes)
    part = (np.arange(ends[-1]) - np.repeat(ends - sizes, sizes))[:num_items]
    follows = np.append(part[1:] > 0, False)
    return part, np.where(follows, np.arange(num_items) + 1, -1)


def _uneven(size: int) -> np.ndarray:
    weights = 1.0 / (np.arange(size) + 3.0)
    return weights / weights.sum()


def _charts(rng: np.random.Generator, part: np.ndarray, genres: np.ndarray) -> np.ndarray:
    """Cumulative probability of each item for each genre, (genres + 1, items); the last row is for all genres."""
    popularity = 1.0 / (rng.permutation(len(part)) + 8.0)
    popularity *= np.where(part == 0, 1.0, 0.02)  # few users start with a sequel
    rows = [np.where((genres == genre).any(axis=0), popularity, popularity * 1e-4) for genre in range(len(GENRES))]
    chart = np.cumsum([*rows, popularity], axis=1)
    return chart / chart[:, -1:]


def _watch(rng: np.random.Generator, charts: np.ndarray, sequel: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(users, LONGEST) items in time order, -1 after the end."""
    users = np.arange(len(lengths))
    favourites = rng.permuted(np.tile(np.arange(len(GENRES)), (len(users), 1)), axis=1)[:, :_FAVOURITES]
    mood = rng.integers(0, _FAVOURITES, len(users))
    seen = np.zeros((len(users), charts.shape[1]), bool)
    waiting, waited = np.full(len(users), -1), np.zeros(len(users), int)
    watched = np.full((len(users), LONGEST), -1)
    for step in range(LONGEST):
        mood = (mood + (rng.random(len(users)) < _MOVE_ON)) % _FAVOURITES
        genre = np.where(rng.random(len(users)) < _STRAY, len(GENRES), favourites[users, mood])
        choice = _look_for(rng, charts, genre, seen)
        follows = (waiting >= 0) & (rng.random(len(users)) < np.where(waited == 0, _AT_ONCE, _FOLLOW))
        choice = np.where(follows, waiting, choice)
        seen[users, choice] = True
        watched[:, step] = np.where(step < lengths, choice, -1)
        waited += 1
        waiting = np.where((choice == waiting) | (waited >= _PATIENCE), -1, waiting)
        # One sequel waits at a time.
        following = sequel[choice]
        starts = (waiting < 0) & (following >= 0) & ~seen[users, following]
        waiting, waited = np.where(starts, following, waiting), np.where(starts, 0, waited)
    return watched


def _look_for(rng: np.random.Generator, charts: np.ndarray, genre: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """An unseen item for each user, drawn by the probabilities of a genre."""
    choice = np.zeros(len(genre), int)
    open_ = np.arange(len(genre))
    for _ in range(_TRIES):
        draws = rng.random(len(open_))
        for row in range(len(charts)):
            of_row = genre[open_] == row
            choice[open_[of_row]] = np.searchsorted(charts[row], draws[of_row], side="right")
        open_ = open_[seen[open_, choice[open_]]]
    if len(open_):
        chances = np.diff(charts, axis=1, prepend=0.0)[genre[open_]] * ~seen[open_]
        choice[open_] = chances.argmax(axis=1)
    return choice

"""Well-known names of the columns of users, items, times, weights and labels in public datasets."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import numpy as np


def _words(text: str) -> list[str]:
    return text.split()


# Suffixes of ids: user_id, userId, user-uuid. Some suffixes are allowed only after certain nouns, because the
# track_number of a song or the PIN_CODE of a customer identifies something else.
_IDS = ("id", "uuid", "guid", "md5", "hash")
_NUMBERS = ("idx", "index", "key", "code", "no", "number")
_NUMBERED = _words("user customer client member household account item product article stock sku movie book")

# Users, in order of preference. A session is used only if there is no user, and a person's name comes last.
_USERS = _words(
    "user reviewer customer_unique customer cust client member visitor viewer listener reader buyer consumer "
    "subscriber shopper guest rater rated_by household account player learner student profile"
)
_USER_CODES = ("uid", "msno", "ncodpers", "mboxsha1")
_SESSIONS = ("session", "user_session", "visit", "playlist")
_USER_NAMES = ("user_name", "screen_name", "profile_name", "reviewer_name", "customer_name", "nickname")

# Items. Those of the second list are also used without "id"; "show" or "content" alone are ambiguous.
_ITEMS = _words(
    "item product parent_asin asin stock sku isbn isbn13 article movie film book track song video news document doc "
    "recipe venue poi business restaurant location place spot gmap listing hotel property course lesson exercise "
    "question problem job vacancy event_item anime manga beer wine joke game app application show series episode "
    "podcast program channel content post photo image bookmark url paper offer coupon ad advertisement banner "
    "creative material goods commodity merchandise aid iid album artist author work"
)
_BARE_ITEMS = _words(
    "item product parent_asin asin sku isbn isbn13 article movie film book track song video news recipe venue poi "
    "anime beer wine joke game aid iid album artist"
)
_ITEM_CODES = (
    "track_uri",
    "song_uri",
    "product_parent",
    "gtin",
    "ean",
    "upc",
    "mal_id",
    "track_mbid",
    "artist_mbid",
    "pin_id",
)

# A time is a word of the first list, alone or after one of the second: review_time, utcTimestamp, InvoiceDate.
_TIMES = ("timestamp", "timestamp_ms", "time_ms", "unix_time", "ts", "time", "date_time", "date", "dt")
_EVENTS = _words(
    "unix utc event interaction action behavior behaviour unix_review review rating rated click impression purchase "
    "order order_purchase invoice transaction txn checkin visit visited view viewed watched listened played comment "
    "created creation create submitted submit server local log request start started begin session_start added"
)
_DURATIONS = {"viewtime", "viewedtime", "watchedtime", "listenedtime", "playedtime", "visittime", "visitedtime"}
_OTHER_TIMES = _words(
    "epoch date_created date_added date_submitted date_rated date_of_review t_dat created_at added_at occurred_at "
    "reviewed_at rated_at purchased_at ordered_at clicked_at viewed_at watched_at listened_at played_at visited_at "
    "started_at read_at event_at updated_at date_updated"
)

_WEIGHTS = ("rating", "ratings", "overall", "stars", "star_rating", "score", "grade")
_RATED = ("review", "user", "my", "item", "product", "book", "movie", "film", "anime", "song", "beer", "recipe", "game")
_COUNTS = _words(
    "weight plays play_count plays_count playcount listen_count listening_count count freq frequency quantity qty "
    "watch_ratio"
)

_LABELS = ("label", "labels", "click", "clicked", "is_click", "is_clicked", "clk")

_TABLE_PREFIX = re.compile(r"^.*[./:](?=[^./:]+$)")  # review/time, ratings.user_id, user.id
_DOUBLED = re.compile(r"^(?P<what>[a-z]+)[_ -](?P=what)")  # beer_beerid
_CLICKED = re.compile(r"^(click|clicked|viewed|purchased|rated|review)[_ -]")  # click_article_id, review_profilename


def plain_name(name: str) -> str:
    """A name in lower case, without blanks and punctuation, so that all its spellings are equal.

    Example:
        >>> plain_name("User-ID"), plain_name("user_id"), plain_name("ISBN ")
        ('userid', 'userid', 'isbn')
    """
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _ids(nouns: list[str] | tuple[str, ...], bare: list[str] | tuple[str, ...]) -> list[str]:
    """user_id, user, user_idx, ..., id_user: each noun combined with the spellings of an id."""
    return [
        form
        for noun in nouns
        for form in (
            f"{noun}id",
            *((noun,) if noun in bare else ()),
            *(f"{noun}{end}" for end in (*_IDS, *(_NUMBERS if noun in _NUMBERED else ()))),
            f"id{noun}",
        )
    ]


def _times() -> list[str]:
    words = [f"{event}{word}" for word, event in itertools.product(_TIMES, ("", *_EVENTS))]
    return [word for word in words if plain_name(word) not in _DURATIONS] + _OTHER_TIMES


# Role -> its plain names, in order of preference.
WELL_KNOWN: dict[str, tuple[str, ...]] = {
    role: tuple(dict.fromkeys(map(plain_name, names)))
    for role, names in {
        "user": [*_ids(_USERS, _USERS), *_USER_CODES, *_ids(_SESSIONS, _SESSIONS[:2]), *_USER_NAMES],
        "item": [*_ids(_ITEMS, _BARE_ITEMS), *_ITEM_CODES],
        "time": _times(),
        "label": _LABELS,
        "weight": [*_WEIGHTS, *(f"{of}{word}" for word in _WEIGHTS for of in _RATED), *_COUNTS],
    }.items()
}
# Words that can also be values: a row may hold "video" or "game", but rarely "user" or "movie_id".
_WORDS = {plain_name(word) for word in (*_BARE_ITEMS, *_USERS, *_WEIGHTS, *_COUNTS)} - {"user", "item"}
_RANKS = {role: {name: rank for rank, name in enumerate(names)} for role, names in WELL_KNOWN.items()}
# Columns that repeat the information of the user id.
_SAME_USER = frozenset(map(plain_name, _USER_NAMES))


def candidates(role: str, names: list[str]) -> list[str]:
    """The columns with well-known names for a role, the preferred one first.

    Names are compared without case, blanks and punctuation. An unknown name is looked up again without a prefix before
    a dot, slash or colon, without a doubled noun, and without a prefix such as "click".

    Args:
        role: "user", "item", "time", "weight" or "label".
        names: column names.

    Example:
        >>> candidates("item", ["asin", "title", "parent_asin"]), candidates("time", ["review/time", "playTime"])
        (['parent_asin', 'asin'], ['review/time'])
    """
    ranked = [(rank, place, name) for place, name in enumerate(names) if (rank := _rank(role, name)) is not None]
    found = [name for _, _, name in sorted(ranked)]
    return [name for name in found if name == found[0] or plain_name(name) not in _SAME_USER]


def is_person(name: str) -> bool:
    """Whether a name is well known for user ids, and not for sessions or names of people.

    Example:
        >>> is_person("customerID"), is_person("session_id"), is_person("username")
        (True, False, False)
    """
    rank = _rank("user", name)
    return rank is not None and rank < _RANKS["user"]["sessionid"]


def is_known(name: str) -> bool:
    """Whether a name is well known for any role."""
    return any(_rank(role, name) is not None for role in WELL_KNOWN)


def is_data(names: list[str], given: Iterable[str] = ()) -> bool:
    """Whether a first line is a row and not a header: a field is a number, and no field is a known or given name.

    Column numbers 0, 1, 2, ..., which pandas writes for unnamed columns, are a header.

    Args:
        names: the fields of the first line.
        given: column names that the caller gave.

    Example:
        >>> is_data(["1", "10", "4.0"]), is_data(["user", "item"]), is_data(["label", "0", "1"]), is_data(["0", "1"])
        (True, False, False, False)
    """
    numbers = [name for name in names if is_number(name)]
    numbered = [str(place) for place in range(len(names))]
    if not numbers or names in (numbered, ["", *numbered[:-1]]):
        return False
    words = [name for name in names if name not in numbers]
    is_name = [name in given or (is_known(name) and plain_name(name) not in _WORDS) for name in words]
    return not any(is_name)


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _rank(role: str, name: str) -> int | None:
    """The rank of a name in the order of preference, None if it is unknown."""
    known = _RANKS[role]
    lower = name.strip().lower()
    spellings = [lower, _TABLE_PREFIX.sub("", lower)]
    if role in ("user", "item"):
        spellings += [_CLICKED.sub("", lower), _DOUBLED.sub(r"\g<what>", lower)]
    return next((known[plain] for plain in map(plain_name, spellings) if plain in known), None)

"""Invented film titles for the synthetic dataset."""

import numpy as np

from tfrec.errors import InputError

_NUMERALS = ["", " II", " III", " IV", " V", " VI", " VII"]
_QUALITIES = (
    "Silent Borrowed Distant Patient Crooked Golden Hollow Reluctant Northern Forgotten Polite Burning Paper Second "
    "Wandering Honest Frozen Quiet Velvet Stubborn Invisible Broken Gentle Midnight Narrow Salted Careful Electric "
    "Unlikely Winter"
)
_THINGS = (
    "Harbour Orchard Witness Lighthouse Accountant Garden River Postman Kingdom Winter Umbrella Engine Cathedral Map "
    "Librarian Bridge Island Teapot Detective Horizon Staircase Violin Railway Inheritance Lantern Beekeeper Museum "
    "Compass Ferry Clockmaker"
)
_PLACES = (
    " of Aldermoor| of Brackwater| of Carrow Hill| at Dunmere| of Eastvale| at Fernhollow| of Greywick| of Highmarsh"
    "| at Inverley| of Kestrel Bay| of Lowbridge| at Merrow Point"
)


def world_titles(rng: np.random.Generator, part: np.ndarray) -> list[str]:
    """A title for each item: one name per series, with a numeral from its second part on.

    Args:
        rng: generator for the names.
        part: number of each item within its series, from 0; the parts of a series are consecutive.

    Raises:
        InputError: if there are more series than names.
    """
    qualities, things = _QUALITIES.split(), _THINGS.split()
    places = ["", *_PLACES.split("|")]
    plain = len(qualities) * len(things)
    series = np.cumsum(part == 0) - 1
    count = int(series[-1]) + 1
    if count > plain * len(places):
        raise InputError(
            f"{count:,} series of items need more titles than the {plain * len(places):,} available: make fewer items."
        )
    # Names without a place come first.
    order = np.concatenate([rng.permutation(plain) + place * plain for place in range(-(-count // plain))])
    names = []
    for number in order[:count]:
        place, rest = divmod(int(number), plain)
        quality, thing = divmod(rest, len(things))
        names.append(f"The {qualities[quality]} {things[thing]}{places[place]}")
    return [names[of] + _NUMERALS[number] for of, number in zip(series, part, strict=True)]

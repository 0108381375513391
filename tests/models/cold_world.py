"""Generated data with known causes: taste for popular items, content for the others."""

import numpy as np

USERS, WARM, COLD, GENRES, LENGTH = 60, 20, 3000, 6, 5
FEATURES = [
    {"name": "user", "kind": "categorical", "group": "user", "size": USERS + 2},
    {"name": "likes", "kind": "categorical", "group": "user", "size": GENRES + 2},
    {"name": "item", "kind": "categorical", "group": "item", "size": WARM + COLD + 2},
    {"name": "genre", "kind": "categorical", "group": "item", "size": GENRES + 2},
    {"name": "item_count", "kind": "numeric", "group": "item"},
    {"name": "history", "kind": "sequence", "group": "history", "length": LENGTH, "of": "item"},
    {"name": "history_genre", "kind": "sequence", "group": "history", "length": LENGTH, "of": "genre"},
]


def cold_world(rows=5000, seed=0):
    """Rows to learn from, rows of warm items and rows of items that were never seen, each (inputs, labels).

    Items belong to one of two camps, which no feature shows. A warm item is liked by the users of its camp. A cold item
    is liked by the users who prefer the parity of its genre. 4 of 5 training rows are of cold items, each of which
    occurs a few times. Half of the cold items are in no training row; they are in the rows of new items.
    """
    rng = np.random.default_rng(seed)
    camp = rng.integers(0, 2, WARM + COLD + 2)
    genre = rng.integers(2, GENRES + 2, WARM + COLD + 2)
    of_user, likes = rng.integers(0, 2, USERS + 2), rng.integers(2, GENRES + 2, USERS + 2)
    warm, cold = np.arange(2, WARM + 2), np.arange(WARM + 2, WARM + COLD + 2)
    history = np.stack([rng.choice(warm[camp[warm] == of_user[user]], LENGTH) for user in range(USERS + 2)])

    def table(items):
        users = rng.integers(2, USERS + 2, len(items))
        by_content = genre[items] % 2 == likes[users] % 2
        labels = np.where(items < WARM + 2, camp[items] == of_user[users], by_content)
        return users, items, labels.astype("float32")

    def inputs(users, items, counts):
        return {
            "user": users.astype("int32"),
            "likes": likes[users].astype("int32"),
            "item": items.astype("int32"),
            "genre": genre[items].astype("int32"),
            "item_count": np.log1p(counts[items]).astype("float32"),
            "history": history[users].astype("int32"),
            "history_genre": genre[history[users]].astype("int32"),
        }

    is_warm = rng.random(rows) < 0.2
    train = table(np.where(is_warm, rng.choice(warm, rows), rng.choice(cold[: COLD // 2], rows)))
    counts = np.bincount(train[1], minlength=WARM + COLD + 2)
    of_warm, of_new = table(rng.choice(warm, 500)), table(rng.choice(cold[COLD // 2 :], 500))
    known, asked, new = ((inputs(users, items, counts), labels) for users, items, labels in (train, of_warm, of_new))
    new[0]["item"][:] = 1  # what was never seen has no id
    return known, asked, new

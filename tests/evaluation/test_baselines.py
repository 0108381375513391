"""The closed-form baselines equal their definitions, and properties that all baselines share."""

import numpy as np
import pandas as pd
import pytest

from tfrec.data import FeatureSpec, Fixed, Interactions, LeaveLastOut
from tfrec.errors import InputError
from tfrec.evaluation import BASELINES, EASE, IALS, GraphFilter, ItemToItem, UserKNN, build_baselines, evaluate


def table_of(pairs, **columns):
    frame = pd.DataFrame(pairs, columns=["u", "i"]).assign(**columns)
    return Interactions.from_pandas(frame, user="u", item="i")


def groups(users=40, size=6, takes=4):
    """Two groups of users with separate items: a user has 4 of the 6 items of the group."""
    random = np.random.default_rng(0)
    return table_of(
        [
            (f"u{user}", f"{'ab'[user % 2]}{item}")
            for user in range(users)
            for item in random.choice(size, takes, replace=False)
        ]
    )


def random_pairs(users=30, items=12, seed=0):
    random = np.random.default_rng(seed)
    return table_of([(f"u{u}", f"i{i}") for u in range(users) for i in range(items) if random.random() < 0.3])


def dense(table, spec):
    """The user-item matrix, cell by cell."""
    matrix = np.zeros((len(table.user_ids), spec.num_items))
    for user, item in zip(table.user_codes, table.item_codes, strict=True):
        matrix[user, spec.items.encode([table.item_ids[item]])[0] - 2] = 1
    return matrix[matrix.any(axis=1)]


@pytest.fixture(scope="module")
def small():
    table = random_pairs()
    spec = FeatureSpec.fit(table)
    return table, spec, dense(table, spec)


def test_ease_is_the_least_squares_optimum_without_the_item_itself(small):
    """Column j of B is the ridge regression of item j on all other items."""
    table, spec, x = small
    weights = EASE(table, spec, regularization=3.0).weights
    expected = np.zeros_like(weights, np.float64)
    for item in range(spec.num_items):
        others = np.delete(np.arange(spec.num_items), item)
        ridge = x[:, others].T @ x[:, others] + 3.0 * np.eye(len(others))
        expected[others, item] = np.linalg.solve(ridge, x[:, others].T @ x[:, item])
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    history = spec.items.encode(["i3", "i5"])[None]
    scores = EASE(table, spec, regularization=3.0).score({"history": history})
    np.testing.assert_allclose(scores[0, 2:], expected[history[0] - 2].sum(axis=0), atol=1e-6)


def test_ease_is_the_same_in_blocks_and_in_single_precision(small, monkeypatch):
    table, spec, _ = small
    whole = EASE(table, spec, regularization=3.0).weights
    module = EASE.__module__
    monkeypatch.setattr(f"{module}._BLOCK", 5)
    monkeypatch.setattr(f"{module}._DOUBLE_UP_TO", 4)
    np.testing.assert_allclose(EASE(table, spec, regularization=3.0).weights, whole, atol=1e-5)


def test_ease_raises_an_error_if_the_catalogue_does_not_fit_into_memory(small, monkeypatch):
    monkeypatch.setattr("tfrec.environment.memory", lambda: 2 * 12 * 12 * 8 - 1)
    with pytest.raises(InputError, match=r"dense matrix of 12 x 12 items.*IALS"):
        EASE(*small[:2])


def loss_gradients(model, x, regularization, alpha, exponent):
    """Gradients of the objective by user and by item vectors, from its definition."""
    w, h = model.user_vectors.astype(np.float64), model.item_vectors.astype(np.float64)
    scores = w @ h.T
    by_score = -2 * x * (1 - scores) + 2 * alpha * scores
    users, items = x.sum(axis=1) + alpha * x.shape[1], x.sum(axis=0) + alpha * x.shape[0]
    ridges = 2 * regularization * users[:, None] ** exponent * w, 2 * regularization * items[:, None] ** exponent * h
    return by_score @ h + ridges[0], by_score.T @ w + ridges[1]


@pytest.mark.parametrize(("exponent", "dim"), [(0.0, 3), (1.0, 3), (0.5, 3), (1.0, 16)])
def test_a_half_step_of_ials_has_no_gradient_left(small, exponent, dim, monkeypatch):
    """The items are solved for last; after many steps both sides have converged. Rows are shorter and longer than D."""
    table, spec, x = small
    monkeypatch.setattr(f"{IALS.__module__}._CELLS", 200)  # several batches, of padded rows
    settings = {"dim": dim, "regularization": 0.05, "unobserved_weight": 0.2, "exponent": exponent}
    first = IALS(table, spec, epochs=1, **settings)
    users, items = loss_gradients(first, x, 0.05, 0.2, exponent)
    np.testing.assert_allclose(items, 0, atol=1e-4)
    assert np.abs(users).max() > 1e-2
    last = IALS(table, spec, epochs=300, **settings)
    for gradients in loss_gradients(last, x, 0.05, 0.2, exponent):
        np.testing.assert_allclose(gradients, 0, atol=2e-3)


def test_ials_folds_a_user_in_by_the_same_step(small):
    """A training user and another of the same items get the same scores: the optimum for these items."""
    table, spec, _ = small
    model = IALS(table, spec, dim=3, regularization=0.05, unobserved_weight=0.2, epochs=3)
    ids = [2, 4, 7]
    has = np.isin(np.arange(spec.num_items) + 2, ids).astype(float)
    h = model.item_vectors.astype(np.float64)
    ridge = 0.05 * (3 + 0.2 * spec.num_items)
    vector = np.linalg.solve(h.T @ (h * (has + 0.2)[:, None]) + ridge * np.eye(3), h.T @ has)
    histories = np.array([[0, 0, 7, 2, 4], [4, 2, 2, 7, 7]])  # order and repeats make no difference
    np.testing.assert_allclose(model.score({"history": histories})[:, 2:], [h @ vector] * 2, atol=1e-5)


def test_the_seed_determines_ials(small):
    table, spec, _ = small
    one, same, other = (IALS(table, spec, dim=3, epochs=2, seed=seed).item_vectors for seed in (1, 1, 2))
    assert (one == same).all() and not np.allclose(one, other)


def test_user_knn_by_hand():
    rows = {"v": "ab", "w": "abc", "x": "bcd", "y": "ad", "z": "e"}
    table = table_of([(user, item) for user, items in rows.items() for item in items])
    spec = FeatureSpec.fit(table)

    def scores(k, shrinkage, history="ab"):
        found = UserKNN(table, spec, k=k, shrinkage=shrinkage).score(
            {"history": spec.items.encode(list(history))[None]}
        )
        return dict(zip(spec.items.tokens, found[0, 2:].tolist(), strict=True))

    # v has no item that is not in the history. The others have 2, 1, 1 and 0 of a and b.
    w, x, y = 2 / (6**0.5 + 1), 1 / (6**0.5 + 1), 1 / (2 + 1)
    assert scores(9, 1.0) == pytest.approx({"a": w + y, "b": w + x, "c": w + x, "d": x + y, "e": 0}, abs=1e-6)
    assert scores(2, 1.0) == pytest.approx({"a": w + y, "b": w, "c": w, "d": y, "e": 0}, abs=1e-6)
    assert scores(1, 0.0)["c"] == pytest.approx(2 / 6**0.5)
    counts = dict(zip(spec.items.tokens, spec.item_counts.tolist(), strict=True))
    assert scores(9, 1.0, "e") == counts  # z has no other item, and no other user has e


@pytest.mark.parametrize(("low_pass", "sharpening"), [(0.0, 0.0), (0.3, 0.0), (0.3, 0.7)])
def test_the_graph_filter_is_the_formula_over_dense_matrices(small, low_pass, sharpening):
    """Written with the eigenvalues of the similarity of items, which the filter never computes."""
    table, spec, x = small
    users, items = x.sum(axis=1), x.sum(axis=0)
    similarity = (x / users[:, None]).T @ x / np.sqrt(items[:, None] * items)
    values, vectors = np.linalg.eigh(similarity)
    row = np.zeros(spec.num_items)
    history = spec.items.encode(["i3", "i5"])
    row[history - 2] = 1
    smooth = vectors[:, -4:] @ vectors[:, -4:].T
    blurred = row @ (vectors * values) @ vectors.T + low_pass * (row / np.sqrt(items) @ smooth) * np.sqrt(items)
    expected = blurred @ (np.eye(spec.num_items) - sharpening * (vectors * values) @ vectors.T)
    found = GraphFilter(table, spec, low_pass=low_pass, rank=4, sharpening=sharpening).score({"history": history[None]})
    np.testing.assert_allclose(found[0, 2:], expected, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "popularity"])
def test_planted_neighbours_are_found(name):
    """A user who is not in the training data, with three items of a group, gets the other three."""
    table = groups()
    spec = FeatureSpec.fit(table)
    (model,) = build_baselines([name], table, spec)
    for group in "ab":
        history = spec.items.encode([f"{group}{item}" for item in (0, 1, 2)])[None]
        scores = model.score({"history": history})[0]
        scores[history[0]] = -np.inf
        assert set(spec.items.decode(np.argsort(-scores)[:3])) == {f"{group}{item}" for item in (3, 4, 5)}


@pytest.mark.parametrize("name", BASELINES)
def test_scores_do_not_depend_on_the_batch(name, small):
    """Empty histories get the popularity ranking; repeats, padding and the batch make no difference."""
    table, spec, _ = small
    model, popularity = build_baselines([name, "popularity"], table, spec)[0], np.asarray(spec.item_counts)
    histories = np.array([[0, 0, 0, 0], [0, 0, 3, 5], [0, 0, 0, 1], [6, 7, 8, 9]])
    scores = model.score({"history": histories})
    assert scores.shape == (4, spec.num_items + 2) and scores.dtype == np.float32
    assert (scores[:, :2] == -np.inf).all() and np.isfinite(scores[:, 2:]).all()
    assert (scores[[0, 2], 2:] == popularity).all()
    alone = np.concatenate([model.score({"history": row[None]}) for row in histories])
    np.testing.assert_allclose(alone[:, 2:], scores[:, 2:], atol=1e-5)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    "pairs", [[("u", "i")], [("u", "i"), ("u", "j")], [("u", "i"), ("v", "i")], [("u", "i")] * 3 + [("u", "j")]]
)
def test_the_smallest_tables_are_scored(name, pairs):
    table = table_of(pairs, t=range(len(pairs)))
    spec = FeatureSpec.fit(table)
    (model,) = build_baselines([name], table, spec)
    scores = model.score({"history": np.array([[2, 2], [0, 0]])})
    assert np.isfinite(scores[:, 2:]).all()


def test_repeats_in_the_training_data_count_once():
    pairs = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "c"), ("w", "b")]
    frame = pd.DataFrame([*pairs, *pairs[:3]], columns=["u", "i"]).assign(t=range(8))
    repeated = Interactions.from_pandas(frame, user="u", item="i", time="t")
    once = table_of(pairs)
    assert len(repeated) == 8
    spec = FeatureSpec.fit(once)
    for one, other in zip(*(build_baselines(BASELINES[2:], table, spec) for table in (once, repeated)), strict=True):
        inputs = {"history": spec.items.encode(["b", "c"])[None]}
        np.testing.assert_allclose(one.score(inputs), other.score(inputs), atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (EASE, {"regularization": 0}, "regularization must be a finite number above 0, got 0"),
        (EASE, {"regularization": float("nan")}, "regularization"),
        (IALS, {"regularization": -1}, "regularization"),
        (IALS, {"unobserved_weight": True}, "unobserved_weight"),
        (IALS, {"exponent": "1"}, "exponent must be a finite number of at least 0"),
        (IALS, {"dim": 0}, "dim must be a positive integer"),
        (IALS, {"epochs": 1.5}, "epochs"),
        (IALS, {"seed": -1}, "seed must be an integer of at least 0"),
        (IALS, {"exponent": 500}, "cannot solve its equations.*nearer to the defaults"),
        (ItemToItem, {"decay": -0.5}, "decay must be a finite number above 0"),
        (UserKNN, {"k": 0}, "k must be a positive integer"),
        (UserKNN, {"shrinkage": float("inf")}, "shrinkage"),
        (GraphFilter, {"rank": 0}, "rank must be a positive integer"),
        (GraphFilter, {"low_pass": -0.1}, "low_pass must be a finite number of at least 0"),
        (GraphFilter, {"sharpening": float("nan")}, "sharpening"),
    ],
)
def test_invalid_settings_are_named(small, kind, settings, message):
    with pytest.raises(InputError, match=message):
        kind(*small[:2], **settings)


def test_data_of_another_vocabulary_and_unknown_names_raise_an_error(small):
    table, spec, _ = small
    foreign = FeatureSpec.fit(table_of([("u", "q"), ("u", "r")]))
    for name in BASELINES[2:]:
        with pytest.raises(InputError, match="fit the spec on this table"):
            build_baselines([name], table, foreign)
    with pytest.raises(InputError, match=r"Unknown baseline 'svd': expected popularity, .*graph-filter, ease, ials"):
        build_baselines(["svd"], table, spec)
    with pytest.raises(InputError, match=r"training data of a baseline: expected Interactions, got Split"):
        build_baselines(["ease"], table.split(LeaveLastOut()), spec)


def test_a_baseline_reads_the_whole_history_of_an_evaluation():
    """The newest two items have no information; the earlier ones predict the target."""
    pairs = [(f"v{n}", item) for n in range(3) for item in ("a", "b")] + [(f"w{n}", "c") for n in range(5)]
    train = [("u", "a"), ("u", "x"), ("u", "y")]
    frame = pd.DataFrame([*pairs, *train, ("u", "b")], columns=["u", "i"])
    frame["part"] = ["train"] * (len(frame) - 1) + ["test"]
    split = Interactions.from_pandas(frame, user="u", item="i", part="part").split(Fixed())
    spec = FeatureSpec.fit(split.test.history, max_length=2)
    for model in build_baselines(BASELINES[2:], split.test.history, spec):
        assert evaluate(model, spec, split.test, ks=(1,)).metrics["recall@1"] == 1, model.name

"""DELF equals its formula, learns from the users of an item, and never sees the target in its inputs."""

import keras
import numpy as np
import pandas as pd
import pytest
from keras import ops
from small_users import kept, made

from tfrec import losses, models

HISTORY = np.array([[0, 0, 3, 9, 4], [7, 8, 9, 10, 5]])
USERS = np.array([4, 1])


def by_hand(model, user, history, item, audience):
    """The formula for one pair, in NumPy, with float64."""
    weights = {f"/{weight.path}": ops.convert_to_numpy(weight).astype("float64") for weight in model.weights}

    def of(name):
        (found,) = (value for path, value in weights.items() if path.endswith(name))
        return found

    def pooled(table, members, name):
        if not members:
            return np.zeros(table.shape[1])
        x = table[members]
        f = np.tanh(x @ of(f"{name}_attention/kernel") + of(f"{name}_attention/bias"))
        f = f @ of(f"{name}_attention/direction")[:, 0]
        return np.exp(f) / np.exp(f).sum() @ x

    def mlp(name, left, right):
        kernel = np.concatenate([of(f"{name}/of_user/kernel"), of(f"{name}/of_item/kernel")])
        h = np.maximum(np.concatenate([left, right]) @ kernel + of(f"{name}/of_user/bias"), 0)
        for at in range(len(model.hidden_dims) - 1):
            h = np.maximum(h @ of(f"{name}/further/dense_{at}/kernel") + of(f"{name}/further/dense_{at}/bias"), 0)
        return h

    p, q = of("/users/embeddings")[user], of("/items/embeddings")[item]
    m = pooled(of("/history_items/embeddings"), [one for one in history if one >= 2 and one != item], "history")
    n = pooled(of("/audience_users/embeddings"), [one for one in audience if one >= 2 and one != user], "audience")
    z = [mlp("ids", p, q), mlp("user_audience", p, n), mlp("history_item", m, q), mlp("history_audience", m, n)]
    z = np.concatenate(z)
    for at in range(len(model.fusion_dims)):
        z = np.maximum(z @ of(f"fusion/dense_{at}/kernel") + of(f"fusion/dense_{at}/bias"), 0)
    return float((z @ of("out/kernel") + of("out/bias"))[0])


@pytest.mark.parametrize("sizes", [{}, {"hidden_dims": [8, 4], "fusion_dims": []}], ids=["one layer", "no fusion MLP"])
def test_equals_the_formula(sizes):
    model = made("delf", **sizes)
    model.begin_training(np.array([(3, 5), (4, 5), (8, 5), (4, 9), (6, 9), (4, 10)]))  # user, item
    audiences = {5: [3, 4, 8], 9: [4, 6], 10: [4]}
    scores = ops.convert_to_numpy(model.score({"user": USERS, "history": HISTORY}))
    wanted = [
        [by_hand(model, user, history, item, audiences.get(item, [])) for item in range(2, 22)]
        for user, history in zip(USERS, HISTORY, strict=True)
    ]
    np.testing.assert_allclose(scores[:, 2:], wanted, rtol=1e-4, atol=1e-5)


def test_the_asking_user_is_not_in_the_audience_and_the_target_not_in_the_history():
    model = made("delf")
    inputs, items = {"user": np.array([4]), "history": np.array([[3, 9, 5]])}, np.array([[9, 6]])
    model.begin_training(np.array([(3, 9), (4, 9), (8, 9), (4, 6)]))
    with_both = ops.convert_to_numpy(model.score(inputs, items))
    weights = {name: ops.convert_to_numpy(of) for name, of in model.attention_weights(inputs, np.array([9])).items()}
    audience = ops.convert_to_numpy(model.audiences(np.array([9])))
    assert 4 in audience and (weights["audience"][audience == 4] == 0).all() and weights["history"][0, 1] == 0
    for of in weights.values():
        assert of.sum() == pytest.approx(1, abs=1e-5)
    model.begin_training(np.array([(3, 9), (8, 9)]))
    without = ops.convert_to_numpy(model.score({**inputs, "history": np.array([[0, 3, 5]])}, items))
    assert with_both[0, 0] == pytest.approx(without[0, 0], abs=1e-5)
    other = ops.convert_to_numpy(model.score({**inputs, "user": np.array([1])}, items))
    model.begin_training(np.array([(3, 9), (4, 9), (8, 9)]))
    assert np.abs(ops.convert_to_numpy(model.score({**inputs, "user": np.array([1])}, items)) - other)[0, 0] > 1e-4


@pytest.mark.tensorflow
def test_nor_in_a_training_step():
    """The loss of a row is the same with and without its user in the audience of its target."""
    model, found = made("delf", unseen_rate=0.0), []
    model.compile("sgd", losses.BinaryCrossEntropy(1))
    for own in ([], [(4, 9)]):
        model.begin_training(np.array([(3, 9), (8, 9), *own]))
        state = model({"user": np.array([4]), "history": np.array([[3, 5, 9]])}, training=True)
        found.append(float(model.score_pairs(state, np.array([[9]]), training=True)[0, 0]))
        evaluated = model.score({"user": np.array([4]), "history": np.array([[3, 5, 9]])}, np.array([[9]]))
        assert found[-1] == pytest.approx(float(evaluated[0, 0]), abs=1e-5)
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_the_order_of_both_sets_means_nothing_and_padding_is_inert():
    model = kept("delf")
    scores = ops.convert_to_numpy(model.score({"user": USERS, "history": HISTORY}))
    for other in (HISTORY[:, ::-1], np.pad(HISTORY, [[0, 0], [3, 0]])):
        same = ops.convert_to_numpy(model.score({"user": USERS, "history": other}))
        np.testing.assert_allclose(same, scores, atol=1e-5)
    wider = made("delf", audience_size=11)  # the same six users an item, with more padding
    same = ops.convert_to_numpy(wider.score({"user": USERS, "history": HISTORY}))
    np.testing.assert_allclose(same, scores, atol=1e-5)


def test_it_reads_the_newest_items_up_to_its_length():
    model = made("delf", max_length=3)
    long = ops.convert_to_numpy(model.score({"user": USERS, "history": HISTORY}))
    short = ops.convert_to_numpy(model.score({"user": USERS, "history": HISTORY[:, -3:]}))
    np.testing.assert_allclose(long, short, atol=1e-5)


def trained(rows, max_length, epochs):
    from tfrec.data import FeatureSpec, Interactions, known_pairs, pairs

    table = Interactions.from_pandas(pd.DataFrame(rows, columns=["u", "i"]), user="u", item="i")
    spec = FeatureSpec.fit(table, max_length=max_length, users=True)
    sizes = {"audience_size": 6, "hidden_dim": 8, "hidden_dims": [8], "fusion_dims": [8]}
    model = models.DELF(spec.num_items, spec.num_users, max_length, **sizes, seed=0)
    known = known_pairs(table, spec)
    model.begin_training(known)
    model.compile(keras.optimizers.Adam(0.02), losses.BinaryCrossEntropy(8), jit_compile=False)
    model.fit(pairs(table, spec, 180, inputs=model.input_names).repeat(epochs), shuffle=False, verbose=0)
    return model, spec, known


@pytest.fixture(scope="module")
def neighbours():
    """Item a_k is taken with b_k, next to four items that all users take at random."""
    rng, rows = np.random.default_rng(0), []
    for user in range(240):
        rows += [(user, f"a{user % 6}"), (user, f"b{user % 6}")]
        rows += [(user, f"n{item}") for item in rng.choice(12, 4, replace=False)]
    return trained(rows, 8, 15)


@pytest.mark.tensorflow
def test_the_planted_neighbour_decides_the_score(neighbours):
    model, spec, _ = neighbours
    others = np.stack([spec.items.encode([f"b{k}" for k in range(6)])] * 6)
    history = [spec.items.encode([f"n{3 * (k % 4)}", f"a{k}", f"n{3 * (k % 4) + 1}"]) for k in range(6)]
    strangers = {"user": np.ones(6, "int32"), "history": np.stack(history)}
    best = ops.convert_to_numpy(model.score(strangers, others)).argmax(axis=1)
    assert best.tolist() == list(range(6))


@pytest.mark.tensorflow
def test_the_planted_audience_decides_the_score():
    """Items of three users, all of one group. What the model reads of a user's own items is what everybody takes."""
    rng, users, items = np.random.default_rng(0), 40, 300
    rows = [(f"u{4 * user + item % 4}", f"g{item}") for item in range(items) for user in rng.choice(10, 3, False)]
    rows += [
        (f"u{user}", f"n{item}") for user in range(users) for item in rng.choice(12, 5, replace=False)
    ]  # the newest
    model, spec, known = trained(rows, max_length=4, epochs=15)
    # All items of groups get the same vector, so only their users distinguish them.
    of_groups, own = (
        spec.items.encode([f"g{item}" for item in range(items)]),
        ops.convert_to_numpy(model.items.embeddings),
    )
    same = own.copy()
    same[of_groups] = own[of_groups].mean(axis=0)
    model.items.embeddings.assign(same)
    asking = spec.users.encode([f"u{user}" for user in range(users)])
    others = []  # an item of each group that the user does not have
    for user in asking:
        free = ~np.isin(of_groups, known[known[:, 0] == user, 1])
        others.append([of_groups[np.flatnonzero(free & (np.arange(items) % 4 == group))[0]] for group in range(4)])
    inputs = {"user": asking, "history": np.tile(spec.items.encode(["n0", "n1", "n2", "n3"]), (users, 1))}
    scores = ops.convert_to_numpy(model.score(inputs, np.array(others)))
    assert (scores.argmax(axis=1) == np.arange(users) % 4).mean() > 0.9
    model.begin_training(np.zeros((0, 2), "int32"))
    without = ops.convert_to_numpy(model.score(inputs, np.array(others)))
    np.testing.assert_allclose(without, np.repeat(without[:, :1], 4, axis=1), atol=1e-5)


@pytest.mark.tensorflow
def test_the_vector_of_unknown_users_is_trained(neighbours):
    model = neighbours[0]
    untrained = type(model).from_config(model.get_config())
    after, before = (ops.convert_to_numpy(one.users.embeddings) for one in (model, untrained))
    moved = np.abs(after - before).max(axis=1)
    assert moved[0] == 0 and moved[1] > 0.05 and moved[5] > 0.05


def test_invalid_arguments_raise_an_error():
    with pytest.raises(ValueError, match="unseen_rate must be a number from 0 to below 1, got 1"):
        models.DELF(5, 5, unseen_rate=1)
    with pytest.raises(ValueError, match="hidden_dims must have at least one layer"):
        models.DELF(5, 5, hidden_dims=[])
    with pytest.raises(ValueError, match="audience_size"):
        models.DELF(5, 5, audience_size=0)

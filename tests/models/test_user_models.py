"""Tests of every model that reads user ids: known users, new users, saving and loading."""

import keras
import numpy as np
import pytest
from keras import ops
from small_users import VARIANTS, build, give_features, given, kept, made

from tfrec.errors import InputError

GROUPS, PER_GROUP, USERS = 4, 10, 60

pytestmark = pytest.mark.parametrize("name", VARIANTS)


def numpy(tensors):
    return [ops.convert_to_numpy(one) for one in tensors]


@pytest.fixture(scope="module")
def groups():
    """Each user takes six random items of the ten of a group."""
    import pandas as pd

    from tfrec.data import Interactions

    rng = np.random.default_rng(0)
    rows = [
        (f"u{user}", f"i{user % GROUPS * PER_GROUP + item}")
        for user in range(USERS)
        for item in rng.choice(PER_GROUP, 6, replace=False)
    ]
    return Interactions.from_pandas(pd.DataFrame(rows, columns=["u", "i"]), user="u", item="i")


@pytest.mark.slow
@pytest.mark.tensorflow
def test_recovers_planted_groups_and_folds_unknown_users_in(name, groups):
    from tfrec.data import FeatureSpec, known_pairs, pairs

    keras.utils.set_random_seed(1)  # the order of the rows depends on it too, also if `pairs` has a seed
    spec = FeatureSpec.fit(groups, max_length=8, users=True)
    model = build(name, spec.num_items, spec.num_users, seed=0)
    known = known_pairs(groups, spec)
    if getattr(model, "features", None):
        give_features(model)
    model.begin_training(known)
    model.compile(keras.optimizers.Adam(0.03), VARIANTS[name][2](), jit_compile=False)
    batches = pairs(groups, spec, 90, inputs=model.input_names).repeat(25)
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    model.finish_training(known)

    def group_of(ids):
        return np.array([int(token[1:]) // PER_GROUP for token in spec.items.decode(ids)])

    some = spec.users.encode([f"u{user}" for user in range(8)])
    own = [known[known[:, 0] == user, 1] for user in some]
    best = ops.convert_to_numpy(model.recommend({"user": some, "history": np.stack(own)}, k=3)[0])
    for row, ids in enumerate(best):
        assert not set(ids.tolist()) & set(own[row].tolist())
    right = [group_of(ids) == np.full(3, row % GROUPS) for row, ids in enumerate(best)]
    assert np.mean(right) > 0.9
    # A new user with three items of a group gets the other items of this group.
    history = np.stack(
        [spec.items.encode([f"i{group * PER_GROUP + at}" for at in range(3)]) for group in range(GROUPS)]
    )
    found = ops.convert_to_numpy(model.recommend({"user": np.ones(GROUPS, "int32"), "history": history}, k=3)[0])
    assert np.mean([group_of(ids) == np.full(3, group) for group, ids in enumerate(found)]) > 0.9


def test_unknown_users_are_scored_from_their_history_or_by_popularity(name):
    model = kept(name)
    scores = ops.convert_to_numpy(model.score(given()))
    assert np.isfinite(scores[:, 2:]).all() and (scores[:, :2] == -np.inf).all()
    popular = -np.log(np.arange(1, 21))  # the ids' own order, where no counts are known
    np.testing.assert_allclose(scores[3, 2:], popular, rtol=1e-5)
    if model.folds_in:
        folded = ops.convert_to_numpy(model.score({"history": given()["history"][1:2]}))
        np.testing.assert_allclose(scores[1], folded[0], atol=1e-5)
        other = ops.convert_to_numpy(model.score({"user": [1], "history": np.array([[7, 21]])}))
        assert np.abs(other[0, 2:] - scores[1, 2:]).max() > 1e-3
    else:
        np.testing.assert_allclose(scores[1, 2:], popular, rtol=1e-5)


def test_a_known_user_needs_no_history_and_rows_do_not_see_each_other(name):
    model, inputs = kept(name), given()
    together = ops.convert_to_numpy(model.score(inputs))
    if "history" not in model.input_names:
        alone = ops.convert_to_numpy(model.score({"user": inputs["user"][[0, 2]]}))
        np.testing.assert_allclose(together[[0, 2]], alone, atol=1e-5)
    one = ops.convert_to_numpy(model.score({part: values[1:2] for part, values in inputs.items()}))
    np.testing.assert_allclose(together[1:2], one, atol=1e-5)


def test_scores_of_given_items_equal_their_scores_among_all_items(name, monkeypatch):
    model, items = kept(name), np.array([[5, 21, 1, 2]] * 4)
    scores = ops.convert_to_numpy(model.score(given()))
    some = ops.convert_to_numpy(model.score(given(), items))
    np.testing.assert_allclose(some, np.take_along_axis(scores, items, axis=1), atol=1e-5)
    monkeypatch.setattr(type(model), "pairs_at_once", 4 * 7, raising=False)  # three chunks for twenty items
    np.testing.assert_allclose(ops.convert_to_numpy(model.score(given())), scores, atol=1e-5)


def test_items_of_a_given_history_are_masked(name):
    ids, scores = numpy(kept(name).recommend(given(), k=18))
    assert not set(ids[0].tolist()) & {3, 4} and not set(ids[1].tolist()) & {5, 21} and np.isfinite(scores[0]).all()
    assert (np.diff(scores) <= 0).all()


def test_a_summary_is_printed(name, capsys):
    build(name).summary()
    assert "Total params" in capsys.readouterr().out


def test_a_wrong_input_name_raises_an_error(name):
    model = kept(name)
    with pytest.raises(ValueError, match=f"expects a dict with \\['{model.input_names[0]}'"):
        model({"who": np.array([2])})


@pytest.mark.tensorflow
def test_invalid_ids_raise_an_error(name):
    model = kept(name)
    if "user" not in model.input_names:
        pytest.skip("reads no user ids")
    with pytest.raises(InputError, match="ids in user"):
        model.score({"user": np.array([11])})
    with pytest.raises(InputError, match="expects integer ids in 'user'"):
        model.score({"user": np.array(["ann"])})
    with pytest.raises(InputError, match="expects integer ids in 'user'"):
        model.recommend({"user": np.array([[3]])})


@pytest.mark.tensorflow
def test_a_saved_model_gives_the_same_scores(name, tmp_path):
    model = kept(name)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is type(model) and loaded.get_config() == model.get_config()
    np.testing.assert_array_equal(*numpy(one.score(given()) for one in (loaded, model)))


@pytest.mark.tensorflow
def test_half_precision_and_int8_give_similar_scores(name):
    exact = ops.convert_to_numpy(kept(name).score(given()))[:, 2:]
    half = ops.convert_to_numpy(made(name, dtype="mixed_bfloat16").score(given()))[:, 2:]
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, exact, atol=0.05 * np.abs(exact).max())
    small = made(name)
    small.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    np.testing.assert_allclose(
        ops.convert_to_numpy(small.score(given()))[:, 2:], exact, atol=0.03 * np.abs(exact).max()
    )

"""What TwoTower has beyond the models that read user ids: two towers, features, and a table that follows training."""

import keras
import numpy as np
import pytest
from keras import ops
from small_users import FEATURES, build, give_features, given, kept, made

from tfrec import losses, models
from tfrec.errors import InputError

BATCH = {
    "user": np.array([2, 3, 4, 5, 6, 7], "int32"),
    "history": np.array([[2, 3], [0, 4], [5, 6], [7, 8], [0, 0], [9, 3]], "int32"),
}
TARGETS = np.array([4, 5, 6, 7, 8, 9], "int32")


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def softmax(x):
    shares = np.exp(x - x.max(axis=-1, keepdims=True))
    return shares / shares.sum(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", ["twotower", "twotower-inner"])
def test_scores_are_products_of_two_towers(name):
    """The user's parts and the attention over the history by hand; `Tower` has its own test."""
    model, inputs = kept(name), given()
    user, history = np.array([4, 1, 10]), inputs["history"][:3]
    parts = [numpy(model.users.embeddings)[user]]
    if model.features:
        encoded = model.user_tables(user)
        parts += [numpy(one) for one in model.user_embedding(encoded).values()]
    query, items = sum(parts), numpy(model.history_items.embeddings)[history]
    of = {weight.path.split("pooling/")[-1]: numpy(weight) for weight in model.pooling.weights}
    asked = query @ of["query_map/kernel"] + of["query_map/bias"]
    scores = np.einsum("bk,blk->bl", asked, items @ of["key_map"]) / np.sqrt(model.hidden_dim)
    is_item = history >= 2
    weights = np.where(is_item, softmax(np.where(is_item, scores, -1e9)), 0)
    pooled = np.einsum("bl,blk->bk", weights, items @ of["value_map"]) + of["value_bias"]
    pooled = pooled @ of["merge/kernel"] + of["merge/bias"]
    users = numpy(model.user_tower([one.astype("float32") for one in (*parts, pooled)]))
    wanted = users @ numpy(model.item_tower(np.arange(22))).T / model.temperature
    found = numpy(model.score({"user": user, "history": history}))
    np.testing.assert_allclose(found[:, 2:], wanted[:, 2:], rtol=1e-3, atol=1e-4)
    recorded = numpy(model.attention_weights({"user": user, "history": history})["history"])[:, 0]
    np.testing.assert_allclose(recorded, weights, rtol=1e-4, atol=1e-5)
    if model.normalize:
        assert np.abs(found[:, 2:]).max() <= 1 / model.temperature + 1e-3


def test_the_order_of_a_history_is_not_read():
    model = kept("twotower")
    one, other = ({"user": np.array([4]), "history": np.array([row])} for row in ([3, 9, 5], [9, 5, 3]))
    np.testing.assert_allclose(numpy(model.score(one)), numpy(model.score(other)), rtol=1e-5, atol=1e-5)


def test_features_of_a_request_replace_stored_ones_and_answer_strangers():
    model = made("twotower")
    known = np.array([4])
    job, age = (model.user_tables(known)[name] for name in ("job", "age"))
    stored = numpy(model.score({"user": known}))
    same = numpy(model.score({"user": known, "job": numpy(job), "age": numpy(age)}))
    missing = {"user": known, "job": np.array([0]), "age": np.array([np.nan], "float32")}
    np.testing.assert_allclose(same, stored, rtol=1e-6)
    np.testing.assert_allclose(numpy(model.score(missing)), stored, rtol=1e-6)
    other = (numpy(job) % 4) + 1
    assert np.abs(numpy(model.score({**missing, "job": other})) - stored)[0, 2:].max() > 1e-3
    # A stranger: the features alone, and beside a history; nothing at all is popularity.
    alone = numpy(model.score({"job": np.array([3, 0])}))
    popular = -np.log(np.arange(1, 21))
    assert np.abs(alone[0, 2:] - popular).max() > 1e-2
    np.testing.assert_allclose(alone[1, 2:], popular, rtol=1e-5)
    history = np.array([[3, 4]])
    with_job = numpy(model.score({"history": history, "job": np.array([3])}))
    assert np.abs(with_job - numpy(model.score({"history": history})))[0, 2:].max() > 1e-3


@pytest.mark.tensorflow
def test_a_step_computes_the_items_of_the_batch_alone(monkeypatch):
    model = build("twotower", seed=0)
    give_features(model)
    asked = []
    vectors = models.TwoTower.item_vectors
    monkeypatch.setattr(
        models.TwoTower,
        "item_vectors",
        lambda self, ids, training=None: asked.append((tuple(ids.shape), training)) or vectors(self, ids, training),
    )
    monkeypatch.setattr(models.TwoTower, "item_table", lambda self: pytest.fail("all items were computed"))
    model.compile("adam", losses.InBatchSoftmax(np.arange(20, 0, -1)), run_eagerly=True)
    model.fit(BATCH, TARGETS, batch_size=3, verbose=0)
    assert asked == [((3,), True)] * 2


@pytest.mark.tensorflow
@pytest.mark.parametrize("loss", [losses.InBatchSoftmax, losses.FullSoftmax])
def test_the_table_follows_every_training(loss, tmp_path):
    model = build("twotower", seed=0)
    give_features(model)
    model.compile(keras.optimizers.Adam(0.02), loss(), jit_compile=False)
    seen = []
    callback = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    model.fit(BATCH, TARGETS, epochs=2, validation_data=(BATCH, TARGETS), callbacks=[callback], verbose=0)

    def computed():
        return numpy(model.item_vectors(np.arange(22)))

    assert model.item_tower.is_folded
    np.testing.assert_allclose(numpy(model.items.embeddings), computed(), atol=1e-6)
    first = computed()
    model.train_on_batch(BATCH, TARGETS)
    assert not model.item_tower.is_folded and np.abs(computed() - first).max() > 1e-4
    np.testing.assert_allclose(numpy(model.item_table()), computed(), atol=1e-6)
    wanted = numpy(model.score(BATCH))
    model.save(tmp_path / "model.keras")  # before it is folded
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.item_tower.is_folded
    np.testing.assert_allclose(numpy(loaded.score(BATCH)), wanted, rtol=1e-5, atol=1e-5)
    before = loaded.get_weights()
    loaded.fit(BATCH, TARGETS, verbose=0)  # goes on, with the features that were saved
    assert any(np.abs(a - b).max() > 1e-5 for a, b in zip(before, loaded.get_weights(), strict=True))
    # Weights that were copied in the middle bring the table of that time.
    twin = build("twotower")
    twin.set_weights(seen[0])
    np.testing.assert_allclose(numpy(twin.item_table()), numpy(twin.item_vectors(np.arange(22))), atol=1e-6)
    assert twin.item_tower.is_folded


@pytest.mark.tensorflow
def test_user_features_are_worth_something_on_a_planted_world():
    """Users take the items of their job; the ids alone say it late, and of strangers they say nothing."""
    rng = np.random.default_rng(0)
    job = {"name": "job", "kind": "categorical", "group": "user", "size": 6}
    jobs = np.concatenate([[0, 0], rng.integers(2, 6, 80)])
    user = np.repeat(np.arange(2, 82), 4).astype("int32")
    items = ((jobs[user] - 2) * 5 + rng.integers(0, 5, len(user)) + 2).astype("int32")
    batch = {"user": user, "history": np.zeros((len(user), 1), "int32")}

    def right(features, inputs, wanted):
        model = models.TwoTower(20, 80, 4, features, 8, hidden_dims=[], unseen_rate=0.3, seed=0)
        if features:
            model.user_tables.assign({"job": jobs})
            model._has_features = True
        model.compile(keras.optimizers.Adam(0.02), losses.InBatchSoftmax(np.bincount(items)[2:]), jit_compile=False)
        model.fit(batch, items, batch_size=64, epochs=8, verbose=0)
        best = numpy(model.recommend(inputs, k=5)[0])
        return ((best - 2) // 5 + 2 == wanted[:, None]).mean()

    known = {"user": np.arange(2, 82)}
    with_job, without = right([job], known, jobs[2:]), right([], known, jobs[2:])
    assert with_job > 0.9 and with_job > without + 0.1
    strangers = np.arange(2, 6)
    assert right([job], {"job": strangers}, strangers) > 0.9


def test_what_cannot_work_raises_an_error():
    model = build("twotower")
    model.compile("adam", losses.InBatchSoftmax())
    with pytest.raises(InputError, match="call take_features"):
        model.fit(BATCH, TARGETS, verbose=0)
    with pytest.raises(ValueError, match="temperature must be a positive number, got 0"):
        build("twotower", temperature=0)
    with pytest.raises(ValueError, match="unseen_rate must be at least 0 and below 1, got 1"):
        build("twotower", unseen_rate=1)
    with pytest.raises(ValueError, match="'hour' belongs to neither"):
        build("twotower", features=[*FEATURES, {"name": "hour", "kind": "numeric", "group": "context"}])
    give_features(model)
    model.compile("adam", losses.InBatchSoftmax(np.ones(3)))
    with pytest.raises(ValueError, match="one number for each of the 20 items, got 3"):
        model.fit(BATCH, TARGETS, verbose=0)
    with pytest.raises(InputError, match="ids in job"):
        model.score({"job": np.array([7])})

"""The joint loss: attention that is learned from a teacher, or from weights of the batches."""

import keras
import numpy as np
import pytest
import small_ranking
from keras import ops
from small import BIDIRECTIONAL, VARIANTS, build, given, kept

from tfrec import models
from tfrec.errors import InputError
from tfrec.losses import FullSoftmax

HISTORY = np.array([[0, 0, 5, 9, 7], [3, 4, 8, 2, 6], [0, 0, 0, 0, 4]])
TARGETS = np.array([[0, 0, 9, 7, 3], [4, 8, 2, 6, 5], [0, 0, 0, 0, 9]])
EAGER = keras.backend.backend() == "tensorflow"  # tracing takes longer than a few steps


def compiled(model, loss=None, rate=0.02):
    model.compile(
        keras.optimizers.Adam(rate), loss or FullSoftmax(), run_eagerly=EAGER, jit_compile=False if EAGER else "auto"
    )
    return model


def numpy_of(weights):
    return {name: ops.convert_to_numpy(one).astype("float64") for name, one in weights.items()}


def kl(target, learned, history):
    """The mean over heads and real queries of each row, then over the rows; (B, H, L, L), next-item attention."""
    rows = []
    for of_target, of_learned, items in zip(target, learned, history, strict=True):
        found = []
        for query in np.flatnonzero(items):
            seen = [key for key in np.flatnonzero(items) if key <= query]
            for g, a in zip(of_target, of_learned, strict=True):
                g, a = (np.abs(one[query, seen]) / np.abs(one[query, seen]).sum() for one in (g, a))
                found.append(np.sum(g * (np.log(np.maximum(g, 1e-7)) - np.log(np.maximum(a, 1e-7)))))
        rows.append(np.mean(found))
    return np.mean(rows)


@pytest.mark.parametrize(
    ("sizes", "layers", "mean_of_heads"),
    [
        ({"num_heads": 2}, [(0, 0), (1, 1)], False),
        ({"num_heads": 4}, [(0, 0), (1, 1)], True),
        ({"num_heads": 2, "num_blocks": 3}, [(1, 2)], False),
        ({"num_heads": 1, "num_blocks": 1, "hidden_dim": 16}, [(1, 0)], True),
    ],
)
def test_the_loss_is_the_prediction_loss_plus_the_formula(sizes, layers, mean_of_heads):
    teacher = build("sasrec", seed=3, **sizes)
    student = compiled(build("sasrec", num_heads=2, seed=4))
    inputs = {"history": HISTORY}
    plain = student.evaluate(inputs, TARGETS, verbose=0, return_dict=True)
    assert set(plain) == {"loss"}
    student.supervise_attention(0.7, teacher=teacher)
    both = student.evaluate(inputs, TARGETS, verbose=0, return_dict=True)
    learned, target = (numpy_of(model.attention_weights(inputs)) for model in (student, teacher))
    expected = []
    for own, other in layers:
        pair = target[f"block_{other}"], learned[f"block_{own}"]
        pair = [one.mean(axis=1, keepdims=True) for one in pair] if mean_of_heads else pair
        expected.append(kl(*pair, HISTORY))
    assert both["attention_kl"] == pytest.approx(np.mean(expected), rel=1e-4) and min(expected) > 1e-4
    assert both["loss"] - plain["loss"] == pytest.approx(0.7 * np.mean(expected), rel=1e-3)


@pytest.mark.parametrize("name", VARIANTS)
def test_every_sequential_model_learns_from_a_teacher_of_its_class(name):
    student, history, targets = build(name, seed=1, dropout=0.0), HISTORY, TARGETS
    if name in BIDIRECTIONAL:
        history = np.where(np.arange(5) == 4, student.mask_id, HISTORY)
        targets = np.where(np.arange(5) == 4, HISTORY, 0)
    inputs, wide = given(student, history), given(student, np.pad(history, [[0, 0], [1, 0]]))
    student.supervise_attention(2.0, teacher=kept(name))
    before = compiled(student).evaluate(inputs, targets, verbose=0, return_dict=True)
    padded = student.evaluate(wide, np.pad(targets, [[0, 0], [1, 0]]), verbose=0, return_dict=True)
    assert before["attention_kl"] > 1e-4
    assert padded["attention_kl"] == pytest.approx(before["attention_kl"], rel=1e-3)
    step = student.fit(inputs, targets, epochs=2, verbose=0).history
    assert np.isfinite(step["loss"]).all() and len(step["attention_kl"]) == 2


def test_attention_moves_towards_the_teacher_which_stays_as_it_is():
    teacher, inputs, found = kept("sasrec"), {"history": HISTORY}, {}
    before = [np.array(one) for one in teacher.get_weights()]
    target = numpy_of(teacher.attention_weights(inputs))["block_1"]
    for weight in (0.0, 5.0):
        student = build("sasrec", seed=2, dropout=0.0)
        student.supervise_attention(weight, teacher=teacher)
        history = compiled(student).fit(inputs, TARGETS, epochs=15, verbose=0).history
        assert ("attention_kl" in history) == bool(weight)
        found[weight] = kl(target, numpy_of(student.attention_weights(inputs))["block_1"], HISTORY)
        assert len(student.trainable_variables) == len(build("sasrec").trainable_variables)
    assert history["attention_kl"][-1] < 0.3 * history["attention_kl"][0]
    assert found[5.0] < 0.3 * found[0.0]
    for one, other in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_weight_of_0_changes_nothing():
    learned = []
    for weight in (None, 0.0):
        keras.utils.set_random_seed(0)
        student = build("sasrec", seed=2)
        if weight is not None:
            student.supervise_attention(1.0, teacher=kept("sasrec"))
            student.supervise_attention(weight, teacher=kept("sasrec"))
        compiled(student).fit({"history": HISTORY}, TARGETS, epochs=2, verbose=0)
        learned.append(student.get_weights())
    for one, other in zip(*learned, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_the_batch_supervise_only_what_a_query_may_see():
    student = compiled(build("sasrec", seed=4))
    shares = np.random.default_rng(0).random(HISTORY.shape).astype("float32")
    shares[1, :2] = 0  # the first two queries of this row have no target, and no KL
    plain = student.evaluate({"history": HISTORY}, TARGETS, verbose=0)
    student.supervise_attention(0.5, attentions=["block_1"])
    inputs = {"history": HISTORY, "given_attention": shares}
    found = student.evaluate(inputs, TARGETS, verbose=0, return_dict=True)
    learned = numpy_of(student.attention_weights({"history": HISTORY}))["block_1"]
    rows = []
    for row, items in enumerate(HISTORY):
        each = []
        for query in np.flatnonzero(items):
            seen = np.flatnonzero((items > 0) & (np.arange(5) <= query))
            if shares[row, seen].sum() == 0:
                continue
            g = shares[row, seen] / shares[row, seen].sum()
            for head in learned[row]:
                each.append(np.sum(g * np.log(np.maximum(g, 1e-7) / head[query, seen])))
        rows.append(np.mean(each))
    assert found["attention_kl"] == pytest.approx(np.mean(rows), rel=1e-4)
    assert found["loss"] - plain == pytest.approx(0.5 * np.mean(rows), rel=1e-3)
    # Validation batches may lack the weights, training batches may not.
    assert student.evaluate({"history": HISTORY}, TARGETS, verbose=0, return_dict=True)["loss"] == pytest.approx(plain)
    with pytest.raises(InputError, match="they hold no 'given_attention'"):
        student.fit({"history": HISTORY}, TARGETS, verbose=0)


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in BIDIRECTIONAL])
def test_weights_of_the_batch_supervise_every_sequential_model(name):
    student = build(name, seed=1)
    student.supervise_attention(0.5)
    compiled(student)
    inputs, shares = given(student, HISTORY), np.random.default_rng(0).random(HISTORY.shape).astype("float32")
    with_padding, without = (
        student.evaluate({**inputs, "given_attention": one}, TARGETS, verbose=0, return_dict=True)["attention_kl"]
        for one in (shares, np.where(HISTORY > 0, shares, 0))
    )
    assert with_padding > 1e-3 and with_padding == pytest.approx(without, rel=1e-6)


@pytest.mark.tensorflow
def test_the_teacher_is_not_saved_and_inference_stays_the_same(tmp_path):
    inputs = {"history": HISTORY}
    student = build("sasrec", seed=2)
    before = ops.convert_to_numpy(student.score(inputs))
    student.supervise_attention(0.5, teacher=kept("sasrec"))
    np.testing.assert_array_equal(ops.convert_to_numpy(student.score(inputs)), before)
    compiled(student).fit(inputs, TARGETS, verbose=0)
    student.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.weights) == len(student.weights) and loaded.get_config() == student.get_config()
    np.testing.assert_array_equal(
        ops.convert_to_numpy(loaded.score(inputs)), ops.convert_to_numpy(student.score(inputs))
    )
    assert "attention_kl" not in loaded.evaluate(inputs, TARGETS, verbose=0, return_dict=True)


CLICKS = {"loss": keras.losses.BinaryCrossentropy(from_logits=True)}


@pytest.mark.parametrize(
    ("name", "sizes", "attentions"),
    [
        ("attention-matcher", {"embedding_dim": 8}, {"user_0", "item_0", "cross"}),
        ("attention-matcher-both", {"num_heads": 1}, {"user_0", "item_0", "cross", "features"}),
        ("autoint", {"num_layers": 3}, None),
        ("bst", {}, None),
        ("expert-fusion", {}, None),
    ],
)
def test_ranking_models_learn_from_a_teacher(name, sizes, attentions):
    rows = small_ranking.rows(8)
    student, teacher = small_ranking.build(name), small_ranking.made(name, **sizes)
    inputs, labels = small_ranking.given(student, rows), np.arange(8) % 2
    plain = compiled(student, rate=0.002, **CLICKS).evaluate(inputs, labels, verbose=0)
    student.supervise_attention(500.0, teacher=teacher)
    found = student.evaluate(inputs, labels, verbose=0, return_dict=True)
    assert found["attention_kl"] > 1e-5
    assert found["loss"] - plain == pytest.approx(500 * found["attention_kl"], rel=1e-3)
    if attentions is not None:
        assert set(student.attention_axes) == attentions
    steps = student.fit(inputs, labels, epochs=8, verbose=0).history["attention_kl"]
    assert min(steps[1:]) < steps[0]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("attention-matcher", {}), ("attention-matcher-joint", {}), ("bst", {}), ("dien", {}), ("din", {"softmax": True})],
)
def test_weights_of_the_batch_supervise_ranking_models(name, arguments):
    student = small_ranking.build(name, **arguments)
    inputs = small_ranking.given(student, small_ranking.rows(6, lengths=[1, 2, 3, 4, 5, 6]))
    shares = np.random.default_rng(0).random((6, small_ranking.LENGTH)).astype("float32")
    student.supervise_attention(1.0)
    compiled(student, **CLICKS)
    found = [
        student.evaluate({**inputs, "given_attention": one}, np.ones(6), verbose=0, return_dict=True)["attention_kl"]
        for one in (shares, np.where(inputs["history"] > 0, shares, 0))
    ]
    assert found[0] > 1e-3 and found[0] == pytest.approx(found[1], rel=1e-6)


def bound(vocabulary):
    model = build("sasrec")
    object.__setattr__(model, "_bound", {"item": vocabulary})
    return model


@pytest.mark.parametrize(
    ("student", "arguments", "message"),
    [
        (lambda: build("sasrec"), {"weight": -1.0}, "a finite number, 0 or above, got -1.0"),
        (lambda: build("sasrec"), {"weight": True}, "a finite number, 0 or above, got True"),
        (lambda: bound("a"), {"teacher": lambda: bound("b")}, "another vocabulary than sasrec: the ids of 'item'"),
        (lambda: build("sasrec"), {"teacher": lambda: build("sasrec", 30)}, "knows 32 ids of 'targets', the model 22"),
        (lambda: build("sasrec"), {"teacher": lambda: build("sasrec", max_length=5)}, "up to 5 items, the model of up"),
        (lambda: build("sasrec"), {"teacher": lambda: small_ranking.kept("autoint")}, "No attention of sasrec"),
        (lambda: build("sasrec"), {"teacher": lambda: kept("bert4rec")}, "over history x history. has a target in the"),
        (lambda: build("sasrec"), {"attentions": ["block_7"]}, r"among block_0, block_1, got \['block_7'\]"),
        (lambda: build("sasrec"), {"attentions": "block_1"}, "a list of names among block_0, block_1"),
        (lambda: build("bert4rec"), {}, "BERT4Rec learns from masked batches"),
        (lambda: models.MatrixFactorization(20, 9), {}, "has no attention whose weights can be recorded"),
        (lambda: models.NAIS(20, 9, hidden_dim=4), {}, "has no attention whose weights can be recorded"),
        (lambda: small_ranking.build("deepfm"), {}, "has no attention whose weights can be recorded"),
        (lambda: small_ranking.build("din"), {}, "build DIN with softmax=True"),
        (lambda: small_ranking.build("autoint"), {}, "No attention of autoint .* has a target: weights of the batch"),
        (lambda: small_ranking.build("bst", attention_supervision=0.1), {}, "built with attention_supervision=0.1"),
    ],
)
def test_what_cannot_be_supervised_is_one_clear_error(student, arguments, message):
    given = {"weight": 0.1, **arguments}
    if "teacher" in given:
        given["teacher"] = given["teacher"]()
    with pytest.raises(InputError, match=message):
        student().supervise_attention(**given)


def test_a_model_does_not_teach_itself():
    model = build("sasrec")
    with pytest.raises(InputError, match="is the model itself"):
        model.supervise_attention(0.1, teacher=model)

"""`compile` takes a loss given by name as a loss on logits, and rejects losses that would misread the outputs."""

import re
import warnings

import keras
import keras_rs
import numpy as np
import pytest
import small
import small_ranking
from keras import ops

from tfrec.losses import FullSoftmax

L, M = keras.losses, keras.metrics
TARGETS = np.random.default_rng(0).integers(2, 22, (4, 6))
CLICKS = np.array([0, 1, 1, 0], "float32")


class OwnLoss(L.Loss):
    """A user's loss, which reads logits without declaring it."""

    def call(self, y_true, y_pred):
        return ops.mean(y_pred, axis=-1)


@pytest.fixture(scope="module")
def retrieval():
    return small.made("narm", dropout=0.0)


@pytest.fixture(scope="module")
def ranking():
    return {task: small_ranking.made("deepfm", task=task, dropout=0.0) for task in ("click", "rating")}


def unaddressed(value):
    """An id that is the same in all processes: xdist compares them."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def history(model):
    return small.given(model, np.random.default_rng(1).integers(2, 22, (4, 6)))


def value_of(model, inputs, targets):
    found = model.compute_loss(inputs, ops.convert_to_tensor(targets), model(inputs), training=True)
    return float(found - sum(model.losses))


@pytest.mark.parametrize(
    "loss",
    [
        *("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", "crossentropy", ["ce"]),
        *(L.sparse_categorical_crossentropy, L.SparseCategoricalCrossentropy, {"any": FullSoftmax()}, FullSoftmax),
        L.SparseCategoricalCrossentropy(from_logits=True),
        {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}},
    ],
    ids=unaddressed,
)
def test_a_retrieval_model_uses_cross_entropy_on_logits(retrieval, loss):
    retrieval.compile("sgd", loss)
    inputs = history(retrieval)
    logits = np.asarray(retrieval._logits(retrieval(inputs)), "float64")[..., 2:]
    own = np.take_along_axis(logits, TARGETS[..., None] - 2, axis=-1)[..., 0]
    expected = np.mean(np.log(np.exp(logits).sum(-1)) - own)
    assert value_of(retrieval, inputs, TARGETS) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "loss",
    [
        *("binary_crossentropy", "bce", "BinaryCrossentropy", "crossentropy", L.binary_crossentropy, {"out": "bce"}),
        *(L.BinaryCrossentropy, [L.BinaryCrossentropy(from_logits=True)]),
    ],
    ids=unaddressed,
)
def test_a_click_model_uses_cross_entropy_on_logits(ranking, loss):
    model = ranking["click"]
    model.compile("sgd", loss)
    inputs = small_ranking.given(model, small_ranking.rows(4))
    logits = np.asarray(model(inputs), "float64")[:, 0]
    expected = np.mean(np.log1p(np.exp(logits)) - CLICKS * logits)
    assert value_of(model, inputs, CLICKS) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("model", "loss", "names"),
    [
        ("retrieval", L.SparseCategoricalCrossentropy(), r"SparseCategoricalCrossentropy\(from_logits=True\)"),
        *(
            ("retrieval", loss, "FullSoftmax")
            for loss in ("categorical_crossentropy", "bce", "mse", "hinge", "kld", L.Poisson(), L.cosine_similarity)
        ),
        ("retrieval", keras_rs.losses.PairwiseHingeLoss(), "FullSoftmax"),
        ("retrieval", [FullSoftmax(), FullSoftmax()], "one loss, got 2"),
        ("click", L.BinaryCrossentropy(), r"BinaryCrossentropy\(from_logits=True\)"),
        ("click", L.BinaryFocalCrossentropy(), r"BinaryCrossentropy\(from_logits=True\)"),
        *(
            ("click", loss, r"BinaryCrossentropy\(from_logits=True\)")
            for loss in ("categorical_crossentropy", "mse", "hinge", L.Poisson(), L.MeanAbsoluteError)
        ),
        ("click", keras_rs.losses.PairwiseLogisticLoss(), r"BinaryCrossentropy\(from_logits=True\)"),
        ("click", FullSoftmax(), "item table"),
        *(("rating", loss, "MeanSquaredError") for loss in ("bce", "poisson", L.CosineSimilarity())),
    ],
)
def test_a_loss_that_misreads_the_outputs_raises_an_error_that_names_the_right_one(
    retrieval, ranking, model, loss, names
):
    with pytest.raises(ValueError, match=names):
        ({"retrieval": retrieval} | ranking)[model].compile("sgd", loss)


def test_custom_losses_and_regression_losses_are_used_unchanged(retrieval, ranking):
    for model in (retrieval, ranking["click"], ranking["rating"]):
        own = OwnLoss()
        model.compile("sgd", own)
        assert model.loss is own
    for loss in ("mse", "huber", L.LogCosh(), L.MeanAbsoluteError):
        ranking["rating"].compile("sgd", loss)


def test_a_loss_over_an_item_table_rejects_loss_weights(retrieval):
    with pytest.raises(ValueError, match="loss_weights"):
        retrieval.compile("sgd", FullSoftmax(), loss_weights=0.5)


@pytest.mark.parametrize("name", ["retrieval", "click"])
def test_training_without_a_loss_raises_an_error_before_the_first_step(retrieval, ranking, name):
    model = small.build("narm") if name == "retrieval" else small_ranking.build("deepfm", embedding_l2=0.01)
    model.compile("sgd", run_eagerly=True)  # embedding_l2 alone would be learned from
    inputs = history(model) if name == "retrieval" else small_ranking.given(model, small_ranking.rows(4))
    with pytest.raises(ValueError, match="compiled without a loss"):
        model.fit(inputs, TARGETS if name == "retrieval" else CLICKS, verbose=0)


def test_click_metrics_get_probabilities(ranking):
    model = ranking["click"]
    inputs = small_ranking.given(model, small_ranking.rows(64))
    labels = (np.arange(64) % 3 == 0).astype("float32")
    metrics = ["accuracy", "binary_accuracy", M.AUC(2000, name="auc"), "BinaryCrossentropy", M.F1Score(threshold=0.5)]
    model.compile("sgd", "bce", metrics=metrics, run_eagerly=True)
    found = model.evaluate(inputs, labels, batch_size=64, verbose=0, return_dict=True)
    probability = 1 / (1 + np.exp(-np.asarray(model(inputs), "float64")[:, 0]))
    right = np.mean((probability > 0.5) == labels)
    pairs = probability[labels == 1][:, None] - probability[labels == 0]
    assert found["accuracy"] == pytest.approx(right) and found["binary_accuracy"] == pytest.approx(right)
    assert found["auc"] == pytest.approx(np.mean(pairs > 0), abs=0.01)
    log_loss = -np.mean(np.where(labels == 1, np.log(probability), np.log1p(-probability)))
    assert found["BinaryCrossentropy"] == pytest.approx(log_loss, rel=1e-4)
    hits = (probability > 0.5) & (labels == 1)
    assert found["f1_score"] == pytest.approx(2 * hits.sum() / ((probability > 0.5).sum() + labels.sum()), rel=1e-4)


@pytest.mark.parametrize(
    ("task", "metric", "says"),
    [
        ("click", M.AUC(from_logits=True), "get probabilities"),
        ("click", M.BinaryCrossentropy(from_logits=True), "get probabilities"),
        ("click", M.Precision(thresholds=0), "get probabilities"),
        ("click", M.F1Score(), "threshold=0.5"),
        ("click", M.Accuracy(), "does not fit"),
        ("click", "sparse_categorical_accuracy", "does not fit"),
        ("click", "top_k_categorical_accuracy", "does not fit"),
        ("click", keras_rs.metrics.NDCG(k=10), "does not fit"),
        ("rating", "accuracy", "RootMeanSquaredError"),
        ("rating", "auc", "RootMeanSquaredError"),
    ],
)
def test_a_metric_that_misreads_the_outputs_raises_an_error(ranking, task, metric, says):
    with pytest.raises(ValueError, match=says):
        ranking[task].compile("sgd", metrics=[metric])
    with pytest.raises(ValueError, match=says):
        ranking[task].compile("sgd", weighted_metrics=[metric])


@pytest.mark.tensorflow
def test_sparse_metrics_equal_those_with_one_hot_labels(retrieval):
    asked = [
        *("sparse_top_k_categorical_accuracy", M.SparseTopKCategoricalAccuracy(3, name="three")),
        *(M.TopKCategoricalAccuracy(3, name="one-hot"), keras_rs.metrics.RecallAtK(k=3, name="recall")),
        *(M.Recall(top_k=3, name="stock recall"), "accuracy", "sparse_categorical_accuracy"),
    ]
    retrieval.compile("sgd", FullSoftmax(), metrics=asked, run_eagerly=True)
    inputs = history(retrieval)
    targets = np.array(retrieval.recommend(inputs, k=4)[0])[np.arange(4), [0, 2, 3, 2]]  # places 1, 3, 4 and 3
    found = retrieval.evaluate(inputs, targets, verbose=0, return_dict=True)
    three = [found[name] for name in ("three", "one-hot", "recall", "stock recall")]
    assert three == pytest.approx([0.75] * 4)
    assert found["sparse_top_k_categorical_accuracy"] == pytest.approx(1.0)  # of five
    assert found["accuracy"] == found["sparse_categorical_accuracy"] == pytest.approx(0.25)
    for metric in ("mse", M.AUC(), M.Precision(), "binary_accuracy", "sparse_categorical_crossentropy"):
        with pytest.raises(ValueError, match="one-hot"):
            retrieval.compile("sgd", FullSoftmax(), metrics=[metric])


@pytest.mark.tensorflow
@pytest.mark.parametrize("labels", [[-1, 1, 1, -1], [0, 1, 0, 2], [0, 1, np.nan, 1]], ids=str)
@pytest.mark.parametrize("how", ["fit", "evaluate", "train_on_batch"])
def test_click_labels_must_lie_between_0_and_1(ranking, labels, how):
    model = ranking["click"]
    model.compile(keras.optimizers.SGD(0.0), "bce", run_eagerly=True)
    arguments = {} if how == "train_on_batch" else {"verbose": 0}
    inputs = small_ranking.given(model, small_ranking.rows(4))
    with pytest.raises(ValueError, match="Click labels must lie between 0 and 1"):
        getattr(model, how)(inputs, np.array(labels, "float32"), **arguments)
    getattr(model, how)(inputs, np.array([0, 1, 0.25, 1], "float32"), **arguments)


@pytest.mark.tensorflow
def test_a_wrong_label_is_found_in_any_batch_unless_its_weight_is_0(ranking):
    model = ranking["click"]
    model.compile(keras.optimizers.SGD(0.0), "bce", run_eagerly=True)
    inputs, labels = small_ranking.given(model, small_ranking.rows(4)), np.array([0, 1, 1, -1], "float32")
    how = {"batch_size": 1, "verbose": 0, "shuffle": False}
    with pytest.raises(ValueError, match="Click labels must lie between 0 and 1"):
        model.fit(inputs, labels, **how)
    model.fit(inputs, labels, sample_weight=np.array([1, 1, 1, 0], "float32"), **how)


@pytest.mark.tensorflow
def test_ratings_may_be_any_finite_numbers(ranking):
    model = ranking["rating"]
    model.compile(keras.optimizers.SGD(0.0), "mse", run_eagerly=True)
    inputs = small_ranking.given(model, small_ranking.rows(4))
    model.fit(inputs, np.array([-1, 5, 0, 2], "float32"), verbose=0)
    with pytest.raises(ValueError, match="finite"):
        model.fit(inputs, np.array([-1, 5, np.nan, 2], "float32"), verbose=0)


@pytest.mark.tensorflow
def test_a_saved_model_keeps_its_compile_settings(ranking, tmp_path):
    model = ranking["click"]
    model.compile(keras.optimizers.SGD(0.01), "binary_crossentropy", metrics=["accuracy"])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.compiled and loaded.loss.from_logits and loaded.optimizer.built


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("jit_compile", "width", "warns"), [(True, None, True), (True, 6, False), (False, None, False)]
)
def test_xla_with_batches_of_varying_width_gives_a_warning(monkeypatch, jit_compile, width, warns):
    import tensorflow as tf

    monkeypatch.setattr(keras.Model, "fit", lambda self, *_, **__: None)
    kind = {"history": tf.TensorSpec((None, width), tf.int32)}, tf.TensorSpec((None, width), tf.int32)
    batches = tf.data.Dataset.from_generator(lambda: iter(()), output_signature=kind)
    model = small.build("narm")
    model.compile("sgd", FullSoftmax(), jit_compile=jit_compile)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(batches)
    assert [("jit_compile=False" in str(one.message)) for one in caught] == [True] * warns


def test_labels_may_have_a_second_axis_in_some_calls_only(ranking):
    """TensorFlow traces a step that has seen both for labels of unknown rank."""
    model, inputs = ranking["click"], small_ranking.given(ranking["click"], small_ranking.rows(4))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], weighted_metrics=["mse"])
    column, weights = CLICKS[:, None], CLICKS + 1
    given = [(CLICKS, weights), (column, weights), (column, weights[:, None])]
    found = [model.evaluate(inputs, labels, sample_weight=weights, verbose=0) for labels, weights in given]
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-6)


@pytest.mark.parametrize("policy, warned", [("float16", True), ("mixed_float16", False), ("float32", False)])
def test_weights_in_half_precision_give_a_warning(policy, warned):
    model = small_ranking.build("fm", dtype=policy)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.compile("sgd", "binary_crossentropy")
    assert any('dtype="mixed_float16"' in str(one.message) for one in told) == warned

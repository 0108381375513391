"""Check that the metrics passed to `compile` can read the outputs of retrieval and ranking models."""

from typing import Any

import keras

_AUTOMATIC = ("accuracy", "acc")  # Keras resolves these two correctly, by shapes
_REGRESSION = {
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError"),
    *("MeanSquaredLogarithmicError", "LogCoshError", "R2Score", "PearsonCorrelation", "ConcordanceCorrelation"),
    *("mean_squared_error", "mean_absolute_error", "mean_absolute_percentage_error"),
    *("mean_squared_logarithmic_error", "log_cosh", "huber"),
}
_COUNTS = {"Precision", "Recall", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"}
_CLICK_METRICS = {
    *("AUC", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", *_COUNTS, "F1Score", "FBetaScore"),
    *("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"),
    *("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "R2Score", "PearsonCorrelation"),
    *("binary_accuracy", "binary_crossentropy", "binary_focal_crossentropy", "mean_squared_error"),
    *("mean_absolute_error",),
}
_LIST_METRICS = {"TopKCategoricalAccuracy", "CategoricalAccuracy", "top_k_categorical_accuracy", "categorical_accuracy"}


def retrieval_metrics(metrics: Any) -> Any:
    """The metrics of a retrieval model: metrics of score lists with one-hot labels.

    Sparse Keras metrics, which expect integer labels, are replaced by their one-hot equivalents.

    Raises:
        ValueError: if a metric of Keras cannot read a list of scores with a one-hot label.
    """

    def chosen(given: Any) -> Any:
        if isinstance(given, str) and given.lower() in _AUTOMATIC:
            return given
        metric, name = _resolved(given)
        if name == "SparseTopKCategoricalAccuracy":
            return keras.metrics.TopKCategoricalAccuracy(metric.get_config()["k"], metric.name)
        if name == "SparseCategoricalAccuracy":
            return keras.metrics.CategoricalAccuracy(metric.name)
        if name in ("sparse_top_k_categorical_accuracy", "sparse_categorical_accuracy"):
            return getattr(keras.metrics, name.removeprefix("sparse_"))
        has_top_k = name in ("Precision", "Recall") and metric.top_k is not None
        if name is None or name in _LIST_METRICS or has_top_k:
            return given
        raise ValueError(
            f"The metric {name} does not fit a retrieval model, whose metrics get a list of scores and a one-hot "
            "label: use keras_rs metrics such as NDCG(k=10), or keras.metrics.TopKCategoricalAccuracy(k=10)."
        )

    return _each(metrics, chosen)


def ranking_metrics(metrics: Any, task: str) -> Any:
    """The metrics of a ranking model, which get the output of `score`: click probabilities or ratings.

    Raises:
        ValueError: if a metric of Keras or keras-rs expects other predictions.
    """

    def chosen(given: Any) -> Any:
        if task == "click" and isinstance(given, str) and given.lower() in _AUTOMATIC:
            return given
        metric, name = _resolved(given)
        if task == "click" and _reads_logits(metric):
            raise ValueError(
                f"The metric {name or type(metric).__name__} expects logits (from_logits=True, or a threshold of 0), "
                "but the metrics of a click model get probabilities: leave out from_logits and the threshold."
            )
        if type(metric).__module__.startswith("keras_rs."):
            name = type(metric).__name__
        elif name is None or name in (_CLICK_METRICS if task == "click" else _REGRESSION):
            if name in ("F1Score", "FBetaScore") and metric.threshold is None:
                raise ValueError(f"The metric {name} needs a threshold on the probability: pass threshold=0.5.")
            return given
        good = "keras.metrics.AUC() or BinaryCrossentropy()" if task == "click" else "RootMeanSquaredError()"
        kind = "probabilities of a click" if task == "click" else "ratings"
        raise ValueError(
            f"The metric {name} does not fit a {task} model, whose metrics get {kind}, (B, 1): use {good}."
        )

    return _each(metrics, chosen)


def _each(metrics: Any, chosen: Any) -> Any:
    if not isinstance(metrics, list | tuple | dict):
        return metrics  # None, or a value that Keras rejects
    return keras.tree.map_structure(lambda one: one if one is None else chosen(one), metrics)


def _resolved(given: Any) -> tuple[Any, str | None]:
    """A metric, and its name in `keras.metrics`; None for custom metrics."""
    metric = keras.metrics.get(given)
    name = getattr(metric, "__name__", type(metric).__name__)
    own = metric if hasattr(metric, "__name__") else type(metric)
    is_from_keras = own in (getattr(keras.metrics, name, None), getattr(keras.losses, name, None))
    return metric, name if is_from_keras and name != "MeanMetricWrapper" else None


def _reads_logits(metric: Any) -> bool:
    if getattr(metric, "from_logits", False) or getattr(metric, "_from_logits", False):
        return True
    if type(metric).__name__ not in _COUNTS:
        return False
    config = metric.get_config()
    thresholds = config.get("thresholds")
    return thresholds == 0 or thresholds in ([0], [0.0])

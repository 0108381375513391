"""Plot the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tfrec.pictures import drawing, png
from tfrec.terminal import printable

_TITLES = {
    "val_ndcg@10": "NDCG@10, validation items",
    "val_auc": "AUC, validation rows",
    "val_log_loss": "Log loss, validation rows",
    "val_rmse": "RMSE, validation rows",
}


def learning_curve(
    history: Mapping[str, Sequence[float]],
    baselines: Mapping[str, float] | None = None,
    monitor: str = "val_ndcg@10",
) -> bytes:
    """Plot the loss and the monitored validation metric over the epochs, as PNG.

    Args:
        history: `Training.history`.
        baselines: name -> the same metric on the same part, drawn as horizontal lines.
        monitor: "val_ndcg@10", "val_auc", "val_log_loss" or "val_rmse".

    Raises:
        InputError: if matplotlib is not installed.
    """
    with drawing() as pyplot:
        from matplotlib.ticker import MaxNLocator

        epochs = range(1, len(history["loss"]) + 1)
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
        left.plot(epochs, history["loss"], marker="o", markersize=3, label="training")
        left.plot(epochs, history["val_loss"], marker="o", markersize=3, label="validation")
        left.set(title="Loss", xlabel="epoch", ylabel="squared error" if monitor == "val_rmse" else "cross-entropy")
        right.plot(epochs, history[monitor], marker="o", markersize=3, label="model")
        for (name, value), style in zip((baselines or {}).items(), ("--", ":", "-."), strict=False):
            right.axhline(value, color="gray", linestyle=style, label=printable(name))
        right.set(title=_TITLES[monitor], xlabel="epoch", ylim=(0, None) if monitor == "val_ndcg@10" else None)
        for axes in (left, right):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.grid(alpha=0.3)
            axes.legend()
        image = png(figure)
        pyplot.close(figure)
    return image

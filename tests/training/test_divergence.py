"""A run stops after the first epoch with a non-finite loss, or without the metric that chooses the best epoch."""

import pytest

from tfrec.errors import InputError
from tfrec.training.divergence import StopOnDivergence


def test_a_run_stops_if_its_loss_is_not_finite_or_its_best_epoch_cannot_be_chosen():
    callback = StopOnDivergence("val_ndcg@10")
    callback.on_epoch_end(0, {"loss": 1.0, "val_ndcg@10": 0.1})
    with pytest.raises(InputError, match="loss of epoch 2 is nan"):
        callback.on_epoch_end(1, {"loss": float("nan"), "val_ndcg@10": 0.1})
    with pytest.raises(InputError, match=r"lack val_ndcg@10.*argument `training`"):
        callback.on_epoch_end(0, {"loss": 1.0, "val_loss": 1.0})

"""Run by benchmarks/packing.py in an environment with RecTools: the library's own SASRec, batches and trainer.

    python rectools_sasrec.py JOB.json SIDE

`rectools.models.SASRecModel` with `loss="softmax"` (on the logits of all positions) is trained by `fit_partial`: once
on some users to warm up, and once on the users that are timed. The model takes its items from the interactions it is
fitted on. So both calls get all users, which makes the softmax one over all items, and a data preparator of our own
(the library's `data_preparator_type`) selects the users of an epoch. Sequences and batches are the library's.
"""

import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytorch_lightning as lightning
import torch
from rectools import Transposed
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools.models.nn.transformers.sasrec import SASRecDataPreparator


class Epoch(lightning.Callback):
    """How long the training steps of the newest epoch took, with their batches. The model copies its trainer."""

    seconds = 0.0

    def on_train_epoch_start(self, trainer, module):
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer, module):
        Epoch.seconds = time.perf_counter() - self.began


class SomeUsers(SASRecDataPreparator):
    """The library's sequences and collate, over `users` only."""

    users = slice(0)

    def get_dataloader_train(self):
        loader = super().get_dataloader_train()
        found = loader.dataset
        found.sessions, found.weights = found.sessions[self.users], found.weights[self.users]
        return torch.utils.data.DataLoader(found, self.batch_size, shuffle=True, collate_fn=loader.collate_fn)


def dataset_of(rows, job):
    """All users, `first` before the others, and additional users for items that are not among anyone's newest items."""
    newest = job["max_length"] + 1
    others = sorted({*range(1, job["num_items"] + 1)}.difference(*(row[-newest:] for row in rows)))
    # A user of one item would be dropped.
    rows = [*rows, *([1, *others[at : at + newest - 1]] for at in range(0, len(others), newest - 1))]
    items = np.concatenate([np.asarray(row, dtype="int64") for row in rows])
    frame = pd.DataFrame({Transposed.User: np.repeat(np.arange(len(rows)), [len(row) for row in rows])})
    frame[Transposed.Item], frame[Transposed.Weight] = items, 1.0
    # Sessions come in the order of their first interaction.
    frame[Transposed.Datetime] = pd.to_datetime(np.arange(len(items)), unit="s")
    return Dataset.construct(frame)


def trainer():
    return lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[Epoch()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    torch.manual_seed(0)
    users, length = job["users"], job["max_length"]
    model = SASRecModel(
        n_blocks=job["num_blocks"],
        n_heads=job["num_heads"],
        n_factors=job["hidden_dim"],
        dropout_rate=job["dropout"],
        session_max_len=length,
        batch_size=job["batch_size"],
        loss="softmax",
        lr=1e-3,
        data_preparator_type=SomeUsers,
        get_trainer_func=trainer,
    )
    dataset = dataset_of(job["rows"], job)
    SomeUsers.users = slice(users, users + min(users, 3 * job["batch_size"]))
    model.fit_partial(dataset, min_epochs=1, max_epochs=1)
    items = model.data_preparator.item_id_map.size
    if items != job["num_items"] + 1:
        raise SystemExit(f"items: expected {job['num_items']} and the padding, got {items}")
    SomeUsers.users = slice(users)
    model.fit_partial(dataset, min_epochs=1, max_epochs=1)
    tokens = sum(min(len(row) - 1, length) for row in job["rows"][:users])
    versions = f"rectools {version('rectools')}, torch {torch.__version__}"
    print(json.dumps({"tokens": tokens, "seconds": Epoch.seconds, "version": versions}))


if __name__ == "__main__":
    main()

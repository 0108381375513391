"""Run by benchmarks/packing.py in an environment with RecBole: the library's own SASRec, data set, loader and trainer.

    python recbole_sasrec.py JOB.json SIDE

`recbole.model.sequential_recommender.SASRec` with `loss_type: CE` learns only from the last position of a row: the
library makes one row per target, with the items before it, padded to the full length. So each target costs a row, where
the other libraries get a target from every position, and a batch of 128 rows has 128 targets. The targets are the same
as for the other libraries (those of a user's newest items, which are cut before the library gets them). The reported
count is the number of rows, which is the number of losses. Only one user in `SHARE` is timed, because all users would
give one row per target. The catalogue (the `.item` file) is complete, so the softmax is over all items.

The library holds out each user's last two items, so two items are added for it to hold out. The width of the
feed-forward network and the activation are as in the other libraries (`hidden_dim`, relu; the library's defaults are
256 and gelu).
"""

import json
import os
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.sequential_recommender import SASRec
from recbole.trainer import Trainer
from recbole.utils import init_seed

SHARE = 8


class TimedTrainer(Trainer):
    """The library's trainer; `seconds` of the training steps of the newest epoch, with their batches."""

    seconds = 0.0

    def _train_epoch(self, *arguments, **options):
        began = time.perf_counter()
        losses = super()._train_epoch(*arguments, **options)
        self.seconds = time.perf_counter() - began
        return losses


def write(rows, job, name):
    """The library's atomic files: interactions in time order with two more per user, and all items."""
    folder = Path(name)
    folder.mkdir()
    lines = ["user_id:token\titem_id:token\ttimestamp:float"]
    for user, row in enumerate(rows):
        newest = [*row[-job["max_length"] - 1 :], 1, 1]
        lines += [f"{user}\t{item}\t{second}" for second, item in enumerate(newest)]
    (folder / f"{name}.inter").write_text("\n".join(lines) + "\n")
    items = map(str, range(1, job["num_items"] + 1))
    (folder / f"{name}.item").write_text("\n".join(["item_id:token", *items]) + "\n")


def config_of(job, name):
    chosen = {
        "data_path": str(Path.cwd()),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id"]},
        "MAX_ITEM_LIST_LENGTH": job["max_length"],
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
        "n_layers": job["num_blocks"],
        "n_heads": job["num_heads"],
        "hidden_size": job["hidden_dim"],
        "inner_size": job["hidden_dim"],
        "hidden_act": "relu",
        "hidden_dropout_prob": job["dropout"],
        "attn_dropout_prob": job["dropout"],
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "train_batch_size": job["batch_size"],
        "learner": "adam",
        "learning_rate": 1e-3,
        "epochs": 1,
        "use_gpu": False,
        "show_progress": False,
    }
    return Config(model="SASRec", dataset=name, config_dict=chosen)


def batches_of(rows, job, name):
    """The training loader of the rows, and its configuration."""
    write(rows, job, name)
    config = config_of(job, name)
    init_seed(config["seed"], reproducibility=False)
    return data_preparation(config, create_dataset(config))[0], config


def main():
    job = json.loads(Path(sys.argv[1]).read_text())
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    users = job["users"]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        timed, config = batches_of(job["rows"][: max(users // SHARE, 1)], job, "timed")
        warm, _ = batches_of(job["rows"][users : users + max(users // SHARE // 8, 1)], job, "warm")
        model = SASRec(config, timed.dataset).to(config["device"])
        if model.n_items != job["num_items"] + 1:
            raise SystemExit(f"items: expected {job['num_items']} and the padding, got {model.n_items}")
        trainer = TimedTrainer(config, model)
        trainer.fit(warm, saved=False, verbose=False)
        trainer.fit(timed, saved=False, verbose=False)
        trainer.tensorboard.close()
        os.chdir("/")
    versions = f"recbole {version('recbole')}, torch {torch.__version__}"
    print(json.dumps({"tokens": len(timed.dataset), "seconds": trainer.seconds, "version": versions}))


if __name__ == "__main__":
    main()

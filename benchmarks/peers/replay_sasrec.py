"""Run by benchmarks/packing.py in an environment with RePlay: the library's own SASRec, batches and Lightning trainer.

    python replay_sasrec.py JOB.json SIDE

`replay` follows the documentation of 0.22: `replay.nn.sequential.SasRec.from_params` (whose loss is `CE`, on the logits
of all positions), batches of a `ParquetModule`, `replay.nn.lightning.LightningModule`. `replay bucketed` adds the
library's `LengthBucketedQueryEncoder` around the blocks, with buckets of a quarter of a batch: the blocks then process
less padding, but the logits are still computed for all of it. `replay deprecated` is
`replay.models.nn.sequential.sasrec` with its `SasRecTrainingDataset`, which 0.22 marks as deprecated.

As for all libraries, targets with an item before them are counted. For every history that is not longer than the
maximum length, RePlay has one more loss: that of the first item, which it predicts from a position of padding.
"""

import json
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path

import lightning
import pandas as pd
import torch
from replay.data import FeatureHint, FeatureSource, FeatureType
from replay.data.nn import ParquetModule, TensorFeatureInfo, TensorFeatureSource, TensorSchema
from replay.nn.lightning import LightningModule
from replay.nn.lightning.optimizer import OptimizerFactory
from replay.nn.sequential import LengthBucketedQueryEncoder, SasRec
from replay.nn.transform.template import make_default_sasrec_transforms

SIDES = ("replay", "replay bucketed", "replay deprecated")


class Epoch(lightning.Callback):
    """How long the training steps of the newest epoch took, with their batches."""

    seconds = 0.0

    def on_train_epoch_start(self, trainer, module):
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer, module):
        self.seconds = time.perf_counter() - self.began


def schema_of(job):
    """The only feature: items numbered from 0; the id after the last item is padding."""
    item = TensorFeatureInfo(
        "item_id",
        feature_type=FeatureType.CATEGORICAL,
        is_seq=True,
        feature_hint=FeatureHint.ITEM_ID,
        feature_sources=[TensorFeatureSource(FeatureSource.INTERACTIONS, "item_id")],
        cardinality=job["num_items"],
        embedding_dim=job["hidden_dim"],
        padding_value=job["num_items"],
    )
    return TensorSchema([item])


def frame_of(rows):
    return pd.DataFrame({"query_id": range(len(rows)), "item_id": [[item - 1 for item in row] for row in rows]})


def module_of(job, schema, side):
    model = SasRec.from_params(
        schema,
        embedding_dim=job["hidden_dim"],
        num_heads=job["num_heads"],
        num_blocks=job["num_blocks"],
        max_sequence_length=job["max_length"],
        dropout=job["dropout"],
    )
    if side == "replay bucketed":
        model.body.encoder = LengthBucketedQueryEncoder(model.body.encoder, bucket_size=job["batch_size"] // 4)
    return LightningModule(model, optimizer_factory=OptimizerFactory("adam", learning_rate=1e-3))


def batches_of(rows, job, schema, folder):
    """The rows as a Parquet file, and the module that reads it; rows have one more item, for the shift."""
    path = Path(folder) / f"{len(list(Path(folder).iterdir()))}.parquet"
    frame_of(rows)[["item_id"]].to_parquet(path)
    return ParquetModule(
        batch_size=job["batch_size"],
        metadata={"train": {"item_id": {"shape": job["max_length"] + 1, "padding": job["num_items"]}}},
        transforms=make_default_sasrec_transforms(schema),
        train_path=str(path),
    )


def deprecated_module_of(job, schema):
    from replay.models.nn.sequential.sasrec import SasRec as DeprecatedSasRec

    return DeprecatedSasRec(
        schema,
        block_count=job["num_blocks"],
        head_count=job["num_heads"],
        hidden_size=job["hidden_dim"],
        max_seq_len=job["max_length"],
        dropout_rate=job["dropout"],
        loss_type="CE",
    )


def deprecated_batches_of(rows, job, schema):
    from replay.data.nn import PandasSequentialDataset
    from replay.models.nn.sequential.sasrec import SasRecTrainingDataset

    found = PandasSequentialDataset(schema, "query_id", "item_id", frame_of(rows))
    dataset = SasRecTrainingDataset(found, job["max_length"])
    return torch.utils.data.DataLoader(dataset, job["batch_size"], shuffle=True)


def fit(module, batches):
    """The seconds of one epoch."""
    epoch = Epoch()
    trainer = lightning.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[epoch],
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, batches)
    return epoch.seconds


def main():
    job, side = json.loads(Path(sys.argv[1]).read_text()), sys.argv[2]
    if side not in SIDES:
        raise SystemExit(f"SIDE: expected one of {SIDES}, got {side!r}")
    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    torch.manual_seed(0)
    schema, users = schema_of(job), job["users"]
    timed, warm = job["rows"][:users], job["rows"][users : 2 * users][: 3 * job["batch_size"]]
    tokens = sum(min(len(row) - 1, job["max_length"]) for row in timed)
    if side == "replay deprecated":
        module = deprecated_module_of(job, schema)
        fit(module, deprecated_batches_of(warm, job, schema))
        seconds = fit(module, deprecated_batches_of(timed, job, schema))
    else:
        module = module_of(job, schema, side)
        with tempfile.TemporaryDirectory() as folder:
            fit(module, batches_of(warm, job, schema, folder))
            seconds = fit(module, batches_of(timed, job, schema, folder))
    versions = f"replay-rec {version('replay-rec')}, torch {torch.__version__}"
    print(json.dumps({"tokens": tokens, "seconds": seconds, "version": versions}))


if __name__ == "__main__":
    main()

"""Train a retrieval model by a recipe, with stock `fit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from tfrec.data import FeatureSpec, Interactions, Split, known_pairs
from tfrec.models import RetrievalModel
from tfrec.ops.random_state import random_state_kept
from tfrec.terminal import say
from tfrec.training.checkpoints import TrainingState
from tfrec.training.divergence import StopOnDivergence
from tfrec.training.memory import check_memory
from tfrec.training.recipe import Recipe
from tfrec.training.recipe_features import describe_features

with random_state_kept():
    import keras_rs


@dataclasses.dataclass(frozen=True)
class Training:
    """A finished run.

    Attributes:
        model: the model with the weights of its best epoch.
        spec: the spec fitted on the training part.
        split: the parts of the table.
        history: one value per epoch for loss, val_loss, and ndcg@10 and recall@10 of the validation.
        best_epoch: number of the best epoch, from 1.
        seconds: training time, including all parts of a resumed run.
    """

    model: RetrievalModel
    spec: FeatureSpec
    split: Split
    history: dict[str, list[float]]
    best_epoch: int
    seconds: float


def train(
    table: Interactions,
    recipe: Recipe,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Path | None = None,
) -> Training:
    """Split the table, fit the spec on the training part, train the model, and restore its best epoch.

    The test part is not used.

    Args:
        table: interactions.
        recipe: the settings.
        verbose: as in `keras.Model.fit`.
        callbacks: further callbacks.
        checkpoint: folder for the state of the run, saved about every minute. If it holds the state of an interrupted
            run of the same recipe and table, the run is resumed. The folder is kept after the run.

    Raises:
        InputError: if the recipe does not fit the table, for instance if the model reads timestamps and the table has
            none; or if `checkpoint` holds other files.
    """
    keras.utils.set_random_seed(recipe.seed)
    split = table.split(recipe.build_split())
    spec = recipe.build_spec(split.train)
    for part in (split.valid, split.test):  # fail before training if a part cannot be evaluated
        spec.check_holdout(part)
    if spec.features and verbose:
        say(describe_features(spec, split.train))
    check_memory(lambda: recipe.build_model(spec), recipe.batch_size, _whole(recipe.loss.get("num_negatives")))
    model = recipe.build_model(spec)
    model.item_counts = spec.item_counts
    inputs = recipe.joint_loss.supervise(model, spec)
    train_batches, valid_batches = recipe.build_parts(split, model, spec, inputs)
    known = None if spec.users is None else known_pairs(split.train, spec)
    if known is not None:
        model.begin_training(known)
    model.compile(
        optimizer=recipe.build_optimizer(recipe.epochs * int(train_batches.cardinality())),
        loss=recipe.build_loss(spec),
        metrics=[
            keras_rs.metrics.NDCG(k=10, shuffle_ties=False, name="ndcg@10"),
            keras_rs.metrics.RecallAtK(k=10, shuffle_ties=False, name="recall@10"),
        ],
        # XLA is not faster on CPUs here, and would compile again for each batch length.
        jit_compile=False,
    )
    monitor = f"val_{recipe.monitored_metric}"
    best = keras.callbacks.EarlyStopping(monitor, mode="max", patience=recipe.patience, restore_best_weights=True)
    state = TrainingState(checkpoint, recipe, table, best)
    if state.resume_note and verbose:
        say(state.resume_note)
    state.skip_orders(train_batches)
    model.fit(
        train_batches,
        validation_data=valid_batches,
        initial_epoch=state.first_epoch,
        epochs=recipe.epochs,
        verbose=verbose,
        shuffle=False,  # the dataset shuffles itself
        callbacks=[best, StopOnDivergence(monitor), state, *callbacks],
    )
    if recipe.item_attributes:
        model.fold_attributes()
    if known is not None:
        model.finish_training(known)
    history = state.history
    best_epoch = max(range(len(history[monitor])), key=history[monitor].__getitem__) + 1
    return Training(model, spec, split, history, best_epoch, round(state.seconds, 1))


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

"""Train a ranking model by a recipe on labelled rows, with stock `fit`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import keras

from tfrec.data import Examples, ExampleSplit, FeatureSpec, Interactions, labelled
from tfrec.models import RankingModel
from tfrec.terminal import say
from tfrec.training.checkpoints import TrainingState
from tfrec.training.divergence import StopOnDivergence
from tfrec.training.memory import check_memory
from tfrec.training.ranking_recipe import RankingRecipe
from tfrec.training.recipe_features import describe_features


@dataclasses.dataclass(frozen=True)
class RankingTraining:
    """A finished run.

    Attributes:
        model: the model with the weights of its best epoch.
        spec: the spec fitted on the training part.
        split: the parts of the table.
        known: the rows that histories are built from.
        history: one value per epoch for loss and each metric, of training and, with the prefix `val_`, of validation.
        best_epoch: number of the best epoch, from 1.
        seconds: training time, including all parts of a resumed run.
    """

    model: RankingModel
    spec: FeatureSpec
    split: ExampleSplit
    known: Examples
    history: dict[str, list[float]]
    best_epoch: int
    seconds: float


def train_ranking(
    table: Interactions | Examples,
    recipe: RankingRecipe,
    verbose: int | str = "auto",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Path | None = None,
) -> RankingTraining:
    """Split the table, fit the spec on the training part, train the model, and restore its best epoch.

    The test part is not used.

    Args:
        table: ratings, or labelled rows.
        recipe: the settings.
        verbose: as in `keras.Model.fit`.
        callbacks: further callbacks.
        checkpoint: folder for the state of the run, saved about every minute; see `tfrec.training.train_retrieval`.

    Raises:
        InputError: if the recipe does not fit the table, or `checkpoint` holds other files.
    """
    keras.utils.set_random_seed(recipe.seed)
    loss = recipe.build_loss()
    examples = recipe.build_examples(table)
    split = examples.split(recipe.build_split())
    spec = recipe.build_spec(split.train)
    check_memory(lambda: recipe.build_model(spec, split.train))
    model = recipe.build_model(spec, split.train)
    known = recipe.known_rows(examples, split.train)
    if verbose:
        notes = [f"note: {note}" for note in examples.report.notes if note not in table.report.notes]
        say("\n".join([*notes, describe_features(spec, split.train)]))
    joint = recipe.joint_loss
    how = {"known": known, "batch_size": recipe.batch_size, "inputs": joint.supervise(model, spec)}
    if joint.weight and joint.column:
        how["attention"] = joint.column
    train_batches = labelled(split.train, spec, shuffle=True, seed=recipe.seed, unseen_rate=recipe.unseen_rate, **how)
    model.compile(
        optimizer=recipe.build_optimizer(recipe.epochs * int(train_batches.cardinality())),
        loss=loss,
        metrics=recipe.build_metrics(),
        jit_compile=False,  # XLA would compile again for each length of the histories
    )
    monitor, mode = f"val_{recipe.monitored_metric}", "max" if recipe.monitored_metric == "auc" else "min"
    best = keras.callbacks.EarlyStopping(monitor, mode=mode, patience=recipe.patience, restore_best_weights=True)
    state = TrainingState(checkpoint, recipe, examples, best)
    if state.resume_note and verbose:
        say(state.resume_note)
    state.skip_orders(train_batches)
    model.fit(
        train_batches,
        validation_data=labelled(split.valid, spec, **how),
        initial_epoch=state.first_epoch,
        epochs=recipe.epochs,
        verbose=verbose,
        shuffle=False,  # the dataset shuffles itself
        callbacks=[best, StopOnDivergence(monitor), state, *callbacks],
    )
    history = state.history
    choose = max if mode == "max" else min
    best_epoch = choose(range(len(history[monitor])), key=history[monitor].__getitem__) + 1
    return RankingTraining(model, spec, split, known, history, best_epoch, round(state.seconds, 1))

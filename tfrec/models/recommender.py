"""What retrieval and ranking models share: a config of their constructor's arguments, and presets."""

import importlib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import keras
from keras import ops

from tfrec.models.replicas import shared_out
from tfrec.models.step_checks import StepChecks
from tfrec.models.varying_shapes import warn_of_xla


class Recommender(keras.Model):
    """A Keras model of tfrec: it says what it reads, and comes from and goes to presets.

    The arguments of a subclass's constructor are its attributes under the same names, and its config; `dtype` becomes
    `dtype_policy`.
    """

    @property
    def input_names(self) -> tuple[str, ...]:
        """What it reads, by name. The data path, the evaluation and the export give it just that."""
        return tuple(tensor.name for tensor in getattr(self, "inputs", None) or ())

    @classmethod
    def from_preset(cls, preset: str | Path) -> Self:
        """The model of a preset, with its weights.

        The model reads integer ids. What gives them their meaning is the preset's feature spec: for raw ids, load both
        with `tfrec.presets.load`, and ask `tfrec.serving.recommend`.

        Args:
            preset: a name of the zoo, "sasrec_ml1m", which comes with the package, or the folder of a preset.

        Raises:
            InputError: where there is none, a file of it is damaged, or it holds a model of another class, which the
                text names. `RetrievalModel.from_preset` takes any that retrieves, `RankingModel.from_preset` any that
                ranks, `Recommender.from_preset` any.

        Example:
            >>> from tfrec import models, presets, serving
            >>> model = models.SASRec.from_preset("sasrec_ml1m")
            >>> model.num_items
            3416
            >>> preset = presets.load("sasrec_ml1m")  # the model, and what its ids mean
            >>> preset.spec.title(int(preset.spec.items.encode(["1"])[0]))
            'Toy Story (1995)'
            >>> ids, scores = serving.recommend(preset.model, preset.spec, [["1", "2355"]], k=5)
            >>> len(ids[0]), isinstance(ids[0][0], str)
            (5, True)
        """
        return _presets().load(preset, cls).model

    def save_to_preset(self, folder: str | Path, spec: Any, metrics: Any = None, card: str | None = None) -> None:
        """Write a preset that `from_preset` reads, whole or not at all.

        Args:
            folder: where to; a folder that exists must be empty or a preset, which is replaced.
            spec: the `tfrec.data.FeatureSpec` that the model was trained with: without it, ids mean nothing.
            metrics: what was measured, for metrics.json.
            card: text of README.md; None writes a stub.

        Raises:
            InputError: where the folder holds something else, or model and spec do not fit.
        """
        _presets().save(self, spec, folder, metrics, card)

    def _own_inputs(self, inputs: Any) -> dict[str, Any]:
        """The inputs that the model reads, of a batch that may carry more.

        Raises:
            ValueError: where they are no dict that has them.
        """
        absent = [name for name in self.input_names if name not in inputs] if isinstance(inputs, Mapping) else ["dict"]
        if absent:
            came = list(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
            raise ValueError(f"{type(self).__name__} reads a dict of {list(self.input_names)}, got {came}.")
        return {name: inputs[name] for name in self.input_names}

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        **kwargs: Any,
    ) -> None:
        """As in Keras, with the losses and metrics that mean something of the model's outputs.

        A name such as "binary_crossentropy" means the loss on logits, since logits are what the model gives.

        Args:
            optimizer: as in Keras.
            loss: a loss, its name, or a list or dict that holds one.
            loss_weights: as in Keras.
            metrics: as in Keras.
            weighted_metrics: as in Keras.
            **kwargs: further arguments of `keras.Model.compile`.

        Raises:
            ValueError: where a loss or metric of Keras would read the model's outputs wrongly. The text names a right
                one. Losses and metrics of your own are taken as they are.
        """
        loss, loss_weights = self._loss_meant(loss, loss_weights)
        metrics, weighted_metrics = self._metrics_meant(metrics), self._metrics_meant(weighted_metrics)
        super().compile(optimizer, loss, loss_weights, metrics, weighted_metrics, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """As in Keras, which leaves out models that have a `compile` of their own."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _compute_loss(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        # Keras' step asks here, whatever a subclass makes of `compute_loss`.
        loss = super()._compute_loss(x, y, *args, **kwargs)
        if y is None or getattr(self.loss, "reduction", None) == "sum":  # a sum adds up by itself
            return loss
        return shared_out(loss, ops.shape(y)[0])

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras adds up what the replicas hold of the first batch, which fails where they hold unequal numbers of rows.
        if iterator is not None and self._distribute_strategy is not None:
            local = self._distribute_strategy.experimental_local_results
            batch = next(next(iter(iterator))[-1])
            iterator, data_batch = None, keras.tree.map_structure(lambda one: local(one)[0], batch)
        super()._maybe_symbolic_build(iterator=iterator, data_batch=data_batch)

    def _loss_meant(self, loss: Any, loss_weights: Any) -> tuple[Any, Any]:
        return loss, loss_weights

    def _metrics_meant(self, metrics: Any) -> Any:
        return metrics

    def _check_messages(self) -> dict[str, str]:
        """What to raise where a step flags something wrong with its batch; see `tfrec.models.step_checks`."""
        return {}

    @property
    def _checks(self) -> StepChecks:
        if "_step_checks" not in self.__dict__:
            self._step_checks = StepChecks(self._check_messages())
        return self._step_checks

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; a batch that cannot be meant is refused, at the latest when its epoch is over."""
        warn_of_xla(self, args[0] if args else kwargs.get("x"))
        history = super().fit(*args, **kwargs)
        self._checks.finish()
        return history

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; a batch that cannot be meant is refused."""
        found = super().evaluate(*args, **kwargs)
        self._checks.finish()
        return found

    def reset_metrics(self) -> None:
        """At the beginning of an epoch."""
        super().reset_metrics()
        self._checks.start()

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras, but the optimizer's variables are there before: a graph that makes some is traced twice."""
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        if force or self.train_function is None:
            super().make_train_function(force)
            self.train_function = self._checks.around(self.train_function)

    def make_test_function(self, force: bool = False) -> None:
        """As in Keras, with the checks of a step around it."""
        if force or self.test_function is None:
            super().make_test_function(force)
            self.test_function = self._checks.around(self.test_function)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        parameters = inspect.signature(type(self).__init__).parameters.values()
        named = [one.name for one in parameters if one.kind is not inspect.Parameter.VAR_KEYWORD][1:]
        policy = keras.dtype_policies.serialize(self.dtype_policy)
        own = {name: policy if name == "dtype" else getattr(self, name) for name in named}
        return {"trainable": self.trainable, **own}


def _presets() -> Any:
    # The one way up: a preset knows models and data, while users expect these two methods on the model.
    return importlib.import_module("tfrec.presets")

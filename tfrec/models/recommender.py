"""Base class of all models: config from the constructor's arguments, vocabulary checks, and presets."""

import contextlib
import functools
import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import keras
from keras import ops

from tfrec.errors import InputError
from tfrec.models.attention_supervision import AttentionSupervision, check_weight, tracker
from tfrec.models.batch_origin import warn_of_holdout
from tfrec.models.constructor import config_of, takes
from tfrec.models.known_ids import check_ids, differing, explained, hashes_read_by, vocabulary_of
from tfrec.models.no_rows import of_any_rows
from tfrec.models.replicas import shared_out
from tfrec.models.step_checks import StepChecks
from tfrec.models.varying_shapes import warn_of_xla

_BOUND, _QUANTIZED = "bound_vocabulary", "quantized"  # in the config


class Recommender(keras.Model):
    """Base class of all tfrec models: names its inputs, checks its vocabulary, and loads and saves presets.

    A subclass stores each constructor argument as an attribute of the same name, and its config is built from them;
    `dtype` is stored as `dtype_policy`. Arguments that a subclass passes on by `**kwargs` are stored as the caller gave
    them.

    The ids that a model reads belong to one vocabulary. The first `fit` on batches of `tfrec.data` binds the model to
    the vocabulary of their `FeatureSpec`; `tfrec.presets.load` binds it to the vocabulary of the preset. From then on,
    `fit`, `evaluate` and `predict` reject batches of another vocabulary, even of the same size, and so does every
    function that takes a model and a spec. A saved model keeps its vocabulary.

    Attributes:
        attends_in_call: whether the attention weights are computed in the call of the model.
    """

    attends_in_call: bool = True

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Store the arguments for the config."""
        model = super().__new__(cls, *args, **kwargs)
        object.__setattr__(model, "_called_with", (args, kwargs))  # else Keras tracks their content
        object.__setattr__(model, "_bound", None)
        object.__setattr__(model, "_quantized", None)
        object.__setattr__(model, "_supervision", None)  # hidden from Keras, which would save the teacher
        return model

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model`: with inputs and outputs, or without arguments if the subclass defines `call`.

        When Keras creates the first functional model, it makes all its base classes functional, and models with their
        own `call` would then fail. So tfrec makes only the model's own class functional, not its base classes.
        """
        if len(args) > 1 or {"inputs", "outputs"} <= kwargs.keys() or (args and "outputs" in kwargs):
            given = dict(zip(("inputs", "outputs"), args, strict=False)) | kwargs
            _make_functional(self, given["inputs"], given["outputs"])
            super().__init__(*args, **kwargs)
        else:
            keras.Model.__init__(self, *args, **kwargs)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs. The data pipeline, the evaluation and the export provide exactly these."""
        return tuple(tensor.name for tensor in getattr(self, "inputs", None) or ())

    @classmethod
    def from_preset(cls, preset: str | Path) -> Self:
        """Load the model of a preset, with its weights.

        The model reads integer ids, and the preset's feature spec maps raw ids to them. To work with raw ids, load both
        with `tfrec.presets.load` and call `tfrec.serving.recommend`.

        Args:
            preset: name of a bundled preset, such as "sasrec_ml1m", or the folder of a preset.

        Raises:
            InputError: if the preset does not exist, one of its files is damaged, or its model is not of this class.
                `RetrievalModel.from_preset` loads any retrieval model, `RankingModel.from_preset` any ranking model,
                `Recommender.from_preset` any model.

        Example:
            >>> from tfrec import models, presets, serving
            >>> model = models.SASRec.from_preset("sasrec_ml1m")
            >>> model.num_items
            3416
            >>> preset = presets.load("sasrec_ml1m")  # the model and its vocabulary
            >>> preset.spec.title(int(preset.spec.items.encode(["1"])[0]))
            'Toy Story (1995)'
            >>> ids, scores = serving.recommend(preset.model, preset.spec, [["1", "2355"]], k=5)
            >>> len(ids[0]), isinstance(ids[0][0], str)
            (5, True)
        """
        return _presets().load(preset, cls).model

    def save_to_preset(
        self, folder: str | Path, spec: Any, metrics: Any = None, card: str | None = None, dtype: str = "float32"
    ) -> None:
        """Write a preset that `from_preset` reads. The write is atomic.

        Args:
            folder: output folder. It must be new, empty, or a preset, which is then replaced.
            spec: the `tfrec.data.FeatureSpec` that the model was trained with. It gives the ids their meaning.
            metrics: measured metrics, written to metrics.json.
            card: text of README.md; None writes a stub.
            dtype: "float16" stores the weights in half the space; they are read back as float32. See
                `tfrec.presets.convert`.

        Raises:
            InputError: if the dtype is another one, if the folder holds other files, or if model and spec do not fit
                together.
        """
        _presets().save(self, spec, folder, metrics, card, dtype=dtype)

    @property
    def bound_vocabulary(self) -> dict[str, str] | None:
        """Name of an input -> hash of the vocabulary of its ids; None if the vocabulary is unknown."""
        return None if self._bound is None else dict(self._bound)

    def bind_vocabulary(self, spec: Any) -> None:
        """Bind the model to the vocabulary of a spec.

        `fit` and `tfrec.presets.load` do this automatically. Call it if you changed the vocabulary on purpose, for
        instance after you replaced the item vectors.

        Args:
            spec: a `tfrec.data.FeatureSpec`; None removes the binding, and the next `fit` binds the model again.

        Raises:
            InputError: if the sizes of model and spec differ.

        Example:
            >>> import pandas as pd
            >>> from tfrec import data, models
            >>> table = data.Interactions.from_pandas(pd.DataFrame({"u": [1, 1], "i": ["x", "y"]}), user="u", item="i")
            >>> spec = data.FeatureSpec.fit(table, max_length=5)
            >>> model = models.SASRec(spec.num_items, max_length=5, hidden_dim=8)
            >>> model.bind_vocabulary(spec)
            >>> list(model.bound_vocabulary)
            ['item']
        """
        self._bind(None)
        if spec is not None:
            spec.check_fits(self)
            self._bind(spec.vocabulary_hashes)

    def _bind(self, hashes: Mapping[str, str] | None) -> None:
        found = None if hashes is None else hashes_read_by(self.input_names, hashes)
        object.__setattr__(self, "_bound", found)

    def id_sizes(self) -> dict[str, int]:
        """Name of an id input -> number of ids that the model has vectors for. Other inputs are not checked."""
        return {}

    def _target_sizes(self) -> dict[str, int]:
        """The same for the targets, under the name "targets"; empty if the targets are not ids."""
        return {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; an unknown id raises `InputError`, and an empty batch gives empty outputs."""
        if args and isinstance(args[0], Mapping):
            check_ids(self.name, args[0], self.id_sizes())
        with self._explaining():
            if not args:
                return super().__call__(**kwargs)
            return of_any_rows(super().__call__, *args, **kwargs)

    @functools.wraps(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras. The first call with batches of `tfrec.data` binds the model to their vocabulary.

        Raises:
            InputError: if the batches have another vocabulary than the model, or an id is outside its tables.
            ValueError: if the values of a batch are invalid; raised at the end of its epoch at the latest. On the JAX
                backend, any error within a step loses the model's weights, because Keras donates their memory to the
                step. Load or build the model again.
        """
        data = args[0] if args else kwargs.get("x")
        warn_of_xla(self, data)
        warn_of_holdout(data)
        with self._reading(keras.Model.fit, args, kwargs, binds=True):
            history = super().fit(*args, **kwargs)
            self._checks.finish()
            return history

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; batches of another vocabulary and batches with invalid values raise an error, as in `fit`."""
        with self._reading(keras.Model.evaluate, args, kwargs):
            found = super().evaluate(*args, **kwargs)
            self._checks.finish()
            return found

    @functools.wraps(keras.Model.predict)
    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """As in Keras; batches of another vocabulary raise an error, as in `fit`."""
        with self._reading(keras.Model.predict, args, kwargs):
            return super().predict(*args, **kwargs)

    @contextlib.contextmanager
    def _reading(
        self, method: Callable[..., Any], args: tuple, kwargs: Mapping[str, Any], binds: bool = False
    ) -> Iterator[None]:
        """Check the arguments of a Keras method, and bind the vocabulary."""
        try:
            given = inspect.signature(method).bind(self, *args, **kwargs).arguments
        except TypeError:  # Keras raises its own error
            given = {}
        held_back = given.get("validation_data")
        pairs = [(given.get("x"), given.get("y"))]
        pairs.append(tuple(held_back[:2]) if isinstance(held_back, tuple | list) else (held_back, None))
        was_bound = self._bound
        try:
            for data, targets in pairs:
                hashes = vocabulary_of(data)
                if hashes is not None:
                    self._check_vocabulary(hashes)
                    if self._supervision is not None:
                        self._supervision.check_vocabulary(self, hashes)
                    if binds and self._bound is None:
                        self._bind(hashes)
                if isinstance(data, Mapping):
                    check_ids(self.name, data, self.id_sizes())
                check_ids(self.name, {"targets": targets}, self._target_sizes())
            with self._explaining():
                yield
        except BaseException:
            if not self._has_learned():  # from any vocabulary
                object.__setattr__(self, "_bound", was_bound)
            raise

    def _has_learned(self) -> bool:
        """Whether the optimizer has made a step."""
        optimizer = getattr(self, "optimizer", None)
        try:
            return optimizer is not None and int(optimizer.iterations) > 0
        except TypeError:  # JAX: an error within a step has lost the state, which Keras donates to the step
            return False

    def _check_vocabulary(self, hashes: Mapping[str, str]) -> None:
        """Raise `InputError` if the model is bound to another vocabulary."""
        wrong = differing(self._bound or {}, hashes)
        if wrong:
            raise InputError(
                f"{self.name} was trained with another vocabulary: the ids of {', '.join(map(repr, wrong))} differ "
                "in this data. Encode the data with the FeatureSpec of the model's training, which is in its preset. "
                "If you changed the vocabulary on purpose, call model.bind_vocabulary(spec) first."
            )

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Raise a readable error if an embedding lookup fails."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            clear = explained(error, self.name, {**self.id_sizes(), **self._target_sizes()})
            if clear is None:
                raise
            raise clear from error

    @property
    def _predict_note(self) -> str | None:
        """One sentence of `summary`: what `predict` returns and what to call instead."""
        return None

    def summary(self, *args: Any, print_fn: Callable[[str], Any] | None = None, **kwargs: Any) -> None:
        """As in Keras, followed by one line that says what `predict` returns and what to call instead.

        Args:
            *args: as in `keras.Model.summary`.
            print_fn: called with each text; None prints it.
            **kwargs: as in `keras.Model.summary`.
        """
        super().summary(*args, print_fn=print_fn, **kwargs)
        if self._predict_note:
            (print_fn or print)(self._predict_note)

    def _own_inputs(self, inputs: Any) -> dict[str, Any]:
        """The inputs that the model reads; other inputs of the batch are dropped.

        Raises:
            ValueError: if `inputs` is not a dict, or an input is missing.
        """
        absent = [name for name in self.input_names if name not in inputs] if isinstance(inputs, Mapping) else ["dict"]
        if absent:
            came = list(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
            raise ValueError(f"{type(self).__name__} expects a dict with {list(self.input_names)}, got {came}.")
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
        """As in Keras, but checks that losses and metrics fit the model's outputs.

        A name such as "binary_crossentropy" means the loss on logits, because the model outputs logits.

        Args:
            optimizer: as in Keras.
            loss: a loss, its name, or a list or dict that holds one.
            loss_weights: as in Keras.
            metrics: as in Keras.
            weighted_metrics: as in Keras.
            **kwargs: further arguments of `keras.Model.compile`.

        Raises:
            ValueError: if a loss or metric of Keras would misread the model's outputs; the message names one that
                fits. Custom losses and metrics are used unchanged.
        """
        if self.dtype_policy.name == "float16":
            warnings.warn(
                f"{self.name} has the policy float16, in which small updates of weights are lost and training often "
                'fails. Build it with dtype="mixed_float16": it computes in float16 and keeps its weights in float32.',
                stacklevel=2,
            )
        loss, loss_weights = self._loss_meant(loss, loss_weights)
        metrics, weighted_metrics = self._metrics_meant(metrics), self._metrics_meant(weighted_metrics)
        super().compile(optimizer, loss, loss_weights, metrics, weighted_metrics, **kwargs)
        if self._supervision is not None:
            self._supervision.tracker = tracker()

    def supervise_attention(
        self, weight: float, teacher: "Recommender | None" = None, attentions: Sequence[str] | None = None
    ) -> None:
        """Add a loss that trains the attention weights towards those of a teacher, or towards weights of the batches.

        ```
        loss = prediction + λ mean over rows, layers, heads and queries of KL(stop_gradient(target) || learned)
        ```

        The KL is that of `tfrec.losses.attention_divergence`. Call this before `compile`; `fit` and `evaluate` then add
        the loss, and show the KL as `attention_kl`. Weights are compared as shares: the weights of a query are divided
        by their sum (where there is no softmax, their magnitudes). Only keys count that the query may see: no padding
        and, in a next-item model, no later events. Queries at padding, and queries whose target is 0 everywhere, have
        no KL.

        With a **teacher**, the target is the teacher's attention on the same batch, without dropout. The teacher is not
        trained, and not saved with the model. Stacks of layers of equal height learn layer from layer; otherwise the
        last layer learns from the teacher's last, as in MiniLM. If the numbers of heads differ, the mean over the heads
        learns from the mean over the teacher's heads.

        Without a teacher, a batch holds the target as `given_attention`, (B, L): a weight of at least 0 for each event
        of the history, for every attention over the history, as `tfrec.data.sequences(..., attention=COLUMN)` and
        `tfrec.data.labelled(..., attention=COLUMN)` provide. `given_<name>` holds it for one attention.

        Args:
            weight: λ; 0 removes the loss.
            teacher: a model with the same vocabulary that has attention over the same axes.
            attentions: names of `attention_axes` to supervise; None means all that have a target.

        Raises:
            InputError: if the weight is negative, the model has no attention weights in its call, or the teacher has
                another vocabulary, other axes, or reads shorter histories.

        Reference:
            Wang et al., "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained
            Transformers", NeurIPS 2020, arXiv 2002.10957. There, only the last layers are compared, and the relations
            of the values are distilled, too. Liu et al., "Neural Machine Translation with Supervised Attention",
            COLING 2016, arXiv 1609.04186, for targets in the data.

        Example:
            >>> import keras, numpy as np
            >>> from tfrec import losses, models
            >>> large, small = (models.SASRec(9, max_length=4, hidden_dim=8, num_heads=heads) for heads in (2, 1))
            >>> small.supervise_attention(0.1, teacher=large)
            >>> small.compile("adam", losses.FullSoftmax(), jit_compile=False)
            >>> inputs, targets = {"history": np.array([[0, 2, 3, 4]])}, np.array([[0, 3, 4, 5]])
            >>> sorted(small.fit(inputs, targets, verbose=0).history)
            ['attention_kl', 'loss']
        """
        check_weight(weight)
        if weight and getattr(self, "attention_supervision", 0):
            raise InputError(
                f"{self.name} was built with attention_supervision={self.attention_supervision!r}, which is such a "
                "loss already: leave out one of the two."
            )
        found = AttentionSupervision(self, weight, teacher, attentions) if weight else None
        object.__setattr__(self, "_supervision", found)
        self.train_function = self.test_function = None  # the traced functions have another loss
        if found is not None and self.compiled:
            found.tracker = tracker()

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """As in Keras, with the KL of `supervise_attention`."""
        own = self._supervision.tracker if self._supervision is not None else None
        return [*super().metrics, *([] if own is None else [own])]

    def train_step(self, *args: Any) -> Any:
        """As in Keras; `supervise_attention` needs the attention weights of the step."""
        with self._step():
            return super().train_step(*args)

    def test_step(self, *args: Any) -> Any:
        """As in Keras; `supervise_attention` needs the attention weights of the step."""
        with self._step():
            return super().test_step(*args)

    def _step(self) -> contextlib.AbstractContextManager:
        return contextlib.nullcontext() if self._supervision is None else self._supervision.step()

    @property
    def _wants_attention(self) -> bool:
        """Whether this call must give its attention weights to `supervise_attention`."""
        return self._supervision is not None and self._supervision.in_step

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """As in Keras, which skips models that override `compile`."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _compute_loss(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        # Keras' train step calls this, even if a subclass overrides `compute_loss`.
        loss = super()._compute_loss(x, y, *args, **kwargs)
        if self._wants_attention:
            loss = loss + self._supervision.loss(self, x, training=kwargs.get("training", True))
        if y is None or getattr(self.loss, "reduction", None) == "sum":  # sums need no scaling
            return loss
        rows = next(iter(keras.tree.flatten(x)))  # the rank of y is unknown where (B,) and (B, 1) were traced
        return shared_out(loss, ops.shape(rows)[0])

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Keras sums the first batch over the replicas, which fails if they hold unequal numbers of rows.
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
        """Error messages of the step checks, by name; see `tfrec.models.step_checks`."""
        return {}

    @property
    def _checks(self) -> StepChecks:
        if "_step_checks" not in self.__dict__:
            self._step_checks = StepChecks(self._check_messages())
        return self._step_checks

    def reset_metrics(self) -> None:
        """As in Keras, at the start of an epoch; also starts the step checks."""
        super().reset_metrics()
        self._checks.start()

    def make_train_function(self, force: bool = False) -> None:
        """As in Keras, but creates the optimizer's variables first: a graph that creates them is traced twice."""
        if self.built and self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)
        if force or self.train_function is None:
            super().make_train_function(force)
            self.train_function = self._checks.around(self.train_function)

    def make_test_function(self, force: bool = False) -> None:
        """As in Keras, with the step checks."""
        if force or self.test_function is None:
            super().make_test_function(force)
            self.test_function = self._checks.around(self.test_function)

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, **kwargs: Any) -> None:
        """As in Keras; the quantization is part of the config, so a quantized model can be saved and loaded.

        If `filters` is a function, the quantization is not saved.
        """
        super().quantize(mode, config=config, filters=filters, **kwargs)
        how = {"mode": mode, "config": keras.saving.serialize_keras_object(config), "filters": filters}
        object.__setattr__(self, "_quantized", None if callable(filters) else how)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the vocabulary and quantization if the model has them."""
        config = config_of(self, *self._called_with)
        if takes(type(self), "trainable"):
            config = {**config, "trainable": self.trainable}
        beside = {_BOUND: None if self._bound is None else dict(self._bound), _QUANTIZED: self._quantized}
        return {**config, **{name: value for name, value in beside.items() if value is not None}}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create a model from the result of `get_config`."""
        arguments = dict(config)
        bound, quantized = arguments.pop(_BOUND, None), arguments.pop(_QUANTIZED, None)
        model = super().from_config(arguments, custom_objects)
        if quantized is not None:
            if not model.built:
                raise InputError(
                    f"A quantized {cls.__name__} cannot be loaded, because it creates its weights in its first call. "
                    "Create them in the constructor, or save the model without quantization."
                )
            how = keras.saving.deserialize_keras_object(quantized["config"])
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*does not have a `quantize` method")
                model.quantize(quantized["mode"], config=how, filters=quantized["filters"])
        object.__setattr__(model, "_bound", None if bound is None else dict(bound))
        return model


_FUNCTIONAL: list[type] = []
_FUNCTIONAL_SUBCLASSES: dict[type, type] = {}  # class -> its functional subclass


def _functional(inputs: Any, outputs: Any) -> type:
    """Keras' class of functional models."""
    if not _FUNCTIONAL:
        _FUNCTIONAL.append(type(keras.Model(inputs, outputs, name="functional")))
    return _FUNCTIONAL[0]


def _make_functional(model: Recommender, inputs: Any, outputs: Any) -> None:
    """Make the class of a model functional.

    If the caller passed the graph to a general class such as `RetrievalModel`, the model gets a functional subclass of
    it instead, because that class is the base class of other models.
    """
    cls, functional = type(model), _functional(inputs, outputs)
    if issubclass(cls, functional):
        return
    args, kwargs = model._called_with
    if not any(one is outputs for one in (*args, *kwargs.values())):
        cls.__bases__ = (*cls.__bases__, functional)
        return
    if cls not in _FUNCTIONAL_SUBCLASSES:
        _FUNCTIONAL_SUBCLASSES[cls] = type(
            cls.__name__, (cls, functional), {"__module__": cls.__module__, "__doc__": cls.__doc__}
        )
    model.__class__ = _FUNCTIONAL_SUBCLASSES[cls]


def _presets() -> Any:
    # The only import of a higher package: presets import models, but users expect these two methods on the model.
    return importlib.import_module("tfrec.presets")

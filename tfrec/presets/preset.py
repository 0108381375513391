"""Save and load a preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np

import tfrec
from tfrec import atomic, inference, models
from tfrec.data import FeatureSpec
from tfrec.errors import InputError
from tfrec.models.pair_scoring_model import PairScoringModel
from tfrec.presets import manifest, model_class, stored_weights, weights_file
from tfrec.presets.bundled import find
from tfrec.presets.finite import check_finite

_OF_SPEC = ("num_items", "num_users", "max_length", "features")  # constructor arguments that the spec determines


@dataclasses.dataclass(frozen=True, repr=False)
class Preset:
    """A loaded preset: a model with its feature spec, so that it reads and returns raw ids.

    Retrieval presets have `recommend` and `score`, ranking presets `rank`, and both have `explain`. `repr` shows a
    summary.

    Attributes:
        model: the model with its weights.
        spec: the feature spec that it was trained with.
        metrics: the content of metrics.json.
        folder: the folder that it was loaded from.
        manifest: the content of preset.json.

    Example:
        >>> ids, scores = load("sasrec_ml1m").recommend([["1", "2"]], k=3)
        >>> len(ids[0]), scores.shape
        (3, (1, 3))
    """

    model: models.Recommender
    spec: FeatureSpec
    metrics: dict[str, Any]
    folder: Path
    manifest: dict[str, Any]

    def __repr__(self) -> str:
        what = f"{type(self.model).__name__} of {self.model.count_params():,} parameters"
        lines = [
            f"Preset '{self.folder.name}': {what}",
            repr(self.spec),
            f"metrics: {', '.join(self.metrics) or 'none'}",
        ]
        return "\n  ".join([*lines, f"folder: {self.folder}"])

    def recommend(
        self,
        histories: Sequence[Sequence[str]] | None = None,
        k: int = 10,
        timestamps: Sequence[Sequence[int]] | None = None,
        exclude: Sequence[Sequence[str]] | None = None,
        allow: Sequence[Sequence[str]] | None = None,
        mask_seen: bool = True,
        users: Sequence[str] | None = None,
        features: Mapping[str, Sequence[Any]] | None = None,
    ) -> tuple[list[list[str]], np.ndarray]:
        """The K best items for each history, for retrieval presets. Ids are raw ids.

        Args:
            histories: B lists of raw ids, oldest first. An empty list gets the most popular items. They may be omitted
                if `users` are given.
            k: length of the ranked lists.
            timestamps: seconds since 1970 of each item of each history, if the model reads them.
            exclude: B lists of ids that must not be recommended.
            allow: B lists of the only ids that may be recommended; an empty list allows all.
            mask_seen: False also recommends items of the history.
            users: B raw user ids, if the model reads them; for users who are not in the training data, the history is
                used.
            features: column -> B raw values of features of the users, if the model reads any.

        Returns:
            B lists of K raw ids, best first, and (B, K) float32 scores; see `tfrec.inference.recommend`.

        Raises:
            InputError: if the preset has a ranking model, or an argument is invalid.
        """
        self._check(models.RetrievalModel, "recommend")
        return inference.recommend(
            self.model, self.spec, histories, k, timestamps, exclude, allow, mask_seen, users, features
        )

    def score(
        self,
        histories: Sequence[Sequence[str]] | None,
        item_ids: Sequence[Sequence[str]],
        timestamps: Sequence[Sequence[int]] | None = None,
        users: Sequence[str] | None = None,
        features: Mapping[str, Sequence[Any]] | None = None,
    ) -> np.ndarray:
        """The scores of given items for each history, for retrieval presets.

        Args:
            histories: B lists of raw ids, oldest first.
            item_ids: B lists of C raw ids.
            timestamps: as for `recommend`.
            users: as for `recommend`.
            features: as for `recommend`.

        Returns:
            (B, C) float32, -inf for an unknown id.

        Raises:
            InputError: if the preset has a ranking model, or an argument is invalid.
        """
        self._check(models.RetrievalModel, "score")
        return inference.score(self.model, self.spec, histories, item_ids, timestamps, users, features)

    def rank(
        self,
        item_ids: Sequence[Sequence[str]] | None,
        histories: Sequence[Sequence[str]] | None = None,
        features: Mapping[str, Sequence[Any]] | None = None,
        history_labels: Sequence[Sequence[float]] | None = None,
    ) -> np.ndarray:
        """Click probabilities or ratings of given items, for ranking presets.

        Args:
            item_ids: B lists of N raw ids; None if the spec has no items.
            histories: B lists of raw ids, oldest first, if the model reads histories.
            features: column -> B raw values of user and context features; omitted features are missing values.
            history_labels: labels of the items of each history, NaN if unknown.

        Returns:
            (B, N) float32; (B,) if the spec has no items. See `tfrec.inference.rank`.

        Raises:
            InputError: if the preset has a retrieval model, or an argument is invalid.
        """
        self._check(models.RankingModel, "rank")
        return inference.rank(self.model, self.spec, item_ids, histories, features, history_labels)

    def explain(
        self,
        history: Sequence[str] = (),
        item: str | None = None,
        *,
        timestamps: Sequence[int] | None = None,
        features: Mapping[str, Any] | None = None,
        history_labels: Sequence[float] | None = None,
        user: str | None = None,
    ) -> list[inference.Attention]:
        """The attention weights behind the recommendations of a retrieval preset, or behind one score of a ranking
        preset.

        Args:
            history: raw ids, oldest first.
            item: the raw id that a ranking preset scores, or a retrieval model that scores pairs; other retrieval
                presets take none.
            timestamps: seconds since 1970 of each item of the history, if a retrieval model reads them.
            features: of ranking presets: column -> raw value of features of the user and of the context.
            history_labels: of ranking presets: the labels of the items of the history, NaN if unknown.
            user: of retrieval presets that read user ids: the raw id of the user.

        Returns:
            the weights of each attention, with titles along their axes; `tfrec.inference.heat_map` draws them.

        Raises:
            InputError: if the model has no attention, or an argument is invalid.
        """
        if isinstance(self.model, models.RankingModel):
            if timestamps is not None:
                raise InputError(f"{self.model.name} reads no timestamps: remove the argument.")
            if user is not None:
                raise InputError(f"{self.model.name} reads users as features: give features={{'user': {user!r}}}.")
            return inference.explain(self.model, self.spec, item, history, features, history_labels)[1]
        given = {"item": item, "features": features, "history_labels": history_labels}
        if isinstance(self.model, PairScoringModel):
            given.pop("item")
        if superfluous := [name for name, value in given.items() if value is not None]:
            raise InputError(
                f"`explain` takes only a history for {self.model.name}, a retrieval model: remove {superfluous[0]}."
            )
        return inference.explain_history(self.model, self.spec, history, timestamps, user, item)

    def _check(self, kind: type[models.Recommender], method: str) -> None:
        if not isinstance(self.model, kind):
            is_ranking = isinstance(self.model, models.RankingModel)
            needed, its = ("retrieval", "ranking") if is_ranking else ("ranking", "retrieval")
            instead = "rank(item_ids, histories)" if is_ranking else "recommend or score"
            raise InputError(
                f"`{method}` needs a {needed} model, but the model of the preset '{self.folder.name}' has the class "
                f"{type(self.model).__name__}, a {its} model: use preset.{instead}."
            )


def save(
    model: models.Recommender,
    spec: FeatureSpec,
    folder: str | Path,
    metrics: Mapping[str, Any] | None = None,
    card: str | None = None,
    extra_files: Mapping[str, str | bytes] | None = None,
    dtype: str = "float32",
) -> Path:
    """Write a preset. The folder appears, or replaces an old preset, in one step when everything is written.

    Args:
        model: a tfrec model.
        spec: the feature spec that it was trained with.
        folder: the preset's folder; an existing folder must be empty or a preset.
        metrics: the content of metrics.json.
        card: text of README.md; None writes a stub.
        extra_files: path in the preset -> content of further files, such as a recipe or a learning curve.
        dtype: "float16" stores matrices in half the space; they are read back as float32. See `tfrec.presets.convert`.

    Raises:
        InputError: if the dtype is another one, the folder has other content, model and spec do not match, the model's
            class is not registered with Keras, or a weight is not finite.
    """
    stored_weights.check_dtype(dtype)
    folder = check_target(folder)
    spec.check_fits(model)
    model_class.check_registered(type(model))
    model_class.build(model, spec)
    check_finite(model)
    twin = model_class.copy_of(model, spec)  # never compiled: Keras would save the optimizer's state too
    twin.bind_vocabulary(spec)
    with atomic.new_folder(folder) as new:
        spec.save(new)
        config = keras.saving.serialize_keras_object(twin)
        config.pop("compile_config", None)
        manifest.write_json(new / "config.json", config)
        stored_weights.save_weights(twin, new / "model.weights.h5", dtype)
        manifest.write_json(new / "metrics.json", dict(metrics or {}))
        (new / "README.md").write_text(card or _card_stub(model, spec, folder.name), encoding="utf-8")
        for name, content in (extra_files or {}).items():
            manifest.inside(new, name).write_bytes(content if isinstance(content, bytes) else content.encode())
        manifest.write(new)
    return folder


def check_target(folder: str | Path) -> Path:
    """Check that a preset can be saved to a folder: it is writable, and new, empty, or a preset without other files.

    Returns:
        the resolved folder.

    Raises:
        InputError: otherwise. Call it before training, so that no results are lost.
    """
    folder = Path(folder).resolve()
    if folder == Path.cwd():
        raise InputError(f"{folder} is the current folder, which cannot be replaced: name a folder inside it.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        is_preset = (folder / manifest.NAME).is_file()
        known = {manifest.NAME, *manifest.read_json(folder / manifest.NAME).get("files", {})} if is_preset else set()
        files = [folder] if folder.is_file() else [path for path in folder.rglob("*") if path.is_file()]
        others = [path for path in files if path.relative_to(folder).as_posix() not in known]
        if others:
            raise InputError(
                f"{folder} exists and has files that do not belong to a preset: {others[0]} would be lost. Name "
                "another folder."
            )
    atomic.check_writable(folder)
    return folder


def load(preset: str | Path, kind: type[models.Recommender] = models.Recommender) -> Preset:
    """Load a preset and verify all its files.

    Args:
        preset: the name of a bundled preset, such as "sasrec_ml1m", or a folder.
        kind: the required class of its model.

    Raises:
        InputError: if the preset does not exist; if a file is missing, changed, of another version or inconsistent,
            which the message names; or if the model has another class.
    """
    folder = find(preset)
    listed = manifest.verify(folder)
    config = manifest.read_json(folder / "config.json")
    found = model_class.class_of(folder / "config.json", config)
    if not issubclass(found, kind):
        is_ranking, place = issubclass(found, models.RankingModel), "tfrec.models."
        own = f"{place if found.__module__.startswith(place) else ''}{found.__name__}.from_preset"
        raise InputError(
            f"The model of the preset '{preset}' has the class {found.__name__}, expected {kind.__name__}: use {own} "
            "or tfrec.models.Recommender.from_preset, which loads any model; on the command line "
            + (
                "tfrec explain and tfrec export --ranking."
                if is_ranking
                else "tfrec recommend and tfrec export PRESET."
            )
        )
    spec = FeatureSpec.load(folder)
    model = _model(folder, found, config["config"], spec)
    if isinstance(model, models.RetrievalModel):
        model.item_counts = spec.item_counts
    metrics_file = folder / "metrics.json"
    return Preset(model, spec, manifest.read_json(metrics_file) if metrics_file.exists() else {}, folder, listed)


def _model(
    folder: Path, kind: type[models.Recommender], config: dict[str, Any], spec: FeatureSpec
) -> models.Recommender:
    """Build a model from its config and load its weights, after the sizes were compared with spec and weights file."""
    source, weights = folder / "config.json", folder / "model.weights.h5"
    spec.check_sizes(SimpleNamespace(**{name: config[name] for name in _OF_SPEC if name in config}))
    header = weights_file.read_header(weights)
    weights_file.check_config(source, config, header, is_own=kind.__module__.startswith("tfrec."))
    try:
        with weights_file.no_more_than(source, header, is_quantized="quantized" in config):
            model = kind.from_config(config)
            model_class.build(model, spec)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"The model of {source} cannot be built: {error}") from error
    spec.check_fits(model)
    try:
        model.load_weights(weights)
    except Exception as error:
        raise InputError(f"{weights} does not match the model of config.json: {error}") from error
    if kind.__module__.startswith("tfrec."):
        weights_file.check_types(weights, header, model)
    try:
        check_finite(model)
    except InputError as error:
        raise InputError(f"{weights} cannot be used: {error}") from None
    model.bind_vocabulary(spec)
    return model


def _card_stub(model: models.Recommender, spec: FeatureSpec, name: str) -> str:
    if isinstance(model, models.RankingModel):
        arguments = " --history ID ID ..." * ("history" in model.input_names) + " --item ID"
        over, use = f"{len(model.input_names)} inputs", [f"tfrec export --ranking {name} served/{name}"]
        use += [f"tfrec explain {name}{arguments}"] * bool(model.attention_axes)
    else:
        query = "--user ID" if "user" in model.input_names else "--history ID ID ..."
        over, use = f"{spec.num_items:,} items", [f"tfrec recommend {name} {query}"]
        use.append(f"tfrec export {name} served/{name}")
    module = type(model).__module__  # a class of the user's own must be imported first
    more = "" if module.partition(".")[0] in ("tfrec", "__main__") else f" --import {module}"
    commands = "\n".join(f"{one}{more}" for one in use)
    return f"""# {name}

{type(model).__name__} with {model.count_params():,} parameters over {over}, written by tfrec \
{tfrec.__version__}. Its metrics are in `metrics.json`.

Before you publish it, describe here: the data and its licence, the intended use, the limits.

```
{commands}
```
"""

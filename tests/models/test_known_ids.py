"""Ids of another vocabulary, and ids that a model has no vector for, raise a clear error."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from tfrec import evaluation, losses, models, presets, serving
from tfrec.data import (
    Examples,
    FeatureSpec,
    History,
    Interactions,
    LeaveLastOut,
    labelled,
    masked_items,
    pairs,
    sequences,
)
from tfrec.data.features.vocabulary import Vocabulary
from tfrec.errors import InputError
from tfrec.models.batch_origin import HELD_BACK, attribute_of

pytestmark = pytest.mark.slow

OTHER = "another vocabulary"


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(24), 5), "i": random.integers(0, 12, 120).astype(str)})
    return Interactions.from_pandas(frame, user="u", item="i")


@pytest.fixture(scope="module")
def split(table):
    return table.split(LeaveLastOut())


@pytest.fixture(scope="module")
def spec(split):
    return FeatureSpec.fit(split.train, max_length=5)


@pytest.fixture(scope="module")
def reordered(spec):
    """The same items in another order: what another split, or a counting of more rows, makes."""
    return FeatureSpec(Vocabulary(spec.items.tokens[::-1]), spec.item_counts[::-1].copy(), spec.max_length)


@pytest.fixture
def model(spec):
    model = models.SASRec(spec.num_items, max_length=5, hidden_dim=4, num_blocks=1)
    model.compile("adam", losses.FullSoftmax(), jit_compile=False)
    return model


@pytest.fixture(scope="module")
def trained(spec, split):
    """For tests that change nothing of it."""
    model = models.SASRec(spec.num_items, max_length=5, hidden_dim=4, num_blocks=1)
    model.compile("adam", losses.FullSoftmax(), jit_compile=False)
    model.fit(sequences(split.train, spec), verbose=0)
    return model


def test_fit_binds_the_vocabulary_and_saving_keeps_it(trained, spec, tmp_path):
    assert trained.bound_vocabulary == {"item": spec.vocabulary_hashes["item"]}
    trained.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    assert again.bound_vocabulary == trained.bound_vocabulary
    presets.save(trained, spec, tmp_path / "preset")
    assert presets.load(tmp_path / "preset").model.bound_vocabulary == trained.bound_vocabulary


@pytest.mark.parametrize(
    "changed", [lambda batches: batches, lambda batches: batches.take(1), lambda batches: batches.map(lambda *b: b)]
)
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_batches_of_another_vocabulary_raise_an_error(trained, reordered, split, method, changed):
    before = trained.get_weights()
    with pytest.raises(InputError, match=OTHER):
        getattr(trained, method)(changed(sequences(split.train, reordered)), verbose=0)
    assert all(np.array_equal(old, new) for old, new in zip(before, trained.get_weights(), strict=True))


def test_validation_and_masked_batches_of_another_vocabulary_raise_an_error(model, trained, spec, reordered, split):
    other = sequences(split.valid, reordered)
    with pytest.raises(InputError, match=OTHER):
        model.fit(sequences(split.train, spec), validation_data=other, verbose=0)
    assert model.bound_vocabulary is None  # no weight has changed
    with pytest.raises(InputError, match=OTHER):
        trained.evaluate(masked_items(sequences(split.train, reordered), reordered.mask_id), verbose=0)


def test_training_on_held_back_rows_is_warned_of(model, spec, split):
    with pytest.warns(UserWarning, match="got batches of a Holdout, the held-back rows of a split"):
        model.fit(sequences(split.test, spec).take(1), verbose=0)
    with_users = FeatureSpec.fit(split.train, max_length=5, users=True)
    assert attribute_of(pairs(split.valid, with_users).map(lambda *b: b), HELD_BACK)
    for batches in (sequences(split.train, spec), pairs(split.train, with_users)):
        assert not attribute_of(batches.take(1), HELD_BACK)


def test_all_functions_of_model_and_spec_compare_their_vocabularies(trained, spec, reordered, split, tmp_path):
    preset = presets.Preset(trained, reordered, {}, tmp_path, {"files": {}})
    for ask in (
        lambda: evaluation.evaluate(trained, reordered, split.test),
        lambda: presets.save(trained, reordered, tmp_path / "preset"),
        lambda: serving.recommend(trained, reordered, [["1"]]),
        lambda: serving.score(trained, reordered, [["1"]], [["2"]]),
        lambda: serving.explain_history(trained, reordered, ["1"]),
        lambda: serving.export(preset, tmp_path / "served"),
    ):
        with pytest.raises(InputError, match=OTHER):
            ask()
    assert not list(tmp_path.iterdir())
    smaller = FeatureSpec(Vocabulary(spec.items.tokens[:-1]), spec.item_counts[:-1], spec.max_length)
    for ask in (
        lambda: serving.recommend(trained, smaller, [["1"]]),
        lambda: serving.export(dataclasses.replace(preset, spec=smaller), tmp_path / "served"),
    ):
        with pytest.raises(InputError, match="num_items"):
            ask()


def test_a_changed_vocabulary_can_be_bound(spec, reordered, split, tmp_path):
    model = models.SASRec(spec.num_items, max_length=5, hidden_dim=4, num_blocks=1)
    model.bind_vocabulary(spec)
    with pytest.raises(InputError, match=r"model\.bind_vocabulary\(spec\)"):
        reordered.check_fits(model)
    model.bind_vocabulary(reordered)
    reordered.check_fits(model)
    model.bind_vocabulary(None)
    assert model.bound_vocabulary is None
    spec.check_fits(model)
    preset = presets.Preset(model, spec, {}, tmp_path, {})
    more = presets.with_items(preset, {"new": ["1"]})
    assert more.model.bound_vocabulary == {"item": more.spec.vocabulary_hashes["item"]}
    assert more.model.bound_vocabulary["item"] != spec.vocabulary_hashes["item"]
    assert presets.in_int8(dataclasses.replace(more)).model.bound_vocabulary == more.model.bound_vocabulary
    fewer = FeatureSpec(Vocabulary(["a"]), np.array([1]), 5)
    with pytest.raises(InputError, match="num_items"):
        model.bind_vocabulary(fewer)


def test_old_files_without_a_vocabulary_still_load(spec):
    model = models.SASRec(spec.num_items, max_length=5, hidden_dim=4, num_blocks=1)
    assert type(model).from_config(model.get_config()).bound_vocabulary is None


TOO_LARGE = {"history": np.array([[2, 3, 99]], "int32")}
NEGATIVE = {"history": np.array([[2, -1, 3]], "int32")}


@pytest.mark.parametrize("inputs", [TOO_LARGE, NEGATIVE])
@pytest.mark.parametrize("kind", [np.asarray, tf.constant])
@pytest.mark.parametrize("method", ["__call__", "embed", "score", "recommend", "attention_weights"])
def test_ids_outside_the_table_raise_an_error_in_calls(trained, inputs, kind, method):
    with pytest.raises(
        InputError, match=r"history of this batch include (99|-1), but sasrec\w* knows ids from 0 to 13"
    ):
        getattr(trained, method)({name: kind(value) for name, value in inputs.items()})


def test_ids_outside_the_table_raise_an_error_in_similar(trained):
    with pytest.raises(InputError, match="targets of this batch include 14"):
        trained.similar(np.array([2, 14]))


@pytest.mark.parametrize("as_dataset", [False, True])
@pytest.mark.parametrize(
    ("history", "targets", "wrong"),
    [([[2, 3, 99]], [[3, 4, 5]], "history"), ([[2, 3, 4]], [[3, 4, 77]], "targets")],
)
@pytest.mark.parametrize("method", ["fit", "evaluate"])
def test_ids_outside_the_table_raise_an_error_in_batches(model, history, targets, wrong, as_dataset, method):
    inputs, targets = {"history": np.array(history, "int32")}, np.array(targets, "int32")
    with pytest.raises(InputError, match=f"{wrong}.* of this batch include"):
        if as_dataset:  # as a user's program makes them: without their vocabulary
            getattr(model, method)(tf.data.Dataset.from_tensors((inputs, targets)), verbose=0)
        else:
            getattr(model, method)(inputs, targets, verbose=0)


def test_targets_outside_the_table_raise_an_error_with_a_keras_loss(spec):
    model = models.SASRec(spec.num_items, max_length=5, hidden_dim=4, num_blocks=1)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    batches = tf.data.Dataset.from_tensors((np.array([[2, 3]], "int32"), np.array([[3, 40]], "int32")))
    batches = batches.map(lambda history, targets: ({"history": history}, targets))
    with pytest.raises(InputError, match="targets of this batch include 40"):
        model.fit(batches, verbose=0)


def test_the_mask_id_is_valid_only_for_models_with_a_mask(spec, split):
    model = models.BERT4Rec(spec.num_items, max_length=6, hidden_dim=4, num_blocks=1, num_heads=1)
    model.score({"history": np.array([[2, spec.mask_id]], "int32")})
    with pytest.raises(InputError, match=f"include {spec.mask_id + 1}"):
        model.score({"history": np.array([[2, spec.mask_id + 1]], "int32")})


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "u": random.integers(0, 9, 80),
            "i": random.integers(0, 7, 80),
            "t": np.arange(80),
            "hour": random.choice(["a", "b", "c"], 80),
            "click": random.integers(0, 2, 80),
        }
    )
    return Examples.from_pandas(frame, label="click", user="u", item="i", time="t")


def fitted(rows, **changes):
    return dataclasses.replace(FeatureSpec.fit(rows, history=History(length=3)), **changes)


@pytest.fixture(scope="module")
def ranking(rows):
    spec = fitted(rows)
    model = models.DIN(spec.model_features(), embedding_dim=2, hidden_dims=[4], attention_dims=[4])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False)
    model.fit(labelled(rows, spec, rows), verbose=0)
    return model, spec


def test_a_ranking_model_is_bound_to_the_vocabulary_of_each_input(ranking, rows, tmp_path):
    model, spec = ranking
    assert set(model.bound_vocabulary) == {"item", "user", "hour"} | ({"history_label"} & spec.vocabulary_hashes.keys())
    hour = next(one for one in spec.features if one.column == "hour")
    tokens = dataclasses.replace(hour.tokens, vocabulary=Vocabulary(hour.tokens.vocabulary.tokens[::-1]))
    swapped = [dataclasses.replace(one, tokens=tokens) if one.column == "hour" else one for one in spec.features]
    other = fitted(rows, features=tuple(swapped))
    turned = fitted(rows, items=Vocabulary(spec.items.tokens[::-1]))
    for wrong, name in ((other, "'hour'"), (turned, "'item'")):
        for ask in (
            lambda wrong=wrong: model.fit(labelled(rows, wrong, rows), verbose=0),
            lambda wrong=wrong: evaluation.evaluate_labelled(model, wrong, rows, rows),
            lambda wrong=wrong: presets.save(model, wrong, tmp_path / "preset"),
            lambda wrong=wrong: serving.rank(model, wrong, [["1"]], [[]]),
            lambda wrong=wrong: serving.explain(model, wrong, "1"),
            lambda wrong=wrong: serving.export_ranking(
                presets.Preset(model, wrong, {}, tmp_path, {"files": {}}), tmp_path / "served"
            ),
        ):
            with pytest.raises(InputError, match=f"{name} differ in this (data|spec)"):
                ask()


def test_a_ranking_preset_keeps_its_vocabulary(ranking, tmp_path):
    model, spec = ranking
    presets.save(model, spec, tmp_path / "preset")
    again = presets.load(tmp_path / "preset")
    assert again.model.bound_vocabulary == model.bound_vocabulary
    assert again.spec.vocabulary_hashes == spec.vocabulary_hashes


@pytest.mark.parametrize("name", ["item", "user", "hour", "history"])
def test_ids_outside_the_tables_of_a_ranking_model_raise_an_error(ranking, rows, name):
    model, spec = ranking
    inputs, labels = next(iter(labelled(rows, spec, rows, batch_size=4)))
    wrong = {**inputs, name: tf.fill(inputs[name].shape, 50)}
    known = spec.num_items + 2 if name == "history" else None
    message = rf"of this batch include 50, but din\w* knows ids from 0 to {'' if known is None else known - 1}"
    for ask in (
        lambda: model.score({key: value.numpy() for key, value in wrong.items()}),
        lambda: model.attention_weights(wrong),
        lambda: model.predict(tf.data.Dataset.from_tensors((wrong, labels)), verbose=0),
        lambda: model.fit(tf.data.Dataset.from_tensors((wrong, labels)), verbose=0),
    ):
        with pytest.raises(InputError, match=message):
            ask()

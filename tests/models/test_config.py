"""A model can be rebuilt from its config; also a subclass that passes arguments on."""

import keras
import numpy as np
import pytest
import small
import small_ranking

from tfrec import models
from tfrec.models.constructor import arguments_of

SIZES = {"num_items": 20, "max_length": 6, "hidden_dim": 8, "num_blocks": 1}


class PassesOn(models.SASRec):
    def __init__(self, num_items, gain=1.0, **kwargs):
        super().__init__(num_items, **kwargs)
        self.gain = gain


class PassesAllOn(models.SASRec):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)


class Fixes(models.SASRec):
    def __init__(self, num_items, **kwargs):
        super().__init__(num_items, block="ligr", **kwargs)


class Changes(models.SASRec):
    def __init__(self, num_items, **kwargs):
        super().__init__(num_items, **{**kwargs, "hidden_dim": 2 * kwargs["hidden_dim"]})


class Deeper(PassesOn):
    def __init__(self, shift=0, **kwargs):
        super().__init__(**kwargs)
        self.shift = shift


class Holds(models.SASRec):
    """Keeps a layer under the name of an argument, and another argument not at all."""

    def __init__(self, num_items, extra=0.5, unkept=3, **kwargs):
        super().__init__(num_items, **kwargs)
        self.extra = keras.layers.Dropout(extra)


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        (PassesOn, {"dropout": 0.5, "gain": 2.0}, {"dropout": 0.5, "gain": 2.0}),
        (PassesOn, {"dropout": np.float32(0.5), "seed": 3, "name": "mine"}, {"dropout": 0.5, "name": "mine"}),
        (PassesOn, {"dtype": "mixed_bfloat16"}, {"dtype": "mixed_bfloat16"}),
        (PassesAllOn, {"dropout": 0.5}, {"dropout": 0.5}),
        (Fixes, {"dropout": 0.5}, {"dropout": 0.5}),
        (Changes, {"dropout": 0.5}, {"dropout": 0.5, "hidden_dim": 8}),
        (Deeper, {"dropout": 0.5, "gain": 3.0, "shift": 2}, {"dropout": 0.5, "gain": 3.0, "shift": 2}),
        (Holds, {"dropout": 0.5, "extra": 0.25, "unkept": 7}, {"dropout": 0.5, "extra": 0.25, "unkept": 7}),
    ],
)
def test_arguments_passed_on_by_a_subclass_are_in_its_config(kind, given, told):
    model = kind(**SIZES, **given)
    config = model.get_config()
    assert {name: config[name] for name in told} == told
    again = kind.from_config(config)
    assert again.get_config() == config
    assert [weight.shape for weight in again.weights] == [weight.shape for weight in model.weights]
    for name in ("dropout", "hidden_dim", "block", "dtype_policy"):
        assert getattr(again, name) == getattr(model, name)


def test_positional_arguments_are_in_the_config():
    model = PassesAllOn(20, 6, 8, 1, dropout=0.5)
    assert model.get_config() == {**SIZES, "dropout": 0.5, "trainable": True}
    assert PassesOn(20, 2.0, hidden_dim=8, num_blocks=1, max_length=6).get_config()["gain"] == 2.0


def test_a_constructor_without_kwargs_has_a_config():
    class Plain(models.RetrievalModel):
        def __init__(self, num_items):
            super().__init__()
            self.num_items = num_items

    assert Plain(5).get_config() == {"num_items": 5}
    assert Plain.from_config({"num_items": 5}).num_items == 5


def test_attention_supervision_is_in_the_config_if_given():
    class Supervised(models.DIN):
        def __init__(self, features, **kwargs):
            super().__init__(features, softmax=True, attention_supervision=0.3, **kwargs)

    model = Supervised(small_ranking.FEATURES, embedding_dim=4, hidden_dims=[8], attention_dims=[8])
    assert Supervised.from_config(model.get_config()).attention_supervision == 0.3
    given = small_ranking.build("din", softmax=True, attention_supervision=0.2)
    assert type(given).from_config(given.get_config()).attention_supervision == 0.2


@pytest.mark.parametrize("name", ["sasrec", "hstu-time", "comirec"])
def test_the_configs_of_all_models_are_unchanged(name):
    model = small.build(name)
    config = model.get_config()
    assert config["name"] == model.name and config["trainable"] is True and "bound_vocabulary" not in config
    assert type(model).from_config(config).get_config() == config


def test_a_recipe_accepts_the_constructors_arguments():
    assert {"gain", "shift", "dropout", "max_length", "seed"} <= arguments_of(Deeper).keys()
    assert "outputs" not in arguments_of(models.DIN) and "attention_supervision" in arguments_of(models.DIN)
    assert list(arguments_of(models.SASRec))[:2] == ["num_items", "max_length"]

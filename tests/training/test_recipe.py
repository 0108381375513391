"""Invalid recipes raise an error that names the entry."""

import numpy as np
import pandas as pd
import pytest

from tfrec.data import FeatureSpec, Interactions, generate_world, sequences
from tfrec.errors import InputError
from tfrec.losses.negatives import InBatch, LogUniform, Popularity, Uniform
from tfrec.training import Recipe, load_recipe, train


def test_a_recipe_survives_saving():
    attributes = {"genres": {"max_share": 1.0}, "title": {"words": True}}
    loss = {"class": "SampledSoftmax", "num_negatives": 64}
    recipe = Recipe(epochs=3, loss=loss, group_by_length=False, item_attributes=attributes)
    assert Recipe.from_toml(recipe.to_toml()) == recipe


def test_any_text_survives_and_values_without_a_toml_form_raise_an_error():
    recipe = Recipe(model={"class": "SASRec", "name": 'a "b" \\ \x7f ü'}, masking={"last_only": 1e-7})
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    with pytest.raises(InputError, match=r"TOML cannot hold this recipe.*None"):
        Recipe(model={"class": "SASRec", "hidden_dim": None}).to_toml()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "not valid TOML"),
        ("epoch = 3", "unknown entry 'epoch'"),
        ('epochs = "many"', "epochs must be int"),
        ("epochs = 0", "at least 1"),
        ('schedule = "wild"', "schedule must be constant or cosine"),
        ("model = 3", "model must be a table"),
        ('[split]\nrule = "random"', "split.rule must be one of"),
        ('[split]\nrule = "by-time"\nvalidation = 3', "unknown entry 'validation'"),
        ('[model]\nclass = "Oracle"', "model.class must be .*SASRec"),
        ('[model]\nclass = "SASRec"\nwidth = 3', "unknown entry 'width'"),
        ('[model]\nclass = "SASRec"\nhidden_dim = -3', "hidden_dim must be a positive integer"),
        ('[loss]\nclass = "Hinge"', "loss.class must be one of BPR, BinaryCrossEntropy"),
        ('[loss]\nclass = "SampledSoftmax"\nnegatives = "rare"', "loss.negatives must be one of uniform.* got 'rare'"),
        ('[loss]\nclass = "SampledSoftmax"\nnegatives = [2]', r"loss.negatives must be one of uniform.* got \[2\]"),
        ('[loss]\nclass = "SampledSoftmax"\nnegatives = {name = "uniform", power = 1}', "unknown entry 'power'"),
        (
            '[loss]\nclass = "SampledSoftmax"\nnegatives = {name = "popularity", power = "x"}',
            "power must be a number, got 'x'",
        ),
        ('[loss]\nclass = "SampledSoftmax"\nnegatives = {name = "popularity", power = 1e5}', "never drawn"),
        (
            '[loss]\nclass = "SampledSoftmax"\nnegatives = {name = "popularity", counts = [1]}',
            "counts come from the da",
        ),
        ('[loss]\nclass = "InBatchSoftmax"\ncounts = [1]', "loss.counts come from the data"),
        (
            '[loss]\nclass = "BinaryCrossEntropy"\nbalanced = "false"',
            "loss.balanced must be true or false, got 'false'",
        ),
        ('[loss]\nclass = "FullSoftmax"\nchunk_size = true', "chunk_size must be a positive integer"),
        ('[model]\nclass = "HSTU"\nuse_timestamps = "no"', "model.use_timestamps must be true or false, got 'no'"),
        ('[model]\nclass = "HSTU"\ntemperature = true', "model.temperature must be a number, got True"),
        ('[model]\nclass = "SASRec"\nmax_length = 500', "model.max_length is set by the recipe's own max_length"),
        ('[model]\nclass = "SASRec"\nnum_items = 3', "model.num_items is set by the data"),
        ('[model]\nclass = "SASRec"\nattention = "LinearAttention"', "attention must be a table such as"),
        ('[model]\nclass = "SASRec"\nattention = {causal = false}', "attention must be causal"),
        ('[model]\nclass = "SASRec"\nattention = {num_heads = 0}', "num_heads must be a positive integer, got 0"),
        ('[model]\nclass = "SASRec"\nattention = {num_heads = "2"}', "num_heads must be a positive integer, got '2'"),
        ('[loss]\nclass = "SampledSoftmax"\ndraw_per = "user"', "draw_per must be one of batch, group, token"),
        ('[loss]\nclass = "BinaryCrossEntropy"\ncalibration = 2', "calibration must be a number from 0 to 1"),
        ('[loss]\nclass = "FullSoftmax"\nnegatives = "uniform"', "unknown entry 'negatives'"),
        ("[item_attributes]\ngenres = 3", "item_attributes.genres must be a table, got 3"),
        ("[item_attributes.genres]\nseparator = 3", "separator of the attributes 'genres' must be a text, got 3"),
        ("[item_attributes.genres]\ncolumn = 'x'\nsep = 3", "item_attributes.genres has an unknown entry 'sep'"),
        ("[item_attributes.brand]", "no column 'brand': its columns are title, genres"),
        ("[masking]\nrate = 0.2", "masking has an unknown entry 'rate'"),
        ('[optimizer]\nclass = "Adam"\nlearning = 3', "unknown entry 'learning'"),
        *(
            (f'[optimizer]\nclass = "Adam"\nlearning_rate = {rate}', "optimizer.learning_rate must be a number above 0")
            for rate in ("0.0", "-1e-3", "nan", "inf", '"1e-3"', "true", "[]", "{}")
        ),
        ('[optimizer]\nclass = "Adam"\nlearning_rate = 10', "optimizer is invalid: .*float"),
        ('[optimizer]\nclass = "Adam"\nbeta_2 = 1.0', "optimizer.beta_2 must be a number of at least 0 and below 1"),
        ('[optimizer]\nclass = "Adam"\nweight_decay = -0.1', "optimizer.weight_decay must be a number, 0 or above"),
        ('[optimizer]\nclass = "SGD"\nclipnorm = 0.0', "optimizer.clipnorm must be a number above 0"),
        *(
            (f'[model]\nclass = "SASRec"\ndropout = {rate}', "model.dropout must be a number of at least 0 and below 1")
            for rate in ("1.0", "-0.1", "nan", "1", "true")
        ),
        ('[loss]\nclass = "SampledSoftmax"\nnum_negatives = inf', "loss.num_negatives must be finite"),
        ('[split]\nrule = "by-time"\nvalid = nan', "split.valid must be finite"),
        ('[features]\nage = {kind = "word"}', "features.age must be a table with kind"),
        ('[model]\nclass = "TwoTower"\nfeatures = []', "model.features is set by"),
    ],
)
def test_invalid_recipes_raise_an_error(text, message):
    spec = FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=0))
    with pytest.raises(InputError, match=message):
        recipe = Recipe.from_toml(text)
        recipe.build_split()
        recipe.build_model(spec)
        recipe.build_loss(spec)
        recipe.build_optimizer(total_steps=10)


def test_the_cosine_schedule_rises_and_then_falls_to_0():
    optimizer = Recipe(schedule="cosine", optimizer={"class": "Adam", "learning_rate": 0.5}).build_optimizer(200)
    rates = [float(optimizer._learning_rate(step)) for step in range(201)]
    assert rates[0] == 0 and max(rates) == pytest.approx(0.5) and rates.index(max(rates)) == 10
    assert rates[10:] == sorted(rates[10:], reverse=True) and rates[-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_training_learns_and_keeps_the_best_epoch():
    """By the loss that no test of the command line takes."""
    table = generate_world(num_users=300, num_items=120, seed=0)
    loss = {"class": "BinaryCrossEntropy"}
    recipe = Recipe(epochs=3, patience=1, max_length=20, loss=loss, model={"class": "SASRec", "hidden_dim": 16})
    training = train(table, recipe, verbose=0)
    losses = training.history["loss"]
    assert losses[-1] < losses[0]
    assert training.history["val_ndcg@10"][training.best_epoch - 1] == max(training.history["val_ndcg@10"])


@pytest.mark.parametrize(
    ("text", "kind", "power"),
    [
        ('negatives = "uniform"', Uniform, None),
        ('negatives = "log-uniform"', LogUniform, None),
        ('negatives = "popularity"', Popularity, 1),
        ('negatives = {name = "popularity", power = 0.75}', Popularity, 0.75),
        ('negatives = "in-batch"', InBatch, None),
    ],
)
def test_a_recipe_can_name_the_sampler_of_negatives(text, kind, power):
    spec = FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=0))
    recipe = Recipe.from_toml(f'[loss]\nclass = "SampledSoftmax"\n{text}')
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    sampler = recipe.build_loss(spec).sampler
    assert type(sampler) is kind and getattr(sampler, "power", None) == power
    if kind.needs_counts:
        assert sampler.counts.tolist() == spec.item_counts.tolist()


def test_the_in_batch_loss_is_corrected_by_the_counts_of_the_data():
    spec = FeatureSpec.fit(generate_world(num_users=60, num_items=120), max_length=10)
    loss = Recipe(loss={"class": "InBatchSoftmax", "num_hard_negatives": 7}).build_loss(spec)
    assert loss.counts.tolist() == spec.item_counts.tolist() and loss.num_hard_negatives == 7


@pytest.mark.slow
def test_a_recipe_names_features_of_users_and_items(tmp_path):
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"u": np.repeat(range(40), 6), "i": rng.integers(0, 30, 240)})
    users = pd.DataFrame({"u": range(40), "age": rng.integers(20, 60, 40), "zip": rng.integers(0, 3, 40).astype(str)})
    items = pd.DataFrame({"i": range(30), "genres": ["war|fun", "noir", "fun"] * 10})
    table = Interactions.from_pandas(rows, user="u", item="i", users=users, items=items)
    model = {"class": "TwoTower", "hidden_dim": 8, "hidden_dims": [8]}
    skips = Recipe(
        epochs=1,
        max_length=4,
        batch_size=64,
        model=model,
        features={"zip": {"kind": "skip"}},
        loss={"class": "InBatchSoftmax"},
    )
    (tmp_path / "recipe.toml").write_text(skips.to_toml(), encoding="utf-8")
    assert load_recipe(tmp_path / "recipe.toml") == skips
    done = train(table, skips, 0)
    assert [one.column for one in done.spec.features] == ["age", "genres"]
    assert [one["name"] for one in done.model.features] == ["age", "genres"] and done.model.item_tower.is_folded
    age = done.model.user_tables(done.spec.users.encode(["7"]))["age"]
    np.testing.assert_allclose(np.asarray(age), done.spec.user_features["age"][done.spec.users.encode(["7"])])
    named = Recipe(max_length=4, model=model, features={"zip": {"kind": "categorical"}}).build_spec(table)
    assert [one.column for one in named.features] == ["zip"]
    with pytest.raises(InputError, match="has features, but SASRec reads none"):
        Recipe(features={"age": {"kind": "numeric"}}).build_spec(table)


@pytest.mark.slow
def test_training_draws_negatives_by_the_counts_of_the_training_part():
    table = generate_world(num_users=80, num_items=120, seed=0)
    loss = {"class": "SampledSoftmax", "num_negatives": 8, "negatives": "popularity"}
    training = train(table, Recipe(epochs=1, max_length=10, loss=loss, model={"class": "SASRec", "hidden_dim": 8}), 0)
    assert training.model.loss.sampler.counts.tolist() == training.spec.item_counts.tolist()
    assert np.isfinite(training.history["loss"]).all()


def test_only_masked_item_models_get_masked_batches():
    table = generate_world(num_users=60, num_items=120, seed=0)
    spec = FeatureSpec.fit(table, max_length=12)
    plain = sequences(table, spec, shuffle=False)

    def hidden(**entries):
        recipe = Recipe(max_length=12, **entries)
        batches = recipe.build_batches(plain, recipe.build_model(spec), spec)
        return next(iter(batches))[0]["history"].numpy() == spec.mask_id

    bert = {"class": "BERT4Rec", "hidden_dim": 4}
    assert not hidden(model={"class": "SASRec", "hidden_dim": 4}).any()
    assert hidden(model=bert).any(axis=1).all()
    only_newest = hidden(model=bert, masking={"last_only": 1.0})
    assert only_newest[:, -1].all() and not only_newest[:, :-1].any()
    with pytest.raises(InputError, match="SASRec is not trained on masked items"):
        hidden(model={"class": "SASRec", "hidden_dim": 4}, masking={"probability": 0.2})
    for wrong in (1.5, "often"):
        with pytest.raises(InputError, match=r"probability|masking is invalid"):
            hidden(model=bert, masking={"probability": wrong})


def test_a_recipe_without_masking_still_loads():
    assert "masking" not in Recipe().to_toml() and "[masking]" in Recipe(masking={"last_only": 0.0}).to_toml()

"""The table of the bundled presets shows the measured metrics, over all seeds."""

import statistics

import pytest

from tfrec import presets
from tfrec.cli import main
from tfrec.cli.list import page
from tfrec.data import FeatureSpec, generate_world
from tfrec.errors import InputError
from tfrec.models import SASRec
from tfrec.training import Recipe

SPEC = FeatureSpec.fit(generate_world(num_users=60, num_items=120, seed=1), max_length=8)


@pytest.fixture
def run(tmp_path):
    """A preset in the form of `tfrec train`, with given results."""

    def save(seed, ndcg, folder=None, data="a", **changes):
        report = {"metrics": {"recall@10": 2 * ndcg, "ndcg@10": ndcg}}
        reports = {"sasrec": report, "popularity": {"metrics": {"recall@10": 0.04, "ndcg@10": 0.02}}}
        metrics = {"valid": reports, "test": reports} | {
            "training": {
                "recipe": Recipe(seed=seed, **changes).to_json(),
                "data_sha256": data,
                "best_epoch": 3,
                "seconds": 120.0 + 60 * seed,
                "seed": seed,
                "versions": {},
                "machine": "an abacus",
            }
        }
        model = SASRec(SPEC.num_items, max_length=8, hidden_dim=8)
        return presets.save(model, SPEC, folder or tmp_path / f"seed{seed}", metrics)

    return save


@pytest.fixture
def zoo(run, tmp_path):
    """A zoo with a trained preset without a card, and a recipe without weights."""
    of_model = tmp_path / "models" / "sequential" / "sasrec"
    trained = run(0, 0.1, of_model / "sasrec_moon")
    (trained / "published.toml").write_text(
        'data = "The Moon"\n[[published]]\n"recall@10" = 0.3\n"ndcg@10" = 0.15\nsource = "Someone"\n'
    )
    (of_model / "sasrec_mars").mkdir()
    (of_model / "sasrec_mars" / "recipe.toml").write_text("epochs = 1\n")
    return tmp_path / "models"


def test_a_row_has_measured_and_published_metrics(zoo):
    own, baseline = presets.results(zoo)
    assert (own.preset, own.model, own.loss, own.data) == ("sasrec_moon", "SASRec", "FullSoftmax", "The Moon")
    assert own.metrics == {"recall@10": 0.2, "ndcg@10": 0.1} and own.minutes == 2 and own.seeds == (0,)
    assert own.published[0].metrics == {"recall@10": 0.3, "ndcg@10": 0.15}
    assert (baseline.model, baseline.metrics["ndcg@10"], baseline.preset) == ("popularity", 0.02, "")
    (row,) = (line for line in page([own, baseline]).splitlines() if "sasrec_moon" in line)
    for text in (
        "(sequential/sasrec/README.md)",
        "| 0.2000 | 0.1000 |",
        "0.3000 / 0.1500 (Someone)",
        "| float32 | 2 | 0 |",
    ):
        assert text in row


def test_a_recipe_whose_weights_are_not_shipped_has_a_row_too(zoo):
    folder = zoo / "sequential" / "sasrec" / "sasrec_moon"
    for path in ("model.weights.h5", "preset.json", "config.json"):
        (folder / path).unlink()
    own, _ = presets.results(zoo)
    assert own.preset == "sasrec_moon" and own.megabytes is None and own.metrics["ndcg@10"] == 0.1
    assert "(recipe only) | SASRec" in page([own]) and "| - | - | 2 | 0 |" in page([own])


def test_loading_a_recipe_without_weights_explains_how_to_train_it(zoo):
    with pytest.raises(InputError, match=r"'hstu_beauty' was measured, but its weights are not bundled: train it with"):
        SASRec.from_preset("hstu_beauty")
    with pytest.raises(InputError, match=r"'sasrec_mars' is a recipe without weights: .*sasrec_mars/recipe\.toml"):
        presets.load(zoo / "sequential" / "sasrec" / "sasrec_mars")


def test_seeds_become_mean_and_deviation(zoo, run, capsys):
    folder = zoo / "sequential" / "sasrec" / "sasrec_moon"
    assert main(["seeds", str(folder), str(run(2, 0.13)), str(run(1, 0.1))]) == 0
    assert f"0.1100 ± {statistics.stdev([0.1, 0.13, 0.1]):.4f}" in capsys.readouterr().out
    own, _ = presets.results(zoo)
    assert own.seeds == (0, 2, 1) and own.minutes == 2  # of the first, whose weights are shipped
    assert own.metrics["ndcg@10"] == pytest.approx(0.11)
    assert own.deviations["ndcg@10"] == pytest.approx(0.03 / 3**0.5)
    assert "| 0.2200 ± 0.0346 | 0.1100 ± 0.0173 |" in page([own])
    presets.load(folder)


def test_only_the_seed_may_differ(run, tmp_path):
    first = run(0, 0.1)
    for other, message in (
        (run(1, 0.1, tmp_path / "recipe", epochs=7), "epochs is 7, not 60"),
        (run(1, 0.1, tmp_path / "data", data="b"), "other data"),
        (first, "a different seed, got 0, 0"),
        (first.parent, "is not a preset"),
    ):
        with pytest.raises(InputError, match=message):
            presets.gather_seeds(first, [other])
    assert not (first / "seeds.json").exists()


def test_a_file_of_published_results_that_cannot_be_read_is_named(zoo):
    path = zoo / "sequential" / "sasrec" / "sasrec_moon" / "published.toml"
    for text in ("data = ", "[[published]]\nsource = 3\n", 'data = "x"\npublished = 3\n'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"published\.toml cannot be read"):
            presets.results(zoo)
    path.unlink()
    assert presets.results(zoo)[0].data == "moon"

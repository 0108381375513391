"""A two-tower model is served with features of users, and with an item of which only features are known."""

import keras
import numpy as np
import pandas as pd
import pytest

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.cli.catalogue_files import with_new_items
from tfrec.data import Categorical, FeatureSpec, Interactions, MultiValued, Numeric, pairs
from tfrec.errors import InputError
from tfrec.losses import InBatchSoftmax
from tfrec.models import TwoTower
from tfrec.serving.files import export_manifest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
GROUPS = ("war", "noir", "fun")
FEATURES = [
    Categorical("home town"),
    Numeric("age"),
    MultiValued("genres"),
    Numeric("year"),
]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """Users of a town take the films of one genre."""
    rng = np.random.default_rng(0)
    films = pd.DataFrame(
        [(f"{group}{n}", f"{group}|film", 1950 + n) for group in GROUPS for n in range(6)],
        columns=["film", "genres", "year"],
    )
    people = pd.DataFrame(
        [(f"u{n}", f"town {GROUPS[n % 3]}", 20 + n) for n in range(48)], columns=["who", "home town", "age"]
    )
    rows = [(f"u{n}", f"{GROUPS[n % 3]}{film}") for n in range(48) for film in rng.choice(6, 4, replace=False)]
    rows = pd.DataFrame(rows, columns=["who", "film"])
    table = Interactions.from_pandas(rows, user="who", item="film", users=people, items=films)
    spec = FeatureSpec.fit(table, max_length=4, users=True, features=FEATURES)
    model = TwoTower(
        spec.num_items,
        spec.num_users,
        spec.max_length,
        spec.model_features(),
        hidden_dim=8,
        hidden_dims=[8],
        unseen_rate=0.5,
        seed=0,
    )
    model.take_features(spec)
    model.compile(keras.optimizers.Adam(0.02), InBatchSoftmax(spec.item_counts), jit_compile=False)
    batches = pairs(table, spec, 64, inputs=model.input_names).repeat(80)
    model.fit(batches, epochs=1, shuffle=False, verbose=0)
    folder = presets.save(model, spec, tmp_path_factory.mktemp("towers") / "towers")
    return presets.load(folder)


@pytest.fixture(scope="module")
def grown(preset, tmp_path_factory):
    file = tmp_path_factory.mktemp("new") / "new.csv"
    file.write_text("film,genres\nnew war,war|film\nnew noir,noir|film\n", encoding="utf-8")
    return with_new_items(preset, str(file))[0]


@pytest.fixture(scope="module")
def version(grown, tmp_path_factory):
    return serving.export(grown, tmp_path_factory.mktemp("served") / "films", k=5, verify="both")


def group_of(items):
    return [[next(group for group in GROUPS if group in item) for item in row] for row in items]


def test_an_item_with_features_alone_is_recommended_to_those_who_like_its_group(preset, grown, version, ask):
    assert grown.spec.num_items == preset.spec.num_items + 2
    users = [f"u{n}" for n in range(3)]
    histories = [[f"{group}{n}" for n in range(6)] for group in GROUPS]  # all that they can still get is new
    found = ask(version, user_id=users, history=histories)["item_ids"]
    assert found[0][0] == "new war" and found[1][0] == "new noir"
    assert "new war" not in found[1][:1] + found[2][:1]
    strangers = ask(version, user_id=["?", "?"], history=[histories[0], histories[1]])["item_ids"]
    assert strangers[0][0] == "new war" and strangers[1][0] == "new noir"
    near = ask(version, "similar_items", item_ids=["new war"])["item_ids"][0]
    assert group_of([near])[0].count("war") >= 3
    # What was there before is as it was.
    wanted = preset.score([["war1"]], [["war2", "fun3"]], users=["u5"])
    np.testing.assert_allclose(
        ask(version, "score", user_id=["u5"], history=[["war1"]], item_ids=[["war2", "fun3"]])["scores"],
        wanted,
        atol=1e-4,
    )


def test_features_of_a_stranger_come_with_the_request(grown, version, ask):
    towns = [f"town {group}" for group in GROUPS]
    found = ask(
        version, "recommend_by_features", user_id=["?"] * 3, history=[[""]], home_town=towns, age=[30.0, np.nan, 20.0]
    )
    ids, scores = grown.recommend(k=5, features={"home town": towns, "age": [30, None, 20]})
    assert found["item_ids"] == ids
    np.testing.assert_allclose(found["scores"], scores, atol=1e-4)
    assert group_of(ids) == [[group] * 5 for group in GROUPS]
    popular = ask(version, "recommend_by_features", user_id=["?"], history=[[""]], home_town=[""], age=[np.nan])
    assert popular["item_ids"] == ask(version, user_id=["?"], history=[[""]])["item_ids"]
    listed = export_manifest.signatures_of(version)["recommend_by_features"]
    assert set(listed["optional"]) == {"history", "home_town", "age"}


def test_the_command_line_recommends_by_features(preset, capsys):
    assert main(["recommend", str(preset.folder), "--features", "home town=town noir", "--k", "3"]) == 0
    printed = capsys.readouterr().out
    assert "History: not given" in printed and printed.count("noir") == 3
    assert main(["recommend", str(preset.folder), "--features", "shoe=40"]) == 2
    assert "Its features: home town, age" in capsys.readouterr().err


def test_new_items_need_a_value_that_the_model_reads(preset, tmp_path):
    file = tmp_path / "new.csv"
    file.write_text("film,genres\nx,\n", encoding="utf-8")
    with pytest.raises(InputError, match="item 'x', has no value of genres"):
        with_new_items(preset, str(file))
    file.write_text("film,colour\nx,red\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"needs 'item', and .* or features \(genres, year\)"):
        with_new_items(preset, str(file))
    with pytest.raises(InputError, match="has the feature 'colour', but the model reads genres, year"):
        presets.with_items(preset, {"x": {"colour": "red"}})
    with pytest.raises(InputError, match="'war1' is in the catalogue"):
        presets.with_items(preset, {"war1": {"genres": "war"}})
    with pytest.raises(InputError, match="reads no feature 'shoe' of users: it reads home town, age"):
        preset.recommend(features={"shoe": [40]})

"""export/client.py sends user ids to an export that reads them, over both transports."""

import numpy as np
import pandas as pd
import pytest
from kit import IDS

pytestmark = pytest.mark.tensorflow

USERS = ["7", "Größe", "9"]


@pytest.fixture(scope="module")
def preset_and_version(once):
    from tfrec import presets

    version = once("of_users", of_users)
    return presets.load(version.parents[1] / "preset"), version


def of_users(folder):
    from tfrec import presets, serving
    from tfrec.data import FeatureSpec, Interactions
    from tfrec.models import MatrixFactorization

    random = np.random.default_rng(0)
    rows = pd.DataFrame({"u": random.choice(USERS, 120), "i": random.choice(IDS, 120)})
    spec = FeatureSpec.fit(Interactions.from_pandas(rows, user="u", item="i"), max_length=5, users=True)
    model = MatrixFactorization(spec.num_items, spec.num_users, hidden_dim=8, seed=0)
    model.set_weights([random.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    presets.save(model, spec, folder / "preset")
    return serving.export(folder / "preset", folder / "served", k=4, verify="runtime")


@pytest.fixture(params=["rest", "grpc"])
def asked(request, client_module, preset_and_version):
    """A client of each kind."""
    from grpc_double import grpc_server
    from rest_double import rest_server
    from served_model import ServedModel

    model = ServedModel("films", {1: preset_and_version[1]}, {})
    with (rest_server if request.param == "rest" else grpc_server)(model) as address:
        yield client_module.Client("films", **{request.param: address}, timeout=20)


def test_users_can_be_given_with_and_without_histories(asked, preset_and_version, client_module):
    preset, _ = preset_and_version
    for users, histories in ((USERS, None), (["7", "nobody", ""], [["1"], ["1196", "50"], []])):
        found = asked.recommend(histories, users=users)
        ids, scores = preset.recommend(histories, k=4, users=users)
        assert [[item for item, _ in row] for row in found] == ids
        np.testing.assert_allclose([[score for _, score in row] for row in found], scores, atol=1e-4)
    assert asked.recommend(users=[7]) == asked.recommend(users=["7"])
    filtered = asked.recommend(users=["7"], allow=[["1", "50"]], exclude=[["50"]])
    assert [item for item, _ in filtered[0]] == ["1"]
    scores = asked.score(None, [["1", "no such id"]], users=USERS)
    np.testing.assert_allclose(scores, preset.score(None, [["1", "no such id"]] * 3, users=USERS), atol=1e-4)
    assert np.shape(asked.embed_users(users=USERS)) == (3, 9)
    for wrong in ({"users": "7"}, {"users": ["7"], "histories": [["1"], ["1"]]}, {"users": [None]}):
        with pytest.raises(client_module.BadRequest, match="users"):
            asked.recommend(**wrong)

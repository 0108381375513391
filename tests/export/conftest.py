"""A small export behind simulated REST and gRPC ports of TensorFlow Serving."""

import numpy as np
import pandas as pd
import pytest
from kit import IDS, from_kit


@pytest.fixture(scope="session")
def client_module():
    """export/client.py, loaded by its path, because it is not part of a package."""
    return from_kit("client")


@pytest.fixture(scope="session")
def smoke_module(client_module):
    return from_kit("smoke_test", client=client_module)


@pytest.fixture(scope="session")
def exported(once):
    """A version folder of a model with random weights."""
    return once("one_stage", one_stage)


def one_stage(folder):
    from tfrec import presets, serving
    from tfrec.data import FeatureSpec, Interactions
    from tfrec.models import SASRec

    random = np.random.default_rng(0)
    frame = pd.DataFrame({"u": np.repeat(range(30), 8), "i": random.choice(IDS, 240)})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    model = SASRec(spec.num_items, max_length=5, hidden_dim=8, seed=0)
    model.set_weights([random.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    presets.save(model, spec, folder / "preset")
    return serving.export(folder / "preset", folder / "films", k=4, verify="runtime")


@pytest.fixture(scope="session")
def served(exported):
    """The model behind the servers: version 1 is stable; version 2, with the same content, is the canary."""
    from served_model import ServedModel

    return ServedModel("films", {1: exported, 2: exported}, {"stable": 1, "canary": 2})


@pytest.fixture(scope="session")
def rest(served):
    from rest_double import rest_server

    with rest_server(served) as address:
        yield address


@pytest.fixture(scope="session")
def grpc_target(served):
    from grpc_double import grpc_server

    with grpc_server(served) as target:
        yield target


@pytest.fixture(params=["rest", "grpc"])
def client(request, client_module, rest, grpc_target):
    """A client of each kind."""
    address = {"rest": rest, "grpc": grpc_target}[request.param]
    return client_module.Client("films", **{request.param: address}, label="stable", timeout=20)


@pytest.fixture(scope="session")
def two_stages(once):
    """A version folder of two stages, with random weights and the features of the README."""
    return once("two_stages", of_two_stages)


def of_two_stages(folder):
    from tfrec import presets, serving
    from tfrec.data import Examples, FeatureSpec, History, Interactions
    from tfrec.models import DIN, SASRec

    random = np.random.default_rng(0)
    rows = pd.DataFrame({"user": random.choice(["7", "8", "9"], 240), "item": random.choice(IDS, 240)})
    rows["click"], rows["device"] = random.integers(0, 2, 240), random.choice(["tv", "phone"], 240)
    users = pd.DataFrame({"user": ["7", "8"], "age": [34, 50], "tastes": ["Drama|War", "War"]})
    found = FeatureSpec.fit(Interactions.from_pandas(rows, user="user", item="item"), max_length=5)
    ranked = FeatureSpec.fit(
        Examples.from_pandas(rows, "click", "user", "item", users=users), history=History(length=4, min_label=1)
    )
    presets.save(SASRec(found.num_items, max_length=5, hidden_dim=8, seed=0), found, folder / "found")
    presets.save(DIN(ranked.model_features(), 4, [4], hidden_dims=[8], seed=0), ranked, folder / "ranked")
    return serving.export_two_stage(
        folder / "found", folder / "ranked", folder / "served", k=4, candidates=8, verify="runtime"
    )


@pytest.fixture(scope="session")
def two_stages_rest(two_stages):
    from rest_double import rest_server
    from served_model import ServedModel

    with rest_server(ServedModel("ranked", {1: two_stages}, {})) as address:
        yield address


@pytest.fixture(scope="session")
def two_stages_grpc(two_stages):
    from grpc_double import grpc_server
    from served_model import ServedModel

    with grpc_server(ServedModel("ranked", {1: two_stages}, {})) as target:
        yield target

"""The index of TensorFlow Recommenders: filters apply, scores are those of the model, and users are warned."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_preset import made

from tfrec import serving
from tfrec.data import FeatureSpec, Interactions
from tfrec.errors import InputError
from tfrec.models import SASRec
from tfrec.serving.indexes import Exact, build, scann_tree
from tfrec.serving.verify import index_operations

pytestmark = pytest.mark.slow

needs_scann = pytest.mark.skipif(
    not all(importlib.util.find_spec(name) for name in ("scann", "tensorflow_recommenders", "tf_keras")),
    reason="the extra is not installed: pip install 'tfrec[scann]'",
)
ITEMS = [f"film {number}" for number in range(600)]

# TensorFlow Recommenders needs an environment variable that must be set before TensorFlow is imported.
INDEX_TEST = """
import json, sys
import numpy as np, tensorflow as tf
from tfrec.serving.indexes import Exact, build
random = np.random.default_rng(0)
found = {}
for number, interests in ((2_000, 1), (2_000, 3), (100, 1)):
    vectors = random.normal(size=(number, 16)).astype("float32")
    queries = random.normal(size=(50, interests, 16)).astype("float32")
    gone = np.arange(number) % 10 == 0
    exact = Exact(tf.Variable(vectors), number, withdrawn=gone)
    index, how = build("scann", exact, queries, 20, recall=0.9)
    scores, codes = (one.numpy() for one in index.search(tf.constant(queries), tf.constant(20)))
    real = np.einsum("bid,vd->biv", queries, vectors).max(1)
    none = index.search(tf.zeros((0, interests, 16)), tf.constant(20))[1].shape
    all_of = index.search(tf.constant(queries[:3]), tf.constant(number))[1].numpy()
    found[f"{number} {interests}"] = {
        "recall": how["recall"],
        "scores": bool(np.allclose(scores, np.take_along_axis(real, codes, 1), atol=1e-4)),
        "order": bool((np.diff(scores, axis=1) <= 0).all()),
        "withdrawn": bool(gone[codes].any()),
        "twice": bool(any(len(set(row)) < 20 for row in codes.tolist())),
        "none": list(none),
        "all": [list(all_of.shape), int((all_of >= 0).sum(1).max())],
    }
print("@" + json.dumps(found))
"""


def in_own_process(*arguments, **environment):
    root = str(Path(serving.__file__).parents[2])
    given = {**os.environ, "PYTHONPATH": root, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run([sys.executable, *arguments], env=given, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    random = np.random.default_rng(0)
    rows = np.concatenate([ITEMS, random.choice(ITEMS, 1_200)])
    frame = pd.DataFrame({"u": np.repeat(range(300), 6), "i": rows})
    spec = FeatureSpec.fit(Interactions.from_pandas(frame, user="u", item="i"), max_length=5)
    folder = tmp_path_factory.mktemp("many") / "preset"
    made(SASRec(spec.num_items, max_length=5, hidden_dim=8, seed=0), spec, folder)
    return folder


@needs_scann
def test_candidates_are_ranked_by_exact_scores_and_exclude_withdrawn_items():
    code, out, err = in_own_process("-c", INDEX_TEST, TF_USE_LEGACY_KERAS="1")
    assert code == 0, err[-3000:]
    found = json.loads(out.split("@")[1])
    assert set(found) == {"2000 1", "2000 3", "100 1"}
    for case, seen in found.items():
        number = int(case.split()[0])
        assert seen["recall"] >= 0.9 and seen["scores"] and seen["order"], case
        assert not seen["withdrawn"] and not seen["twice"], case
        assert seen["none"] == [0, 20] and seen["all"][0] == [3, number] and seen["all"][1] <= 0.9 * number, case


@needs_scann
def test_an_export_from_the_command_line_warns_answers_and_keeps_its_filters(folder, tmp_path):
    gone = tmp_path / "gone.txt"
    gone.write_text("\n".join(ITEMS[:50]) + "\n")
    arguments = ["export", str(folder), str(tmp_path / "films"), "--index", "scann", "--k", "10", "--verify", "both"]
    code, out, err = in_own_process("-m", "tfrec", *arguments, "--withdraw", str(gone))
    assert code == 0, err[-3000:]
    assert "stock TensorFlow Serving does NOT have" in err and "tensorflow/serving:2.20.0" not in out
    version = tmp_path / "films" / "1"
    with pytest.raises(InputError, match="Scann>ScannSearchBatched"):
        serving.exporter.ops_allowed.check(version)
    seen = {check.name: check for check in serving.serve_check(version, requests=200)}
    assert all(check.passed for check in seen.values()), seen
    assert "NOT of the stock server: Scann>ScannSearchBatched" in seen["operations"].seen
    histories = [[ITEMS[at], ITEMS[at + 1]] for at in range(100, 120)]
    inputs = {"history": histories, "exclude": [ITEMS[200:300]] * 20, "allow": [[""]] * 20}
    (answer,) = serving.replay(version, [serving.Call("recommend_filtered", inputs)], "c")
    for history, ids in zip(histories, answer["item_ids"].tolist(), strict=True):
        assert len({*ids}) == 10 and "" not in ids
        assert not {*ids} & {*history, *ITEMS[200:300], *ITEMS[:50]}
    (answer,) = serving.replay(version, [serving.Call("recommend_filtered", {**inputs, "allow": [ITEMS[:60]]})], "c")
    assert all({*ids} - {""} <= {*ITEMS[50:60]} for ids in answer["item_ids"].tolist())


def test_missing_packages_raise_an_error_that_says_what_to_do(monkeypatch):
    monkeypatch.setattr(scann_tree.importlib.util, "find_spec", lambda name: None if name == "scann" else name)
    exact = Exact(tf.Variable(np.ones((30, 8), "float32")), 30)
    with pytest.raises(InputError, match=r"not installed \(scann\): pip install 'tfrec\[scann\]'"):
        build("scann", exact, np.ones((2, 1, 8), "float32"), 5)


@needs_scann
def test_a_missing_environment_variable_is_named(folder, tmp_path):
    call = f"from tfrec import serving; serving.export({str(folder)!r}, {str(tmp_path / 'films')!r}, index='scann')"
    code, _, err = in_own_process("-c", call, TF_USE_LEGACY_KERAS="0")
    assert code == 1 and "InputError" in err and "set the environment variable TF_USE_LEGACY_KERAS=1 before" in err
    assert not list((tmp_path / "films").glob("*"))


def test_exports_without_scann_need_no_library(exported):
    assert index_operations.libraries(exported) == []

"""Exports with int8 weights are small, and give the answers of the model with these weights."""

import numpy as np
import pytest
import tensorflow as tf
from small_preset import IDS, made

from tfrec import presets, serving
from tfrec.cli import main
from tfrec.models import HSTU, BERT4Rec
from tfrec.serving.files import export_manifest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", [BERT4Rec, HSTU])
def test_vectors_are_near_and_the_export_holds_integers_once(kind, small_spec, ask, tmp_path):
    wide = made(
        kind(small_spec.num_items, max_length=5, hidden_dim=64, num_blocks=1, seed=0), small_spec, tmp_path / "preset"
    )
    small = presets.in_int8(wide)
    one, other = (np.asarray(preset.model.item_table()) for preset in (wide, small))
    np.testing.assert_allclose(other, one, atol=0.01 * np.abs(one).max())
    assert wide.model.embedding.items.quantization_mode is None  # the given preset does not change
    version = serving.export(small, tmp_path / "films", k=5, verify="runtime")
    shapes = tf.train.load_checkpoint(str(version / "variables" / "variables")).get_variable_to_dtype_map()
    assert list(shapes.values()).count(tf.int8) > 1
    size = (version / "variables" / "variables.data-00000-of-00001").stat().st_size
    assert size < 0.5 * 4 * wide.model.count_params()
    vectors = ask(version, "embed_items", item_ids=IDS)["vectors"]
    np.testing.assert_allclose(vectors, other[small_spec.items.encode(IDS)], atol=1e-5)


def test_the_manifest_has_the_cost_of_int8(preset, tmp_path, capsys):
    rows = [f"u{user},{IDS[(user + step) % 3]},{step}" for user in range(20) for step in range(4)]
    (tmp_path / "data.csv").write_text("user,item,time\n" + "\n".join(rows) + "\n")
    arguments = ["--int8-weights", "--measure", str(tmp_path / "data.csv"), "--verify", "runtime"]
    assert main(["export", str(preset.folder), str(tmp_path / "films"), *arguments]) == 0
    assert "with float32" in capsys.readouterr().out
    cost = export_manifest.read(tmp_path / "films" / "1")["int8"]["ndcg@10"]
    assert set(cost) == {"float32", "int8"} and all(0 <= value <= 1 for value in cost.values())

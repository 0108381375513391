"""The export names the TensorFlow that wrote it, and an older server or runtime gives a warning."""

import json

import pytest
import tensorflow as tf

from tfrec import serving
from tfrec.cli import main
from tfrec.errors import InputError
from tfrec.serving.files import export_manifest, saved_model
from tfrec.serving.files.tensorflow_versions import compared, image_for, minor_version, server_image
from tfrec.serving.indexes import scann_tree
from tfrec.serving.verify import version_check


def test_the_manifest_names_the_tensorflow_that_the_graph_records(exported):
    assert (
        export_manifest.read(exported)["versions"]["tensorflow"] == saved_model.written_by(exported) == tf.__version__
    )


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("2.20.0", "tensorflow/serving:2.20.0"),
        ("2.20.1", "tensorflow/serving:2.20.0"),
        ("2.21.0-rc1", "tensorflow/serving:2.21.0"),
    ],
)
def test_the_image_has_the_minor_version_of_the_writer(version, image):
    assert server_image(version) == image


@pytest.mark.parametrize("version", ["", "2", "two", "2.x", "9" * 5000 + ".1"])
def test_an_invalid_version_raises_an_error(version):
    with pytest.raises(InputError, match="is not a TensorFlow version"):
        minor_version(version)


def test_the_printed_command_has_the_image_of_the_writer(exported, monkeypatch, tmp_path):
    assert image_for(exported) == image_for(tmp_path) == serving.STOCK_IMAGE == server_image(tf.__version__)
    monkeypatch.setattr("tfrec.serving.files.tensorflow_versions.written_by", lambda export: "2.21.0")
    assert serving.how_to_serve(exported).splitlines()[0].endswith(" tensorflow/serving:2.21.0")
    assert serving.how_to_serve(exported, image="mine:1").splitlines()[0].endswith(" mine:1")


@pytest.mark.parametrize(
    ("writer", "runtime", "older"),
    [
        ("2.20.0", "2.20.0", False),
        ("2.20.3", "2.20.0", False),
        ("2.20.0", "2.21.0", False),
        ("2.21.0", "2.20.0", True),
        ("3.0.0", "2.99.0", True),
    ],
)
def test_a_runtime_of_an_older_minor_version_is_warned_of(writer, runtime, older):
    text, warned = compared(writer, runtime)
    assert warned is older and writer in text and runtime in text


def test_serve_check_warns_of_an_older_runtime_and_still_checks(exported, monkeypatch, capsys):
    monkeypatch.setattr(saved_model, "written_by", lambda export: "2.99.0")
    monkeypatch.setattr(version_check, "_answers", lambda *given, **more: "")
    monkeypatch.setattr(version_check, "fuzz", lambda *given, **more: {"answered": 1, "refused": 0, "ids": 1})
    monkeypatch.setattr(version_check, "time_calls", lambda *given, **more: [1.0])
    assert main(["serve-check", str(exported)]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("TensorFlow")]
    assert line.split()[1] == "WARNING" and "TensorFlow Serving 2.99 or newer" in line and len(lines) == 9


def test_a_graph_that_names_no_version_fails_one_line(exported, monkeypatch):
    monkeypatch.setattr(saved_model, "written_by", lambda export: "")
    monkeypatch.setattr(version_check, "replay", lambda *given, **more: pytest.fail("the version must not be run"))
    monkeypatch.setattr(version_check, "_answers", lambda *given, **more: "")
    monkeypatch.setattr(version_check, "_warm_up", lambda *given, **more: "")
    monkeypatch.setattr(version_check, "_fuzzing", lambda *given, **more: "")
    monkeypatch.setattr(version_check, "_latency", lambda *given, **more: "")
    assert [one.name for one in serving.serve_check(exported) if not one.passed] == ["TensorFlow"]


def test_scann_raises_an_error_with_another_tensorflow(monkeypatch):
    monkeypatch.setattr(scann_tree.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setattr(scann_tree.tf, "__version__", "2.21.0")
    with pytest.raises(InputError, match=r"built for TensorFlow 2\.20, but 2\.21\.0 is installed: pip install"):
        scann_tree.recommenders()


def test_manifests_of_old_exports_can_be_read(exported, tmp_path):
    """The manifest's version is not compared, so one that an older tfrec wrote is read as before."""
    content = json.loads((exported / export_manifest.PLACE).read_text())
    assert content["format"] == 1 and set(content["versions"]) >= {"tfrec", "python", "tensorflow", "keras"}

"""`serve-check` accepts an export, and detects later changes."""

import json
import shutil

import pytest
import tensorflow as tf

from tfrec import serving
from tfrec.cli import main
from tfrec.errors import InputError
from tfrec.serving.files import export_manifest, recorded_answers, warmup
from tfrec.serving.runtime import Call, ReplayError, fuzz, replay
from tfrec.serving.verify import parity, version_check

pytestmark = pytest.mark.slow


@pytest.fixture()
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "films" / "7")


@pytest.mark.new_processes
def test_an_export_passes_and_everything_was_looked_at(exported, capsys):
    """The recorded answers are those of the C runtime, so both runtimes give the same ones."""
    assert export_manifest.read(exported)["parity"]["by"] == "both"
    assert main(["serve-check", str(exported), "--requests", "300"]) == 0
    lines = capsys.readouterr().out.splitlines()
    seen = {line.split("  ")[0] for line in lines}
    assert seen == {
        *("files", "signatures", "operations", "TensorFlow", "answers", "answers, C runtime"),
        *("warm-up", "fuzzing", "latency"),
    }
    assert all(" ok " in line for line in lines)


@pytest.mark.parametrize("file", ["saved_model.pb", "variables/variables.data-00000-of-00001", "assets/item.txt"])
def test_a_file_that_was_cut_is_seen(copy, file, capsys):
    (copy / file).write_bytes((copy / file).read_bytes()[:-7])
    assert main(["serve-check", str(copy)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "FAILED" in line and file in line


def test_a_folder_that_is_not_an_export_raises_an_error(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nowhere"):
        assert main(["serve-check", str(folder)]) == 2
        assert "Name a version folder that tfrec has exported" in capsys.readouterr().err


def test_other_answers_are_seen(copy):
    calls, answers = recorded_answers.read(copy)
    answers[0]["scores"][2] += 0.01
    recorded_answers.write(copy, calls, answers)
    found = replay(copy, calls[:1], "c")
    with pytest.raises(parity.ParityError, match=r"differ from the model's by 0\.01"):
        parity.compare(calls[0], answers[0], found[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(files=[]), "no valid entry 'files'"),
        (
            lambda content: content["files"].update({"saved_model.pb": {}}),
            "has no valid size and hash of saved_model.pb",
        ),
        (
            lambda content: content["files"].pop("saved_model.pb"),
            "saved_model.pb is not part of the export. Remove it",
        ),
        (lambda content: content.pop("model"), "no valid entry 'model'"),
        (lambda content: content.update(format=7), "has format 7; this tfrec reads format 1"),
    ],
)
def test_a_manifest_that_was_edited_is_one_line(copy, change, message, capsys):
    content = json.loads((copy / export_manifest.PLACE).read_text())
    change(content)
    (copy / export_manifest.PLACE).write_text(json.dumps(content))
    assert main(["serve-check", str(copy)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "FAILED" in line and message in line


def test_an_added_file_is_detected(copy):
    (copy / "assets" / "extra.bin").write_text("x")
    with pytest.raises(InputError, match=r"extra\.bin is not part of the export"):
        export_manifest.read(copy)


def test_a_manifest_must_not_name_files_outside_the_export(copy):
    manifest = json.loads((copy / export_manifest.PLACE).read_text())
    manifest["files"]["../../secret"] = {"bytes": 1, "sha256": ""}
    (copy / export_manifest.PLACE).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="is outside"):
        export_manifest.read(copy)


def test_the_manifest_names_the_preset_of_the_export(exported, preset):
    manifest = export_manifest.read(exported)
    assert manifest["model"] == "SASRec" and manifest["k"] == 4 and manifest["mask_seen"] is True
    assert manifest["preset_files"] == preset.manifest["files"] and manifest["versions"]["tensorflow"] == tf.__version__
    assert (
        manifest["index"].pop("milliseconds") > 0
        and manifest["index"] == {"kind": "exact", "recall": 1.0, "columns": False}
        and manifest["parity"]["largest_difference"] < 1e-4
    )


# Warm-up.


def test_warm_up_has_records_of_every_signature_in_the_servers_own_form(exported):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(str(exported / warmup.PLACE))
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in records]
    assert 0 < len(logs) <= warmup.LIMIT and {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    signatures = export_manifest.signatures_of(exported)
    asked = {log.predict_log.request.model_spec.signature_name for log in logs}
    assert asked == signatures.keys()
    for log in logs:
        request = log.predict_log.request
        inputs = signatures[request.model_spec.signature_name]["inputs"]
        assert {name: tf.dtypes.as_dtype(one.dtype).name for name, one in request.inputs.items()} == {
            name: dtype for name, (dtype, _) in inputs.items()
        }
    assert {len(next(iter(call.inputs.values()))) for call in warmup.read(exported)} == {1, 8}


def test_too_many_warm_up_records_are_rejected(exported, tmp_path):
    call = Call("serving_default", {"history": [["7"]]})
    with pytest.raises(InputError, match="at most 1000"):
        warmup.write(tmp_path, [call] * 1001, {"history": tf.string})


def test_a_damaged_record_raises_an_error_that_names_it(copy):
    path = copy / warmup.PLACE
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(InputError, match="damaged"):
        warmup.read(copy)


def test_a_failing_warm_up_record_does_not_fail_the_check_of_answers(exported, monkeypatch):
    """Both run in one process, and again separately if something fails."""
    refused = Call("serving_default", {"history": [["7"]]})

    def replayed(export, calls, runtime, timeout):
        if refused in calls:
            raise ReplayError("refused")
        return recorded_answers.read(export)[1]

    monkeypatch.setattr(version_check, "replay", replayed)
    monkeypatch.setattr(warmup, "read", lambda export: [refused])
    monkeypatch.setattr(version_check, "fuzz", lambda *asked: {"answered": 1, "refused": 0, "ids": 1})
    monkeypatch.setattr(version_check, "time_calls", lambda *asked, **more: [1.0])
    assert [one.name for one in serving.serve_check(exported) if not one.passed] == ["warm-up"]


# Fuzzing.


def test_random_requests_are_answered_or_refused(exported):
    seen = fuzz(exported, 400, seed=3)
    assert seen["answered"] + seen["refused"] == 400 and seen["refused"] > 0 and seen["ids"] > 10_000


def test_a_forbidden_id_would_be_detected(preset, tmp_path):
    """An export that returns items of the history, checked as if it must not."""
    version = serving.export(preset, tmp_path / "films", mask_seen=False, verify="runtime")
    with pytest.raises(ReplayError, match="has forbidden ids"):
        fuzz(version, 50, mask_seen=True)


def test_an_export_that_cannot_be_loaded_raises_an_error(copy):
    (copy / "variables" / "variables.index").write_bytes(b"")
    for runtime in ("tensorflow", "c"):
        with pytest.raises(ReplayError, match="cannot be run"):
            replay(copy, [Call("serving_default", {"history": [["7"]]})], runtime)

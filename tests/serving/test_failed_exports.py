"""A failing export is reported in one line, leaves nothing half-written, and can be kept."""

import errno
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

from tfrec import atomic
from tfrec.cli import main
from tfrec.errors import InputError
from tfrec.serving import exporter
from tfrec.serving.files import export_manifest, versions
from tfrec.serving.how_to_ask import _some_ids
from tfrec.serving.runtime import Call
from tfrec.serving.verify import gate, model_answers, parity, rejected, samples
from tfrec.training import checkpoints

pytestmark = pytest.mark.slow

resource = pytest.importorskip("resource")

# === Answers that are not the model's ===


@pytest.fixture()
def few_calls(monkeypatch):
    """Only a few calls are verified, to save time."""
    of = samples.calls
    monkeypatch.setattr(samples, "calls", lambda *args: of(*args, num_histories=3)[:3])


@pytest.fixture()
def other_answers(preset, few_calls, monkeypatch):
    """Runtimes with a slightly different answer: the score of row 2 of the first call."""

    def replayed(export, calls, runtime):
        found = model_answers.expected_answers(preset.model, preset.spec, calls, 4)
        scores = np.array(found[0]["scores"])
        scores[2, 1] += 0.25
        return [found[0] | {"scores": scores}, *found[1:]]

    monkeypatch.setattr(gate, "replay", replayed)


def test_a_rejected_export_is_reported_in_one_line_and_kept_outside_the_models_folder(
    preset, other_answers, tmp_path, capsys
):
    (tmp_path / "films" / "3").mkdir(parents=True)
    arguments = ["export", str(preset.folder), str(tmp_path / "films"), "--k", "4"]
    assert main([*arguments, "--keep-rejected", str(tmp_path / "rejected")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    (kept,) = (tmp_path / "rejected").iterdir()
    for part in ("Call 1 of 3", "scores of serving_default", "by 0.25", "is allowed", "row 2", "expected", "--verify"):
        assert part in line, part
    assert f"kept in {kept}" in line and not kept.name.isdigit()
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["3"]
    manifest = json.loads((kept / rejected.PLACE).read_text())
    assert manifest["row"] == 2 and manifest["call"]["signature"] == "serving_default"
    assert manifest["found"]["scores"][2][1] - manifest["expected"]["scores"][2][1] == pytest.approx(0.25)
    assert (kept / "saved_model.pb").is_file()
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "Nothing was written; --keep-rejected DIR" in line
    assert [path.name for path in (tmp_path / "films").iterdir()] == ["3"]


@pytest.mark.parametrize("place", ["films", "films/9", "films/x/y"])
def test_rejected_exports_cannot_be_kept_in_the_models_folder(preset, tmp_path, place, capsys):
    arguments = ["export", str(preset.folder), str(tmp_path / "films"), "--keep-rejected", str(tmp_path / place)]
    assert main(arguments) == 2
    assert "somewhere else" in capsys.readouterr().err


CALL = Call("score", {"history": [["a", ""], ["b", "c"]]})


@pytest.mark.parametrize(
    ("expected", "found", "message"),
    [
        ({"scores": [[1, 2], [3, 4]]}, {"scores": [[1, 2], [3, 5]]}, r"row 1, with input \['b', 'c'\], has 5 at index"),
        ({"scores": [[1, 2], [3, 4]]}, {"scores": [[np.nan, 2], [3, 4]]}, r"row 0, .* nan at index \[0\], expected 1"),
        ({"scores": [[1, -np.inf]]}, {"scores": [[1, 2]]}, r"has 2 at index \[1\], expected -inf"),
        ({"scores": [[1, 2]]}, {"scores": [[1]]}, r"shape \(1, 1\), the model \(1, 2\)"),
        ({"scores": [[1, 2]]}, {"vectors": [[1]]}, r"answers \['vectors'\], expected \['scores'\]"),
    ],
)  # fmt: skip
def test_a_difference_names_row_place_and_both_values(expected, found, message):
    as_arrays = ({name: np.array(rows, np.float32) for name, rows in one.items()} for one in (expected, found))
    with pytest.raises(parity.ParityError, match=message):
        parity.compare(CALL, *as_arrays)


def test_other_lists_name_row_and_both_lists():
    lists = [np.array([["x", "y"], [one, "z"]], object) for one in ("y", "q")]
    scores = np.array([[2, 1], [2, 1]], np.float32)
    with pytest.raises(parity.ParityError, match=r"row 1, .* has \['q', 'z'\], expected \['y', 'z'\]"):
        parity.compare(CALL, *({"item_ids": one, "scores": scores} for one in lists))


# === The file system ===


@pytest.mark.parametrize("limit", [0, 3_000, 200_000])
def test_a_full_disk_is_reported_in_one_line_and_nothing_is_left(
    preset, few_calls, tmp_path, limit, monkeypatch, capfd
):
    """Files cannot grow, as on a full disk, at several moments of the export."""
    monkeypatch.setattr(gate, "replay", lambda *_: pytest.fail("nothing could be written"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    out = tmp_path / "served" / "films"
    capfd.readouterr()
    with monkeypatch.context() as patch, capfd.disabled():
        lines = []
        patch.setattr("tfrec.cli.say", lambda text, error=False: lines.append(text))
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
        try:
            code = main(["export", str(preset.folder), str(out), "--k", "4"])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2 and len(lines) == 1 and "\n" not in lines[0], lines
    assert "cannot be written" in lines[0] and os.strerror(errno.EFBIG) in lines[0]
    assert not out.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("raised", ["python", "tensorflow", "process"])
def test_every_kind_of_write_error_is_recognised(tmp_path, code, raised):
    def fails(new):
        (new / "half").write_text("x")
        text = f"{new}/saved_model.pb; {os.strerror(code)}"
        raise {
            "python": OSError(code, os.strerror(code), str(new)),
            "tensorflow": tf.errors.UnknownError(None, None, text),
            "process": parity.ParityError(f"OSError: [Errno {code}] {os.strerror(code)}: '/tmp/answers.json'"),
        }[raised]

    with pytest.raises(InputError, match=os.strerror(code)):
        exporter.publish(tmp_path / "films", None, fails, tmp_path / "rejected")
    assert not list(tmp_path.iterdir())


def test_other_errors_of_tensorflow_are_not_changed(tmp_path):
    def fails(new):
        raise tf.errors.InvalidArgumentError(None, None, "shapes")

    with pytest.raises(tf.errors.InvalidArgumentError):
        exporter.publish(tmp_path / "films", None, fails)
    assert not list(tmp_path.iterdir())


def test_a_version_is_written_even_if_old_ones_cannot_be_removed(tmp_path, monkeypatch):
    (tmp_path / "1").mkdir()
    monkeypatch.setattr(exporter, "keep_newest", lambda *_: (_ for _ in ()).throw(PermissionError(13, "not yours")))
    with pytest.raises(InputError, match="2 was written, but older versions cannot be deleted: not yours"):
        exporter.publish(tmp_path, 1, lambda new: None)
    assert (tmp_path / "2").is_dir()


# === Version folders ===


def test_numbers_of_other_scripts_are_no_versions(tmp_path):
    for name in ("²", "\uff11", "٣", "1", "0002", "2", "1e3", "9" * 30, "-4"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file takes its number")
    assert versions.versions(tmp_path) == [1, 2, 7]
    assert versions.keep_newest(tmp_path, 2) == [1]
    assert exporter.publish(tmp_path, 1, lambda new: None).name == "8"
    assert {path.name for path in tmp_path.iterdir()} == {"²", "\uff11", "٣", "1e3", "9" * 30, "-4", "8"}


def test_prunings_at_the_same_time_remove_each_version_once(tmp_path):
    for number in range(40):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "saved_model.pb").write_text("x")
    removed, start = [], threading.Barrier(4)

    def prune():
        start.wait()
        removed.extend(versions.keep_newest(tmp_path, 2))

    threads = [threading.Thread(target=prune) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(removed) == list(range(38))
    assert {path.name for path in tmp_path.iterdir()} == {"38", "39"}


# === What killed processes leave ===


def test_the_next_export_removes_files_of_killed_ones(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    of_dead, of_this = (f"{atomic.HOST}-{process}-0123abcd" for process in (dead.pid, os.getpid()))
    names = [f".films.tmp-{of_dead}", f".films.partial.tmp-{of_dead}", f".films.tmp-{of_this}", f".f.lms.tmp-{of_dead}"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / f".note.txt.tmp-{of_dead}").write_text("half")
    with atomic.new_folder(tmp_path / "films") as new:
        (new / "x").write_text("x")
    assert {path.name for path in tmp_path.glob(".*")} == {*names[1:], f".note.txt.tmp-{of_dead}"}
    atomic.write_text(tmp_path / "note.txt", "whole")
    checkpoints.discard(tmp_path / "films.partial")  # as `tfrec train` does in the end
    assert {path.name for path in tmp_path.glob(".*")} == set(names[2:])


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(path, *_, **__):
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write_text(tmp_path / "note.txt", "whole")
    assert not list(tmp_path.iterdir())


def test_the_request_that_is_shown_has_ids_of_the_catalogue(exported, tmp_path):
    """The first two of the vocabulary that were not withdrawn."""
    manifest = json.loads((exported / export_manifest.PLACE).read_text())
    first = (exported / "assets" / "item.txt").read_text("utf-8").split("\n")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets" / "item.txt").write_text("\n".join(first), "utf-8")
    (tmp_path / export_manifest.PLACE).write_text(json.dumps({**manifest, "withdrawn_items": [first[1]]}))
    assert _some_ids(tmp_path) == [first[0], first[2]]

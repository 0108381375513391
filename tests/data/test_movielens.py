"""Downloads are verified, and failures give a clear error."""

import contextlib
import hashlib
import io
import socket
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tfrec.data import read
from tfrec.data.datasets import movielens
from tfrec.errors import InputError

FILES = {
    "ml-latest-small/ratings.csv": "userId,movieId,rating,timestamp\n1,10,4.0,200\n1,20,3.0,100\n",
    "ml-latest-small/movies.csv": "movieId,title,genres\n10,A,Drama\n20,B,War\n",
}


def packed(files, links=()):
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        for name, target in links:
            entry = zipfile.ZipInfo(name)
            entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    return raw.getvalue()


@contextlib.contextmanager
def serving(files, cut=None, announced=True):
    """Serve `files` and return the address; the connection ends after `cut` bytes of an archive."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = files.get(self.path.removeprefix("/sets/"))
            if body is None:
                self.send_error(404, "Not Found")
                return
            self.send_response(200)
            if announced:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client closes the connection when it has received too much
                self.wfile.write(body[:cut] if self.path.endswith(".zip") else body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/sets", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def latest(archive, digest=None):
    digest = digest or hashlib.md5(archive).hexdigest()
    return {"ml-latest-small.zip": archive, "ml-latest-small.zip.md5": f"{digest}  ml-latest-small.zip\n".encode()}


def refused(folder, name="ml-latest-small", **server):
    """The error of a download, which must leave nothing behind."""
    with serving(**server) as (url, _), pytest.raises(InputError) as caught:
        movielens.download(name, folder, url)
    assert list(folder.iterdir()) == []
    assert f"{name}.zip yourself" in str(caught.value) and "--data" in str(caught.value)
    return str(caught.value)


def test_a_dataset_is_downloaded_unpacked_and_reused(tmp_path, capsys):
    archive = packed({**FILES, "ml-latest-small/docs/README.txt": "terms"})
    with serving(latest(archive)) as (url, asked):
        folder = movielens.download("ml-latest-small", tmp_path / "data", url)
        assert asked == ["/sets/ml-latest-small.zip.md5", "/sets/ml-latest-small.zip"]
        assert folder == tmp_path / "data" / "ml-latest-small"
        assert movielens.download("ml-latest-small", tmp_path / "data", url) == folder
        assert len(asked) == 2
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["ml-latest-small"]
    assert (folder / "docs" / "README.txt").read_text() == "terms"
    assert read(folder).items["title"].tolist() == ["A", "B"]
    told = capsys.readouterr()
    assert not told.out and f"{len(archive):,} of {len(archive):,} bytes (100%)" in told.err


def test_a_wrong_md5_raises_an_error(tmp_path):
    assert "MD5: expected 0000" in refused(tmp_path, files=latest(packed(FILES), digest="0" * 32))


def test_without_a_published_md5_the_archives_checksums_are_verified(tmp_path, capsys):
    archive = packed(FILES)
    with serving({"ml-latest-small.zip": archive}) as (url, _):
        assert len(read(movielens.download("ml-latest-small", tmp_path / "a", url))) == 2
    assert "does not exist" in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    spoiled = archive.replace(b"1,10,4.0", b"1,10,4.5")
    assert "Bad CRC-32" in refused(tmp_path / "b", files={"ml-latest-small.zip": spoiled})


def test_an_invalid_md5_file_raises_an_error(tmp_path):
    files = {**latest(packed(FILES)), "ml-latest-small.zip.md5": b"<html>sorry"}
    assert "is not an MD5 file: it begins with '<html>sorry'" in refused(tmp_path, files=files)


def test_fixed_archives_are_checked_against_known_size_and_md5(tmp_path):
    assert "expected 5,917,549 bytes" in refused(tmp_path, "ml-1m", files={"ml-1m.zip": packed(FILES)})
    same_size = {"ml-100k.zip": bytes(4_924_029)}
    assert "expected 0e33842e24a9c977be4e0107933c0723" in refused(tmp_path, "ml-100k", files=same_size)


def test_an_endless_download_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(movielens, "_FIXED", {"ml-latest-small": (1 << 17, "0" * 32)})
    files = {"ml-latest-small.zip": bytes(1 << 20)}
    assert "expected 131,072 bytes, got more" in refused(tmp_path, files=files, announced=False)


def test_a_truncated_download_raises_an_error(tmp_path):
    archive = packed(FILES)
    assert f"expected {len(archive):,} bytes, but the connection ended" in refused(
        tmp_path, files=latest(archive), cut=100
    )


def test_a_file_that_is_not_an_archive_raises_an_error(tmp_path):
    assert "Not Found" in refused(tmp_path, files={"ml-latest-small.zip.md5": b"0" * 32})
    assert "zip file" in refused(tmp_path, files=latest(b"this is no archive"))
    assert "lacks ml-latest-small/movies.csv" in refused(
        tmp_path, files=latest(packed({"ml-latest-small/ratings.csv": "x"}))
    )


@pytest.mark.parametrize(
    "name", ["../evil.txt", "ml-latest-small/../../evil.txt", "/tmp/evil-tfrec.txt", "..\\evil.txt"]
)
def test_no_file_is_unpacked_outside_the_folder(tmp_path, name):
    folder = tmp_path / "data"
    folder.mkdir()
    assert "not unpacked" in refused(folder, files=latest(packed({**FILES, name: "evil"})))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_links_in_an_archive_raise_an_error(tmp_path):
    archive = packed(FILES, links=[("ml-latest-small/link", "/etc")])
    assert "'ml-latest-small/link'" in refused(tmp_path, files=latest(archive))


def test_an_unreachable_server_raises_an_error(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(InputError, match=rf"127.0.0.1:{port}/ml-1m.zip could not be downloaded.*yourself.*--data"):
            movielens.download("ml-1m", tmp_path, f"http://127.0.0.1:{port}/")
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_folder_is_not_changed(tmp_path):
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"lacks ml-1m/ratings.dat"):
        movielens.download("ml-1m", tmp_path, "http://127.0.0.1:1/")
    assert (tmp_path / "ml-1m" / "mine.txt").exists()


def test_an_unknown_dataset_raises_an_error(tmp_path):
    with pytest.raises(InputError, match=r"'ml-99'.*ml-100k, ml-1m, ml-latest-small"):
        movielens.download("ml-99", tmp_path)


def test_a_folder_that_cannot_be_created_raises_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="could not be downloaded to"):
        movielens.download("ml-1m", tmp_path / "file" / "data", "http://127.0.0.1:1/")


def test_archives_with_any_damaged_byte_raise_an_error(tmp_path):
    """Bytes of the archive changed one after the other: an `InputError`, or the files, never another exception."""
    whole = packed(FILES)
    marks = [place for mark in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04") for place in [whole.find(mark)]]
    for place in (one for mark in marks for one in range(mark, min(mark + 46, len(whole)), 3)):
        broken = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        archive, target = tmp_path / f"{place}.zip", tmp_path / str(place)
        archive.write_bytes(broken)
        try:
            movielens._unpack(archive, target)
        except movielens._BROKEN as error:
            assert isinstance(error, Exception)


def test_errors_while_unpacking_are_one_sentence(tmp_path, monkeypatch):
    archive = packed(FILES)
    for error in (
        NotImplementedError("compression 99"),
        EOFError("cut"),
        UnicodeDecodeError("utf-8", b"x", 0, 1, "no"),
    ):

        def fail(*arguments, error=error):
            raise error

        monkeypatch.setattr(movielens, "_unpack", fail)
        refused(tmp_path, files=latest(archive))

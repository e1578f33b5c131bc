"""download.py against a real HTTP server on loopback: breaks, resumption, wrong sums, no host."""

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from svhn_lab.data.download import download
from svhn_lab.errors import UserError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
BREAK = 4 * 65536
MD5 = hashlib.md5(CONTENT).hexdigest()


class Site(ThreadingHTTPServer):
    """Serves CONTENT; the first `breaks` answers stop after BREAK bytes."""

    breaks = 0
    understands_ranges = True
    ranges: list[str | None]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class Handler(BaseHTTPRequestHandler):
    server: Site

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_GET(self) -> None:
        if self.path != "/file.bin":
            self.send_error(404)
            return
        site = self.server
        wanted = self.headers.get("Range")
        site.ranges.append(wanted)
        start = 0
        if wanted and site.understands_ranges:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                self.send_error(416)
                return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if site.breaks:
            site.breaks -= 1
            self.wfile.write(CONTENT[start : start + BREAK])
            return
        self.wfile.write(CONTENT[start:])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_file_comes_whole_and_is_not_loaded_twice(site: Site, tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.bin"
    download(site.url, target, md5=MD5)
    download(site.url, target, md5=MD5)
    assert target.read_bytes() == CONTENT
    assert site.ranges == [None]


def test_a_broken_transfer_is_continued_where_it_broke(site: Site, tmp_path: Path) -> None:
    site.breaks = 2
    download(site.url, tmp_path / "file.bin", md5=MD5)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert site.ranges == [None, "bytes=262144-", "bytes=524288-"]


def test_what_came_before_it_gave_up_is_kept_for_the_next_call(site: Site, tmp_path: Path) -> None:
    site.breaks = 3
    with pytest.raises(ConnectionError, match="broke off"):
        download(site.url, tmp_path / "file.bin", md5=MD5)
    assert not (tmp_path / "file.bin").exists()
    download(site.url, tmp_path / "file.bin", md5=MD5)
    assert site.ranges[-1] == "bytes=786432-"
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_is_asked_for_everything(site: Site, tmp_path: Path) -> None:
    site.breaks, site.understands_ranges = 1, False
    download(site.url, tmp_path / "file.bin", md5=MD5)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_taken(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    download(site.url, tmp_path / "file.bin", md5=MD5)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_wrong_md5_leaves_what_was_there_and_no_part(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.bin").write_bytes(b"older")
    with pytest.raises(UserError, match=f"md5 {MD5}, but 0000 is expected"):
        download(site.url, tmp_path / "file.bin", md5="0000")
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]
    assert (tmp_path / "file.bin").read_bytes() == b"older"


def test_a_missing_file_is_an_answer_and_not_retried(site: Site, tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="404"):
        download(site.url + "x", tmp_path / "file.bin", md5=MD5)


def test_a_host_that_refuses_is_given_up_at_once(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port} cannot be reached"):
        download(f"http://127.0.0.1:{port}/file.bin", tmp_path / "file.bin", md5=MD5)


@pytest.mark.slow
def test_a_host_that_never_answers_is_given_up_within_15_seconds(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(ConnectionError, match=r"cannot be reached|did not answer"):
            download(
                f"http://127.0.0.1:{silent.getsockname()[1]}/x", tmp_path / "file.bin", md5=MD5
            )
        assert time.monotonic() - began < 15

"""Headers of files that are not here, from a server of our own: what is asked for, and what it may not do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from causerie.checkpoint.ranges import FIRST_BYTES, RemoteFile
from causerie.checkpoint.remote import READ_BYTES, RemoteIndex
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import CheckpointError, GatedModel, ModelNotFound, Unsupported, WeightFileError


@dataclass
class Server:
    """What is answered: files, and how it misbehaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    status: int = 206
    lies: bool = False
    elsewhere: str | None = None
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    url: str = ""


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None: ...

        def do_GET(self) -> None:
            server.asked.append((self.headers["Range"], self.headers.get("Authorization")))
            if server.elsewhere is not None:
                self.send_response(302)
                self.send_header("Location", server.elsewhere + self.path)
                self.end_headers()
                return
            content = server.files[self.path.lstrip("/")]
            first, last = (int(each) for each in self.headers["Range"].removeprefix("bytes=").split("-"))
            part = content[first : last + 1] if server.status == 206 else content
            if server.status not in (200, 206):
                part = b""
            self.send_response(server.status)
            told = first + 1 if server.lies else first
            self.send_header("Content-Range", f"bytes {told}-{last}/{len(content)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            try:
                self.wfile.write(part)
                server.sent += len(part)
            except OSError:  # whoever asked had enough
                pass

    return Handler


@pytest.fixture
def serve() -> Iterator[Any]:
    """`serve(**options)`: a running server."""
    running: list[ThreadingHTTPServer] = []

    def start(**options: Any) -> Server:
        server = Server(**options)
        http = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
        http.daemon_threads = True
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        running.append(http)
        server.url = f"http://127.0.0.1:{http.server_address[1]}"
        return server

    yield start
    for http in running:
        http.shutdown()
        http.server_close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """Two shards, one with a header that is longer than what is asked for at once."""
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    small = np.zeros(1, np.uint8)
    write_safetensors(tmp_path / "a.safetensors", {"w": numbers, "large": np.zeros(READ_BYTES + 1, np.uint8)})
    write_safetensors(tmp_path / "b.safetensors", {f"layers.{i}.{'x' * 80}": small for i in range(3000)})
    return {name: (tmp_path / name).read_bytes() for name in ("a.safetensors", "b.safetensors")}


def index(server: Server, headers: dict[str, str] | None = None) -> RemoteIndex:
    sizes = {name: len(content) for name, content in server.files.items()}
    return RemoteIndex("org/m", sizes, lambda name: RemoteFile(f"{server.url}/{name}", headers or {}, f"org/m/{name}"))


def test_it_says_what_the_files_say(serve: Any, files: dict[str, bytes], tmp_path: Path) -> None:
    server = serve(files=files)
    remote = index(server)
    with SafetensorsIndex.open([tmp_path / name for name in files]) as local:
        assert list(remote.names()) == list(local.names()) and remote.nbytes == local.nbytes
        for name in local.names():
            ours, theirs = remote.info(name), local.info(name)
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert np.array_equal(remote.read("w"), local.read("w"))
    assert len(files["b.safetensors"]) > FIRST_BYTES  # its header needed a second question
    with pytest.raises(Unsupported, match="'large' of org/m is not on this machine"):
        remote.read("large")
    with pytest.raises(WeightFileError, match=r"lacks tensor 'larger'\. Nearest there: large"):
        remote.info("larger")


def test_only_headers_are_fetched(serve: Any, files: dict[str, bytes]) -> None:
    server = serve(files={"a.safetensors": files["a.safetensors"]})
    index(server)
    assert server.sent <= FIRST_BYTES < len(files["a.safetensors"])


def test_a_server_without_ranges_is_read_no_further_than_is_needed(serve: Any, files: dict[str, bytes]) -> None:
    remote = index(serve(files=files, status=200))
    assert "w" in remote and len(remote.names()) == 3002


def test_a_server_that_sends_other_bytes_is_not_believed(serve: Any, files: dict[str, bytes]) -> None:
    with pytest.raises(CheckpointError, match=r"org/m/a.safetensors cannot be looked into: bytes from 0 on were asked"):
        index(serve(files=files, lies=True))


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (401, GatedModel, "Accept the model's terms"),
        (404, ModelNotFound, "has no file org/m/a.safetensors"),
        (429, CheckpointError, "too often"),
        (500, CheckpointError, "answered 500"),
    ],
)
def test_refusals_are_sentences(serve: Any, files: dict[str, bytes], status: int, kind: type, sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        index(serve(files=files, status=status))


def test_nobody_there_is_a_sentence(files: dict[str, bytes]) -> None:
    with pytest.raises(CheckpointError, match=r"cannot be looked into: .*refused"):
        index(Server(files=files, url="http://127.0.0.1:9"))


def test_a_login_does_not_follow_to_another_host(serve: Any, files: dict[str, bytes]) -> None:
    storage = serve(files=files)
    hub = serve(files=files, elsewhere=storage.url)
    index(hub, {"Authorization": "Bearer secret"})
    assert {login for _, login in hub.asked} == {"Bearer secret"}
    assert {login for _, login in storage.asked} == {None} and len(storage.asked) >= 2

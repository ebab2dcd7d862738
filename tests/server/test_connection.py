"""Heads and bodies that are too large or too slow, as bytes on a socket: to the real server, and with short patience to
one connection alone."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from causerie.server.http import connection
from causerie.server.http.connection import MOST_HEAD, MOST_HEADERS, Connection
from tests.server.server_process import Server

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


def answer_to(address: tuple[str, int], *pieces: bytes, pause: float = 0.0, patience: float = 20.0) -> bytes:
    """All that comes back until the server closes the connection."""
    with socket.create_connection(address, timeout=patience) as client:
        for piece in pieces:
            try:
                client.sendall(piece)
            except OSError:
                break  # refused before all was sent
            time.sleep(pause)
        data_read = b""
        try:
            while data := client.recv(65536):
                data_read += data
        except ConnectionError:
            pass
        return data_read


def address_of(server: Server) -> tuple[str, int]:
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((GET, b"Connection: close\r\n\r\n"), b"200"),
        ((GET, b"X: " + b"x" * (MOST_HEAD - 1000) + b"\r\nConnection: close\r\n\r\n"), b"200"),
        ((GET, b"X: " + b"x" * MOST_HEAD + b"\r\n\r\n"), b"431"),
        ((GET, b"X: ", *[b"x" * 4096] * 20), b"431"),  # a header that never ends
        ((b"GET /" + b"x" * MOST_HEAD + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",), b"431"),
        ((GET + b"X: x\r\n" * MOST_HEADERS + b"\r\n",), b"431"),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), b"400"),  # TLS to a port without it
        ((b"hello\r\n\r\n",), b"400"),
    ],
)
def test_heads(server: Server, pieces: tuple[bytes, ...], status: bytes) -> None:
    answer = answer_to(address_of(server), *pieces)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert status == b"200" or b'"error":{"message":"The request' in answer
    assert server.get("/health").status_code == 200


def test_two_requests_at_once_on_one_connection(server: Server) -> None:
    answer = answer_to(address_of(server), GET + b"\r\n" + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b'{"status":"ok"}') == 2


async def slow_reader(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads a body, then sends more than any buffer holds where it is asked for /much."""
    while (message := await receive())["type"] == "http.request" and message.get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(200 if scope["path"] == "/much" else 1):
        await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def listening() -> Iterator[tuple[str, int]]:
    """A server of this process with the same connections."""
    config = uvicorn.Config(
        slow_reader, http=Connection, ws="none", lifespan="off", log_level="critical", loop="asyncio"
    )
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "STALL_SECONDS"):
        monkeypatch.setattr(connection, name, 0.3)


@pytest.mark.usefixtures("hurried")
def test_patience_ends() -> None:
    body = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsome"
    with listening() as address:
        assert answer_to(address) == b""  # nothing was asked
        assert answer_to(address, GET).startswith(b"HTTP/1.1 408")
        assert answer_to(address, GET, *[b"x"] * 8, pause=0.1).startswith(b"HTTP/1.1 408")
        assert answer_to(address, body).startswith(b"HTTP/1.1 408")
        assert answer_to(address, body + b"x" * 96).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("hurried")
def test_who_reads_nothing_is_left() -> None:
    ask = b"GET /much HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with listening() as address:
        with socket.create_connection(address, timeout=20) as client:
            client.sendall(ask)
            time.sleep(1.5)
            got = 0
            with pytest.raises(ConnectionError):
                while True:
                    data = client.recv(65536)
                    if not data:
                        raise ConnectionError
                    got += len(data)
            assert got < 200 * 65536
        assert len(answer_to(address, ask)) > 200 * 65536  # one that reads gets all

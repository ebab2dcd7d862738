"""Clients that read slowly or not at all: what each costs the server is bounded, and others notice nothing."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie.server.processes.backlog import MOST_BYTES, Backlog, weight
from causerie.server.processes.engine_link import Job
from causerie.server.processes.jobs import Call, Piece, TokenPiece
from tests.server.server_process import Server, serving
from tests.server.test_connection import address_of

READERS = 8
MEGABYTE = 1 << 20


def ask(server: Server, **fields: Any) -> socket.socket:
    """A stream of more than any buffer holds, of which nothing is read."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(60)
    client.connect(address_of(server))
    chat = [{"role": "user", "content": "Hello!"}]
    body = {"model": "builtin", "messages": chat, "stream": True, "n": 16, "max_tokens": 1900, **fields}
    body["logit_bias"] = {"2": -100}  # no end before
    text = json.dumps(body).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n"
    client.sendall(head.encode() + b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + text)
    return client


def memory(server: Server) -> int:
    """Of the front's process alone."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(server.process.pid)], capture_output=True, text=True, check=True
    )
    return 1024 * int(told.stdout)


@pytest.mark.parametrize(
    "fields",
    [{"logprobs": True, "top_logprobs": 20}, pytest.param({}, marks=pytest.mark.slow)],
    ids=["logprobs", "plain"],
)
def test_a_slow_reader_costs_less_than_a_megabyte(tmp_path: Path, fields: dict[str, Any]) -> None:
    """They took 3.6 MB each."""
    with serving(tmp_path) as server:
        expected = server.said("What is a token?")
        for client in [ask(server, **fields)]:  # whatever is taken once
            server.wait(lambda: server.metric("jobs") == 0, 120)
            client.close()
        before = memory(server)
        clients = [ask(server, **fields) for _ in range(READERS)]
        server.wait(lambda: server.metric("jobs") > 0)
        assert server.said("What is a token?") == expected
        server.wait(lambda: server.metric("jobs") == 0, 240)  # each was ended, as its backlog was full
        assert memory(server) - before < READERS * MEGABYTE
        last = clients[0]
        told = b""
        while data := last.recv(65536):
            told += data
        assert b"reads too slowly" in told and told.rstrip().endswith(b"data: [DONE]\n\n\r\n0")
        for client in clients:
            client.close()
        server.wait(lambda: server.metric("running") == 0 and server.metric("used_blocks") == 0)


@pytest.mark.parametrize(
    "piece",
    [
        Piece(3, 0, "word "),
        Piece(3, 0, "ж" * 3000),
        Piece(3, 0, "", [], "thought "),
        Piece(3, 0, "", [], "", [Call("f", '{"a": 1}' * 50)]),
        Piece(3, 0, "word ", [TokenPiece(5, "word ", [119] * 5, -1.0, [TokenPiece(7, "x", [120], -2.0)] * 20)]),
    ],
)
def test_the_backlog_counts_what_waits(piece: Piece) -> None:
    backlog = Backlog()
    jobs = [Job(1, backlog), Job(2, backlog)]  # two prompts of one client
    for place in range(1000):
        jobs[place % 2].put(piece)
    assert backlog.bytes == 1000 * weight(piece) and weight(piece) >= len(piece.text)
    assert backlog.full == (backlog.bytes > MOST_BYTES)
    for place in range(1000):
        assert jobs[place % 2].at_once() is piece
    assert backlog.bytes == 0 and jobs[0].at_once() is None


def test_a_burst_of_log_probabilities_is_no_slow_reader(tmp_path: Path) -> None:
    """What sixteen choices gave at once stood for a client that reads nothing, and its request was ended."""
    chat = [{"role": "user", "content": "Hello!"}]
    body = {"model": "builtin", "messages": chat, "stream": True, "n": 16, "max_tokens": 200, "logit_bias": {"2": -100}}
    ended = 0
    with serving(tmp_path) as server:
        fields = {"logprobs": True, "top_logprobs": 20}
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json={**body, **fields}, timeout=120) as answer:
            for line in answer.iter_lines():
                assert '"error"' not in line, line
                ended += '"finish_reason":"length"' in line
    assert ended == 16

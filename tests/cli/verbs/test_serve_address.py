"""What `causerie serve` shows for a phone: the address, the key and the QR code on a terminal, and in no log."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import segno

from causerie.cli.screen.qr_code import qr_lines
from causerie.cli.verbs import serve_address
from causerie.cli.verbs.serve_address import addresses_of, invite, url_of
from tests.server.server_process import Server, well

KEY = "open sesame/&?"
ADDRESS = "http://192.168.1.5:8000/#key=open%20sesame%2F%26%3F"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def modules(lines: list[str]) -> list[list[int]]:
    """The code's modules, 1 for a dark one, as half blocks in white on black show them, without the white around."""
    rows: list[list[int]] = []
    for line in lines:
        blocks = re.sub(r"\x1b\[[\d;]*m", "", line)
        rows += [[int(each not in "█▀") for each in blocks], [int(each not in "█▄") for each in blocks]]
    return [row[2:-2] for row in rows[2 : len(rows[0]) - 2]]


def test_the_code_says_the_address() -> None:
    drawn = segno.make_qr(ADDRESS, error="l")
    assert modules(qr_lines(ADDRESS)) == [list(row) for row in drawn.matrix]


def test_a_terminal_shows_address_key_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setenv("COLUMNS", "80")
    invite("http://192.168.1.5:8000", KEY, out)
    assert ADDRESS in out.getvalue() and all(line in out.getvalue() for line in qr_lines(ADDRESS))
    narrow = Terminal()
    monkeypatch.setenv("COLUMNS", "30")
    invite("http://192.168.1.5:8000", KEY, narrow)
    assert ADDRESS in narrow.getvalue() and "█" not in narrow.getvalue()


def test_what_is_no_terminal_is_told_no_key() -> None:
    out = io.StringIO()
    invite("http://192.168.1.5:8000", KEY, out)
    assert out.getvalue() == ""


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert addresses_of("192.168.1.5") == ["192.168.1.5"]
    monkeypatch.setattr(serve_address, "_outward", {2: "192.168.1.5", 10: "fd00::5"}.get)
    assert addresses_of("0.0.0.0") == ["192.168.1.5"] and addresses_of("::") == ["192.168.1.5", "fd00::5"]
    monkeypatch.setattr(serve_address, "_outward", lambda _: None)
    assert addresses_of("0.0.0.0") == ["0.0.0.0"]
    assert url_of("https", "fd00::5", 80) == "https://[fd00::5]:80"


@contextmanager
def started(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """A server for other machines, with a terminal as its output and a file as its log."""
    (folder / "keys").write_text("abracadabra\n")
    log, (here, there) = folder / "log", os.openpty()
    words = ["--host", "0.0.0.0", "--port", "0", "--api-key-file", str(folder / "keys"), *more]
    with log.open("w") as errors:
        command = [sys.executable, "-m", "causerie.cli.main", "serve", *words]
        process = subprocess.Popen(command, stdout=there, stderr=errors, text=True)
    os.close(there)
    try:
        yield process, here, log
    finally:
        process.terminate()
        process.wait(40)
        os.close(here)


def test_a_server_shows_its_key_on_the_terminal_and_in_no_log(tmp_path: Path) -> None:
    """Law: whatever is asked, and with which key, nothing of a key is in what is logged."""
    with started(tmp_path) as (process, terminal, log):
        shown = b""
        while b"\x1b[0m" not in shown:
            shown += os.read(terminal, 65536)
        address = re.search(rb"(http://\S+)/#key=abracadabra\r", shown)
        assert address is not None
        server = Server(process, address[1].decode())
        server.wait(lambda: well(server.url), 60)
        for headers in (
            {"Authorization": "Bearer abracadabra"},
            {"x-api-key": "hocuspocus"},
            {"x-api-key": "abracadabra"},
        ):
            for path in ("/v1/models", "/abracadabra", "/?key=abracadabra"):
                server.get(path, headers=headers)
            for body in ("{", '{"model": "abracadabra"}'):
                httpx.post(server.url + "/v1/chat/completions", content=body, headers=headers)
        assert server.get("/v1/models", headers={"Authorization": "Bearer abracadabra"}).status_code == 200
        assert server.stop() in (0, -15)
    assert "a page to chat in" in log.read_text()
    assert "abracadabra" not in log.read_text() and "hocuspocus" not in log.read_text()


def test_no_key_is_shown_where_none_is_wanted(tmp_path: Path) -> None:
    with started(tmp_path, "--no-qr") as (process, terminal, log):
        server = Server(process, "")
        server.wait(lambda: "a page to chat in" in log.read_text())
        server.stop()
        with pytest.raises(OSError):  # nothing was written: the terminal has ended
            os.read(terminal, 1)

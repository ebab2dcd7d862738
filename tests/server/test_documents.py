"""Texts of attached files: what is taken of a PDF or a text, what is refused, and that a file can be stopped."""

from __future__ import annotations

import asyncio
import sys
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from causerie.errors import UsageError
from causerie.server.http.gate import MOST_FILE
from causerie.server.processes.documents import document_text
from causerie.server.processes.documents.document_reader import DocumentReader
from causerie.server.processes.documents.document_text import DocumentText, text_of
from tests.server.pdf_files import encrypted, pdf_of
from tests.server.server_process import Server

THREE = pdf_of("Four apples.", "", "Zwölf Äpfel.")
# A page of 200 MB in a few hundred KB, which pypdf refuses.
BOMB = pdf_of("", packed=zlib.compress(bytes(200 << 20)))


def test_a_pdf_is_read_page_by_page() -> None:
    assert text_of(THREE) == DocumentText("pdf", "Four apples.\n\nZwölf Äpfel.", 26, 3, 3, 1)


@pytest.mark.parametrize("data", ["Gräser\n".encode(), "\ufeffGräser\n".encode(), "Gräser\n".encode("utf-16")])
def test_texts_are_read_as_they_are_written(data: bytes) -> None:
    assert text_of(data) == DocumentText("text", "Gräser\n", 7)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pdf_of("", ""), "pictures of pages and no text"),
        (pdf_of(), "no pages"),
        (BOMB, "No page of the PDF can be read"),
        (encrypted(THREE, "secret"), "encrypted"),
        (b"%PDF-1.7\nnothing that follows", "broken or cut"),
        (THREE[:200], "broken or cut"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "neither a PDF nor a text"),
        (b"a\0b", "neither a PDF nor a text"),
        (b"a" * (document_text.MOST_CHARACTERS + 1), "1,048,577 characters; at most 1,048,576"),
    ],
)
def test_what_has_no_text_is_said(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        text_of(data)


def test_an_empty_password_is_none() -> None:
    assert text_of(encrypted(THREE, "")).characters == 26


def test_a_long_pdf_is_read_as_far_as_there_is_time_and_room(monkeypatch: pytest.MonkeyPatch) -> None:
    pdf = pdf_of("one", "two", "three", "four")
    assert text_of(pdf, seconds=-1) == DocumentText("pdf", "one", 3, 4, 1)
    monkeypatch.setattr(document_text, "MOST_PAGES", 2)
    assert text_of(pdf) == DocumentText("pdf", "one\n\ntwo", 8, 4, 2)
    monkeypatch.setattr(document_text, "MOST_CHARACTERS", 5)
    assert text_of(pdf) == DocumentText("pdf", "one\n\n", 5, 4, 2)


def test_a_file_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The process that reads it is gone, and the next file is read."""
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)

    async def read() -> Any:
        reader = DocumentReader(seconds=1)
        with monkeypatch.context() as patch, pytest.raises(UsageError, match="took more than 1 s"):
            patch.setattr(sys, "executable", str(sleeper))
            await reader.text(THREE)
        return await DocumentReader().text(THREE)

    assert asyncio.run(read()).pages == 3


def sent(server: Server, data: bytes, kind: str = "application/octet-stream", **headers: str) -> httpx.Response:
    return httpx.post(server.url + "/text-of-file", content=data, headers={"Content-Type": kind} | headers, timeout=60)


def test_the_route(server: Server) -> None:
    told = sent(server, THREE, "application/pdf").json()
    assert told["text"] == "Four apples.\n\nZwölf Äpfel." and told["pages_without_text"] == 1
    refused = sent(server, encrypted(THREE, "secret"))
    assert refused.status_code == 400 and "encrypted" in refused.json()["error"]["message"]
    # What a foreign page could send without asking is no file.
    assert sent(server, THREE, "text/plain").status_code == sent(server, THREE, "application/json").status_code == 415
    assert sent(server, THREE, Origin="https://evil.example").status_code == 403
    assert sent(server, b"a" * (MOST_FILE + 1)).status_code == 413
    assert server.post("/text-of-file", {}).status_code == 415

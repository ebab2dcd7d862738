"""`POST /text-of-file`: the text of a file that a reader of the page attaches. Knows no model and no PDF."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.server.http.departure import unless_left
from causerie.server.http.failure_responses import Refusal
from causerie.server.http.gate import FILE_ROUTE, MOST_FILE
from causerie.server.http.request_body import read_bytes
from causerie.server.processes.documents.document_reader import DocumentReader

MOST_FILES = 8  # at once, read and waiting

Answered = Callable[[Callable[[Request], Any]], Callable[[Request], Any]]


class FileRoutes:
    """The route, and how many files it has at the moment."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self._files = 0

    def routes(self, answered: Answered) -> list[Route]:
        """The route, with failures told as the server tells them."""
        return [Route(FILE_ROUTE, answered(self.text), methods=["POST"])]

    async def text(self, request: Request) -> Response:
        """POST /text-of-file: the body is the file. A client that goes ends the work."""
        if self._files >= MOST_FILES:
            raise Refusal(429, f"{MOST_FILES} files are being read; try again.", "rate_limit_error", retry_after=2)
        self._files += 1
        try:
            data = await read_bytes(request, MOST_FILE)
            document = await unless_left(request, self._reader.text(data))
        finally:
            self._files -= 1
        if document is None:
            return Response(status_code=499)
        return Response(msgspec.json.encode(document), media_type="application/json")

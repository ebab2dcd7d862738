"""`POST /text-of-file`: the text of a file that a reader of the page attaches. Knows no model and no PDF."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causerie.server.http.admission import Places
from causerie.server.http.departure import unless_left
from causerie.server.http.gate import FILE_ROUTE, MOST_FILE
from causerie.server.http.request_body import read_bytes
from causerie.server.http.route_responses import GONE, Answered, json_response
from causerie.server.processes.documents.document_reader import DocumentReader

MOST_FILES = 8  # at once, read and waiting


class FileRoutes:
    """The route, and how many files it has at the moment."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader
        self._places = Places(MOST_FILES, f"{MOST_FILES} files are being read; try again.", retry_after=2)

    def routes(self, answered: Answered) -> list[Route]:
        """The route, with failures told as the server tells them."""
        return [Route(FILE_ROUTE, answered(self.text), methods=["POST"])]

    async def text(self, request: Request) -> Response:
        """POST /text-of-file: the body is the file. A client that goes ends the work."""
        with self._places.enter():
            data = await read_bytes(request, MOST_FILE)
            document = await unless_left(request, self._reader.text(data))
        if document is None:
            return GONE
        return json_response(document)

"""The process that takes the text of one file: `python -m causerie.server.processes.documents.document_process FD`.

A file can be made to take long and much memory, and here it can be stopped. The frame that comes over the socket FD is
the file; what is sent back is its text, or a sentence that says why there is none. Knows no page and no HTTP.
"""

from __future__ import annotations

import logging
import socket
import sys

import msgspec

from causerie.errors import UsageError
from causerie.server.processes.child_limits import leave_interrupts, limit_addresses
from causerie.server.processes.documents.document_text import DocumentText, text_of
from causerie.server.processes.frames import frame_of, read_frame

MEMORY_BYTES = 1 << 30  # of addresses


class DocumentReply(msgspec.Struct, frozen=True):
    """What comes of a file: its text or the fault."""

    document: DocumentText | None = None
    fault: str = ""


def main() -> None:
    """Answers one file."""
    leave_interrupts()
    logging.disable()  # what pypdf thinks of strangers' files is nothing for the server's log
    connection = socket.socket(fileno=int(sys.argv[1]))
    limit_addresses(MEMORY_BYTES)
    data = read_frame(connection)
    if data is None:
        return
    try:
        reply = DocumentReply(text_of(data))
    except UsageError as error:
        reply = DocumentReply(fault=str(error))
    connection.sendall(frame_of(msgspec.json.encode(reply)))


if __name__ == "__main__":
    main()

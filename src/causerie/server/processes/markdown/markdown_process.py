"""The process that renders Markdown for the page: `python -m causerie.server.processes.markdown.markdown_process FD`.

A text can be made to take long, and here it can be stopped. For each list of texts that comes over the socket FD it
sends their HTML, one frame a text. Knows no page and no HTTP.
"""

from __future__ import annotations

import socket
import sys

import msgspec

from causerie.server.processes.child_limits import leave_interrupts, limit_addresses
from causerie.server.processes.frames import frame_of, read_frame

MEMORY_BYTES = 1 << 30  # of addresses


def main() -> None:
    """Answers lists of texts until the other side closes the connection. An empty frame says that it has begun."""
    leave_interrupts()
    from causerie.server.processes.markdown.markdown import to_html

    connection = socket.socket(fileno=int(sys.argv[1]))
    limit_addresses(MEMORY_BYTES)
    decoder = msgspec.json.Decoder(list[str])
    _send(connection, "")
    while (body := read_frame(connection)) is not None:
        for text in decoder.decode(body):
            _send(connection, to_html(text))


def _send(connection: socket.socket, html: str) -> None:
    connection.sendall(frame_of(html.encode("utf-8", errors="replace")))


if __name__ == "__main__":
    main()

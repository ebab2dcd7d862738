"""How the processes of the server speak: messages of known types, each behind its length, over a socket pair.

A frame is its length in bytes (4, big-endian) and one JSON document that msgspec checks against the types of
`jobs.py`. Nothing that is read can become code. Knows no model and no HTTP.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec
from msgspec import Struct

from causerie.errors import EngineError
from causerie.server.processes.jobs import JobEvent, Order

MOST_BYTES = 64 << 20
"""Of one frame. A request's body is limited far below it."""
LENGTH = struct.Struct(">I")

_encoder = msgspec.json.Encoder()
_orders = msgspec.json.Decoder(Order)
_events = msgspec.json.Decoder(JobEvent)


def packed(message: Struct) -> bytes:
    """The frame of a message. Raises EngineError for one of more than MOST_BYTES."""
    body = _encoder.encode(message)
    if len(body) > MOST_BYTES:
        raise EngineError(f"A message between the server's processes has {len(body)} bytes; at most {MOST_BYTES}.")
    return frame_of(body)


def frame_of(body: bytes) -> bytes:
    """A body behind its length."""
    return LENGTH.pack(len(body)) + body


async def next_frame(reader: asyncio.StreamReader) -> bytes:
    """The body of the next frame of a process of ours. Raises OSError and IncompleteReadError where there is none."""
    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
    return await reader.readexactly(length)


def read_frame(connection: socket.socket) -> bytes | None:
    """The body of the next frame, waited for; None at the end of the connection."""
    head = _read(connection, LENGTH.size)
    return None if head is None else _read(connection, LENGTH.unpack(head)[0])


def _read(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(1 << 20, size - len(parts)))
        if not part:
            return None
        parts += part
    return bytes(parts)


class Unpacker:
    """Turns bytes as they arrive into messages: orders in the engine's process, events in front of it."""

    def __init__(self, decoder: msgspec.json.Decoder[Any]) -> None:
        self._decoder = decoder
        self._buffer = bytearray()

    @staticmethod
    def orders() -> Unpacker:
        """For the engine's process."""
        return Unpacker(_orders)

    @staticmethod
    def events() -> Unpacker:
        """For the process in front."""
        return Unpacker(_events)

    def feed(self, data: bytes) -> list[Any]:
        """The messages that these bytes complete. Raises EngineError for what is no frame."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer)
            if length > MOST_BYTES:
                raise EngineError(
                    f"A frame between the server's processes claims {length} bytes; at most {MOST_BYTES}."
                )
            end = LENGTH.size + length
            if len(self._buffer) < end:
                break
            try:
                messages.append(self._decoder.decode(memoryview(self._buffer)[LENGTH.size : end].tobytes()))
            except msgspec.MsgspecError as error:
                raise EngineError(f"A frame between the server's processes cannot be read: {error}") from error
            del self._buffer[:end]
        return messages

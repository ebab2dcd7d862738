"""Frames between the server's processes: whole again however they were cut, bounded, refused where they are none."""

from __future__ import annotations

import json
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import EngineError
from causerie.server.processes import frames
from causerie.server.processes.frames import Unpacker, packed, read_frame
from causerie.server.processes.jobs import Detokenize, Tokens

ORDERS = [Detokenize(1, "builtin", [5, 6]), Detokenize(2, "a🦙", []), Detokenize(3, "m", list(range(300)))]


def test_a_frame_is_a_length_and_a_document() -> None:
    frame = packed(ORDERS[1])
    (length,) = struct.unpack(">I", frame[:4])
    assert length == len(frame) - 4
    assert json.loads(frame[4:]) == {"type": "Detokenize", "job": 2, "model": "a🦙", "tokens": []}


@given(st.lists(st.integers(1, 900), max_size=12))
def test_frames_are_whole_however_they_were_cut(sizes: list[int]) -> None:
    stream, reader, messages = b"".join(map(packed, ORDERS)), Unpacker.orders(), []
    for size in [*sizes, len(stream)]:
        messages += reader.feed(stream[:size])
        stream = stream[size:]
    assert messages == ORDERS


def test_what_is_no_frame_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (b"{", b'{"type":"Unknown"}', b'{"type":"Detokenize","job":"x"}'):
        with pytest.raises(EngineError, match="cannot be read"):
            Unpacker.orders().feed(struct.pack(">I", len(body)) + body)
    with pytest.raises(EngineError, match="cannot be read"):  # an order is no event
        Unpacker.events().feed(packed(ORDERS[0]))
    body = len(packed(ORDERS[0])) - 4
    monkeypatch.setattr(frames, "MOST_BYTES", body)
    assert Unpacker.orders().feed(packed(ORDERS[0])) == ORDERS[:1]
    monkeypatch.setattr(frames, "MOST_BYTES", body - 1)
    with pytest.raises(EngineError, match=f"has {body} bytes; at most {body - 1}"):
        packed(ORDERS[0])
    with pytest.raises(EngineError, match=f"claims {body} bytes"):  # before what it claims has come
        Unpacker.orders().feed(struct.pack(">I", body))


def test_a_socket_is_read_frame_by_frame_until_it_ends() -> None:
    ours, theirs = socket.socketpair()
    large = Tokens(list(range(400_000)))  # more than a socket takes at once

    def write() -> None:
        theirs.sendall(packed(ORDERS[0]) + packed(large) + packed(ORDERS[1])[:-1])
        theirs.close()

    writer = threading.Thread(target=write)
    writer.start()
    with ours:
        assert read_frame(ours) == packed(ORDERS[0])[4:]
        assert read_frame(ours) == packed(large)[4:]
        assert read_frame(ours) is None  # it ended within a frame
    writer.join()

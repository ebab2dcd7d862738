"""Bodies by themselves: what is read of them, which members a null leaves out, and which field an error names."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from starlette.requests import Request

from causerie.server.http.failure_responses import Refusal
from causerie.server.http.gate import MOST_BODY
from causerie.server.http.request_body import read_body


class Part(Struct, forbid_unknown_fields=True):
    """Something within a body."""

    size: int = 0


class Body(Struct, forbid_unknown_fields=True, rename={"kind": "type"}):
    """A body with a field of each sort."""

    name: str
    kind: str = "plain"
    stop: list[str] = []
    part: Part | None = None
    parts: dict[str, Part] = {}
    undone: None = None


def read(*pieces: bytes) -> Body:
    """The body that comes in these pieces."""
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    return asyncio.run(read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), Body))


def refused(text: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        read(text)
    return caught.value


@pytest.mark.parametrize("size", [1, 7, 300_000])
def test_a_body_may_come_in_pieces(size: int) -> None:
    text = json.dumps({"name": "é" * 1000 if size < 99 else "x" * 600_000, "stop": ["a", "b"]}).encode()
    body = read(*(text[start : start + size] for start in range(0, len(text), size)))
    assert msgspec.to_builtins(body) == json.loads(text) | {"type": "plain", "part": None, "parts": {}, "undone": None}


def test_a_null_is_a_member_that_is_left_out_where_it_may_be() -> None:
    whole = b'{"name": "null", "type": null, "stop": null, "part": null, "parts": null, "undone": null}'
    assert read(whole) == Body("null")
    assert read(b'{"name": "a", "type": null, "part": {"size": 3}}') == Body("a", part=Part(3))
    assert "`str`" in refused(b'{"name": null}').message
    assert "`int`" in refused(b'{"name": "a", "part": {"size": null}}').message  # only the body's own members


@pytest.mark.parametrize(
    ("text", "param", "code", "message"),
    [
        (b"{}", "name", None, "missing required field `name`"),
        (b'{"name": "a", "nmae": 1}', "nmae", None, "nearest first: name"),
        (b'{"name": "a", "nmae": null}', "nmae", None, "nearest first: name"),
        (b'{"name": 5}', "name", None, "Expected `str`, got `int`."),
        (b'{"name": "a", "stop": ["b", 5]}', "stop[1]", None, "Expected `str`, got `int`."),
        (b'{"name": "a", "part": {"sise": 5}}', "part.sise", None, "unknown field `sise`"),
        (b'{"name": "a", "undone": 5}', "undone", "unsupported", "undone is not done here"),
        (b"[]", None, None, "Expected `object`, got `array`."),
    ],
)
def test_errors_name_the_field(text: bytes, param: str | None, code: str | None, message: str) -> None:
    refusal = refused(text)
    assert (refusal.status, refusal.param, refusal.code) == (400, param, code)
    assert message in refusal.message


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_is_counted_as_it_comes(more: int) -> None:
    head, tail = b'{"name": "', b'"}'
    pieces = [head, *[b"x" * 2**20] * 7, b"x" * (MOST_BODY - 7 * 2**20 - len(head) - len(tail) + more), tail]
    if more:
        with pytest.raises(Refusal, match=f"more than {MOST_BODY} bytes") as caught:
            read(*pieces)
        assert caught.value.status == 413
    else:
        assert len(read(*pieces).name) == MOST_BODY - len(head) - len(tail)


@pytest.mark.parametrize("text", [b"[" * 65 + b"]" * 65, b'{"name": [' + b"[]," * 200_000 + b"1]}"])
def test_what_is_too_much_is_refused_before_it_is_decoded(text: bytes) -> None:
    assert refused(text).code in ("json_too_deep", "json_too_large")

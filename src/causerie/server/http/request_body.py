"""A request's body: read within its limits, and checked against the type that its route wants. Knows no route."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import msgspec
from starlette.requests import Request

from causerie.server.http.failure_responses import Refusal, unreadable
from causerie.server.http.gate import MOST_BODY
from causerie.server.http.json_bounds import MOST_DEPTH, TooDeep, TooMany, check_bounds

Body = TypeVar("Body")
_LARGE = 256 << 10  # bytes, which are looked at beside the event loop


async def read_body(request: Request, kind: type[Body]) -> Body:
    """The body as `kind`. Raises Refusal that names the field."""
    text = await _text(request)
    try:
        await asyncio.to_thread(check_bounds, text) if len(text) > _LARGE else check_bounds(text)
    except TooDeep:
        raise Refusal(400, f"The JSON is nested more than {MOST_DEPTH} deep.", code="json_too_deep") from None
    except TooMany:
        raise Refusal(400, "The JSON has too many values. Send fewer at a time.", code="json_too_large") from None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        sentence, _, place = str(error).partition(" - at `")
        param = place.rstrip("`").removeprefix("$").lstrip(".") or None
        if "unknown field" in sentence:
            param = sentence.split("`")[-2]
        raise Refusal(400, f"{sentence}.", param=param) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(str(error), text[-16:]) from None


async def _text(request: Request) -> bytes:
    """All bytes of the body. Raises Refusal for too many."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BODY:
            raise Refusal(413, f"The body has more than {MOST_BODY} bytes.")
    return bytes(parts)

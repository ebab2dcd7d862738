"""A request's body: read within its limits, and checked against the type that its route wants. Knows no route.

In every protocol a member that is null counts as left out, where it may be left out: clients write so what is not set.
"""

from __future__ import annotations

import asyncio
import re
from typing import TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request

from causerie.errors import unknown
from causerie.server.http.failure_responses import Refusal, unreadable
from causerie.server.http.gate import MOST_BODY
from causerie.server.http.json_bounds import MOST_DEPTH, TooDeep, TooMany, check_bounds

Body = TypeVar("Body", bound=Struct)
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*)`", re.DOTALL)
_NOT_DONE = "Expected `null`, got "  # fields of type None are known and not done
_NULL = msgspec.Raw(b"null")
_LARGE = 256 << 10  # bytes, which are looked at beside the event loop


async def read_body(request: Request, kind: type[Body]) -> Body:
    """The body as `kind`. Raises Refusal that names the field."""
    text = await read_bytes(request, MOST_BODY)
    try:
        await asyncio.to_thread(check_bounds, text) if len(text) > _LARGE else check_bounds(text)
    except TooDeep:
        raise Refusal(400, f"The JSON is nested more than {MOST_DEPTH} deep.", code="json_too_deep") from None
    except TooMany:
        raise Refusal(400, "The JSON has too many values. Send fewer at a time.", code="json_too_large") from None
    try:
        return msgspec.json.decode(_without_nulls(text, kind), type=kind)
    except msgspec.ValidationError as error:
        raise _unfit(str(error), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(str(error), text[-16:]) from None


def _without_nulls(text: bytes, kind: type[Struct]) -> bytes:
    """The object without members that are null and that `kind` has a default for. Raises msgspec's errors."""
    if b"null" not in text:
        return text
    members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    nulls = _optional_fields(kind) & {name for name, value in members.items() if value == _NULL}
    if not nulls:
        return text
    return msgspec.json.encode({name: value for name, value in members.items() if name not in nulls})


def _optional_fields(kind: type[Struct]) -> frozenset[str]:
    """The fields of a body that may be left out, and so be null."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(kind) if not field.required)


def _unfit(fault: str, kind: type[Struct]) -> Refusal:
    """Why a body is none of `kind`, by what msgspec says: a sentence, of a missing or unknown field with its name, and
    the place unless it is the body itself."""
    sentence, _, place = fault.partition(" - at `")
    param = place.rpartition("$")[2].rstrip("`").lstrip(".")  # "$.stop[0]`", and of a key "key` in `$.metadata`"
    named = _NAMED.fullmatch(sentence)
    if named is not None:
        param = f"{param}.{named[2]}" if param else named[2]
        if named[1] == "contains unknown" and param == named[2]:
            sentence = str(unknown("field", param, kind.__struct_fields__)).removesuffix(".")
    elif sentence.startswith(_NOT_DONE):
        return Refusal(400, f"{param} is not done here; leave it out.", param=param, code="unsupported")
    return Refusal(400, f"{sentence}.", param=param or None)


async def read_bytes(request: Request, most: int) -> bytes:
    """All bytes of the body. Raises Refusal for more than `most`."""
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > most:
            raise Refusal(413, f"The body has more than {most} bytes.")
    return bytes(parts)

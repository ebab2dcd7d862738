"""Each request's id in its answer, the client's own or one that is made: what a client's log and a report can name.

An ASGI middleware in front of all else that answers; knows no route.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import MutableMapping
from typing import Any

REQUEST_ID_HEADERS = ("x-request-id", "request-id")
"""As OpenAI's clients read it, and Anthropic's."""
_FIT = re.compile(rb"[!-~]{1,128}")


class RequestIds:
    """Gives every answer of `app` the header of its request's id."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """One connection's request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        id = _callers_id(scope) or f"req_{secrets.token_hex(12)}".encode()
        headers = [(name.encode(), id) for name in REQUEST_ID_HEADERS]

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *headers]}
            await send(message)

        await self._app(scope, receive, answer)


def _callers_id(scope: MutableMapping[str, Any]) -> bytes | None:
    """The client's own id, where it may stand in a header again."""
    own = [value for name, value in scope["headers"] if name.lower() == REQUEST_ID_HEADERS[0].encode()]
    return bytes(own[0]) if len(own) == 1 and _FIT.fullmatch(own[0]) else None

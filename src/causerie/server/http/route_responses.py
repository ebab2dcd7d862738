"""What routes answer with: JSON, and nothing to a client that has gone. Knows no route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Answered = Callable[[Callable[[Request], Any]], Callable[[Request], Any]]
"""Makes a route of a handler, with failures told as the server tells them."""

GONE = Response(status_code=499)
"""For a client that has gone; nobody reads it."""


def json_response(value: Any, status: int = 200) -> Response:
    """The value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")

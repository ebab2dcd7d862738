"""How large a chat may be that comes over HTTP, whatever its protocol. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from causerie.server.http.failure_responses import Refusal

MOST_MESSAGES = 4096
MOST_PARTS = 1024  # of one message


def check_chat(messages: Sequence[dict[str, Any]], param: str) -> None:
    """Raises Refusal for none or too many messages, or one with too many parts; `param` is the field they are in."""
    if not messages:
        raise Refusal(400, f"{param} is empty; there must be at least one.", param=param)
    if len(messages) > MOST_MESSAGES:
        raise Refusal(400, f"{param} has {len(messages)} entries; at most {MOST_MESSAGES}.", param=param)
    for place, message in enumerate(messages):
        content = message.get("content")
        if isinstance(content, list) and len(content) > MOST_PARTS:
            raise Refusal(400, f"{param}[{place}] has {len(content)} parts; at most {MOST_PARTS}.", param=param)

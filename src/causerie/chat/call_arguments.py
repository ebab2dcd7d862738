"""The arguments of earlier calls, as a chat template wants them: most want the object, some the text that clients send.

Knows no template.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from causerie.errors import TemplateError

Written = TypeVar("Written")
Messages = list[dict[str, Any]]


def written_either_way(messages: Messages, write: Callable[[Messages], Written]) -> Written:
    """What `write` makes of the messages with arguments as objects, or, where the template refuses that, as they are.
    Raises what `write` raises."""
    opened = [with_opened_calls(message) for message in messages]
    if opened == messages:
        return write(opened)
    try:
        return write(opened)
    except TemplateError:
        return write(messages)


def with_opened_calls(message: dict[str, Any]) -> dict[str, Any]:
    """The message with the arguments of its calls as objects, where they are the text of one."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_opened(call) for call in calls]}


def _opened(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    text = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(text, str):
        return call
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        return call
    return {**call, "function": {**function, "arguments": arguments}} if isinstance(arguments, dict) else call

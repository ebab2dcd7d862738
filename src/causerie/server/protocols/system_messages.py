"""A chat's instructions, by whatever name a client sends them, as chat templates read them: system messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

_NAMES = ("system", "developer")  # the second is OpenAI's newer name, which few templates know


def is_system(message: dict[str, Any]) -> bool:
    """Whether a message holds instructions."""
    return message.get("role") in _NAMES


def with_system_role(message: dict[str, Any]) -> dict[str, Any]:
    """The message by the role that every template knows."""
    return {**message, "role": "system"} if is_system(message) else message


def with_instructions(texts: Iterable[str], chat: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chat with `texts` in front of it and one system message for them and those that the chat begins with: most
    templates read one. The contents are texts."""
    first = list(takewhile(is_system, chat))
    joined = [*texts, *(message["content"] for message in first)]
    system = [{"role": "system", "content": "\n\n".join(joined)}] if joined else []
    return [*system, *chat[len(first) :]]

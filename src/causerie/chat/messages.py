"""Messages as users write them: what is a chat, and whether one is well formed before a model is asked.

A chat is a list of dicts with a role and content (text, or a list of text parts). Knows no templates' rules: those
refuse in their own words. Never changes what it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from causerie.errors import MessageError, Unsupported, nearest

Message = Mapping[str, Any]

KNOWN_ROLES = (
    "system", "developer", "user", "assistant", "tool", "function", "ipython", "context", "documents", "model",
    "tool_response", "tool_call", "environment", "observation", "latest_reminder",
)  # fmt: skip
# Fields by which an assistant's message without content still says something.
_SPEAKS_WITHOUT_CONTENT = ("tool_calls", "function_call", "reasoning_content", "reasoning", "thinking")
_EXAMPLE = "{'role': 'user', 'content': 'Hello'}"


def is_chat(value: object) -> bool:
    """Whether a value is meant as one chat: a list or tuple whose first item is a dict."""
    return isinstance(value, (list, tuple)) and len(value) > 0 and isinstance(value[0], Mapping)


def is_chats(value: object) -> bool:
    """Whether a value is meant as several chats: a list or tuple whose first item is a chat or an empty one."""
    if not isinstance(value, (list, tuple)) or len(value) == 0:
        return False
    return is_chat(value[0]) or (isinstance(value[0], (list, tuple)) and len(value[0]) == 0)


def checked_chat(messages: object, knows_role: Callable[[str], bool] = lambda role: False) -> list[dict[str, Any]]:
    """A copy of a well-formed chat. MessageError names the message and what to do; a role counts as unknown when it is
    neither one of the field's nor one that the model's template knows."""
    if isinstance(messages, Mapping):
        raise MessageError(f"A chat is a list of messages; this is one message alone. Put it in a list: [{_EXAMPLE}].")
    if not isinstance(messages, (list, tuple)):
        raise MessageError(f"A chat is a list of messages such as {_EXAMPLE}, not {type(messages).__name__}.")
    if not messages:
        raise MessageError(f"The chat is empty. Give at least one message: {_EXAMPLE}.")
    return [_checked_message(index, message, knows_role) for index, message in enumerate(messages)]


def _checked_message(index: int, message: object, knows_role: Callable[[str], bool]) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise MessageError(f"Message {index} is {_shown(message)}; a dict was expected, such as {_EXAMPLE}.")
    copy = dict(message)
    role = copy.get("role")
    if role is None:
        keys = ", ".join(repr(key) for key in copy) or "none"
        raise MessageError(f"Message {index} has no role (its keys: {keys}). Add one: 'user', 'assistant' or 'system'.")
    if not isinstance(role, str):
        raise MessageError(f"Message {index} has the role {_shown(role)}; a text was expected, such as 'user'.")
    if role not in KNOWN_ROLES and not knows_role(role):
        near = ", ".join(nearest(role, KNOWN_ROLES)[:6])
        raise MessageError(f"Message {index} has the unknown role {role!r}. Known, nearest first: {near}.")
    content = copy.get("content")
    if content is None:
        if any(copy.get(field) for field in _SPEAKS_WITHOUT_CONTENT):
            return copy
        raise MessageError(
            f"Message {index} (role {role!r}) has no content. Add 'content': a text, which may be empty."
        )
    if isinstance(content, (list, tuple)):
        copy["content"] = [_checked_part(index, part) for part in content]
    elif not isinstance(content, str):
        raise MessageError(
            f"Message {index} (role {role!r}) has the content {_shown(content)}, a {type(content).__name__}; a text "
            "or a list of parts {'type': 'text', 'text': '…'} was expected."
        )
    return copy


def _checked_part(index: int, part: object) -> dict[str, Any]:
    if not isinstance(part, Mapping):
        raise MessageError(
            f"Message {index} has the part {_shown(part)}; {{'type': 'text', 'text': '…'}} was expected."
        )
    kind = part.get("type", "text" if "text" in part else None)
    if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
        return {**part, "type": "text"}
    if kind in ("text", "input_text", "output_text"):
        raise MessageError(f"Message {index} has a text part without its text. Write {{'type': 'text', 'text': '…'}}.")
    if kind is None:
        raise MessageError(f"Message {index} has a part without a type. Write {{'type': 'text', 'text': '…'}}.")
    raise Unsupported(
        f"Message {index} has a part of type {kind!r}; only text is understood. Remove it or describe it in words."
    )


def with_files(text: str, files: Iterable[tuple[str, str]]) -> str:
    """A message behind the text files that are sent with it, each by its name and its text."""
    return "\n".join([*(f"{name}:\n```\n{content}\n```\n" for name, content in files), text])


def has_parts(messages: Sequence[Message]) -> bool:
    """Whether any message's content is a list of parts."""
    return any(isinstance(message.get("content"), (list, tuple)) for message in messages)


def with_joined_parts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The chat with each list of text parts joined to one text, a line for each part."""
    joined = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, (list, tuple)):
            message = {**message, "content": "\n".join(part["text"] for part in content)}
        joined.append(dict(message))
    return joined


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"

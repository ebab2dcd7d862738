"""The process that turns chats into tokens for the server: `python -m causerie.server.prompt_process FD`.

A chat template is a program that came with a model: it can run for ever or ask for all memory. Here it can be killed.
It answers one `PromptOrder` after the other over the socket FD. Knows no engine and no HTTP.
"""

from __future__ import annotations

import json
import resource
import socket
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from causerie.errors import CauserieError, TemplateError
from causerie.server.frames import LENGTH, packed
from causerie.server.orders import Chat, Prompt, Text

if TYPE_CHECKING:
    from causerie.api.tokenizer import ChatTokenizer
    from causerie.chat.encode import EncodedChat

MEMORY_BYTES = 8 << 30  # of addresses, which is more than what is used: a template that asks for all memory fails
_TAIL = 200  # characters of the prompt's end


class PromptOrder(msgspec.Struct, frozen=True):
    """The tokens of one prompt for the tokenizer and template of a model's folder."""

    folder: str
    prompt: Prompt
    whole_text: bool = False


class PromptReply(msgspec.Struct, frozen=True):
    """`tokens` and the end of the text (all of it, where asked); or what was wrong: an error's class and sentence."""

    tokens: list[int] = []
    text: str = ""
    kind: str = ""
    message: str = ""


_tokenizers: dict[str, ChatTokenizer] = {}


def prepared(order: PromptOrder) -> PromptReply:
    """Does what an order asks; every failure is part of the reply."""
    try:
        return _prepared(order)
    except CauserieError as error:
        return PromptReply(kind=type(error).__name__, message=str(error))
    except RecursionError:
        return PromptReply(kind="TemplateError", message="The chat is nested too deeply for its template.")
    except MemoryError:
        return PromptReply(kind="TemplateError", message="The chat template asked for more memory than it may have.")
    except Exception as fault:  # noqa: BLE001 - one prompt's fault must not end the process that others wait for
        return PromptReply(kind="EngineError", message=f"The prompt could not be made: {type(fault).__name__}.")


def _prepared(order: PromptOrder) -> PromptReply:
    from causerie.api.auto import AutoTokenizer

    if order.folder not in _tokenizers:
        _tokenizers[order.folder] = AutoTokenizer.from_pretrained(order.folder, local_files_only=True)
    tokenizer = _tokenizers[order.folder]
    prompt = order.prompt
    if isinstance(prompt, Chat):
        encoded = _encoded(tokenizer, prompt)
        tokens, text = encoded.tokens, encoded.text
    elif isinstance(prompt, Text):
        tokens = tokenizer(prompt.text, add_special_tokens=prompt.special)["input_ids"]
        text = prompt.text
    else:
        tokens, text = prompt.tokens, ""
        if order.whole_text:
            text = tokenizer.decode(prompt.tokens, skip_special_tokens=False)
    return PromptReply(list(tokens), text if order.whole_text else text[-_TAIL:])


def _encoded(tokenizer: ChatTokenizer, prompt: Chat) -> EncodedChat:
    """A chat by its template. Clients send the arguments of earlier calls as text; most templates want the object that
    it is, some the text."""

    def written(messages: list[dict[str, Any]]) -> EncodedChat:
        return tokenizer.chat.prompt(
            messages,
            tools=prompt.tools,
            continue_final_message=prompt.continue_final_message,
            variables=prompt.variables,
        )

    # What is pinned is the server's affair (chat/context.py), no template's.
    plain = [{key: value for key, value in message.items() if key != "pinned"} for message in prompt.messages]
    opened = [with_opened_calls(message) for message in plain]
    if opened == plain:
        return written(opened)
    try:
        return written(opened)
    except TemplateError:
        return written(plain)


def with_opened_calls(message: dict[str, Any]) -> dict[str, Any]:
    """The message with the arguments of its calls as objects, where they are the text of one."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return message
    return {**message, "tool_calls": [_opened(call) for call in calls]}


def _opened(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    given = function.get("arguments") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(given, str):
        return call
    try:
        found = json.loads(given or "{}")
    except ValueError:
        return call
    return {**call, "function": {**function, "arguments": found}} if isinstance(found, dict) else call


def read_frame(connection: socket.socket) -> bytes | None:
    """The next frame's body, None at the end of the connection."""
    head = _read(connection, LENGTH.size)
    return None if head is None else _read(connection, LENGTH.unpack(head)[0])


def _read(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(1 << 20, size - len(parts)))
        if not part:
            return None
        parts += part
    return bytes(parts)


def main() -> None:
    """Answers orders until the other side closes the connection."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(MEMORY_BYTES, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    decoder: Any = msgspec.json.Decoder(PromptOrder)
    while (body := read_frame(connection)) is not None:
        connection.sendall(packed(prepared(decoder.decode(body))))


if __name__ == "__main__":
    main()

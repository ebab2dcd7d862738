"""The bodies of the routes that turn text, chats and tokens into each other. Pure: no HTTP, no model."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from causerie.server.http.failure_responses import Refusal
from causerie.server.processes.jobs import Chat, Text
from causerie.server.protocols.chat_limits import check_chat
from causerie.server.protocols.system_messages import with_system_role
from causerie.server.protocols.tool_fields import tool_use

TokenId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class ApplyTemplate(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /apply-template: a chat."""

    model: str = ""  # none is named: the one that is served
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    chat_template_kwargs: dict[str, str | int | float | bool | None] = {}
    continue_final_message: bool = False

    def chat(self) -> Chat:
        """What is to be written by the template. Raises Refusal, naming the field."""
        return chat_of(self.messages, self.tools, self.chat_template_kwargs, self.continue_final_message)


class Tokenize(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /tokenize: a text, or a chat as its model reads it."""

    model: str = ""  # none is named: the one that is served
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    tools: list[dict[str, Any]] | None = None
    chat_template_kwargs: dict[str, str | int | float | bool | None] = {}
    add_special_tokens: bool = True  # of a text; a chat template writes its own

    def text(self) -> Text | Chat:
        """What is to be tokenized. Raises Refusal, naming the field."""
        if (self.prompt is None) == (self.messages is None):
            sentence = "A text is tokenized as prompt, a chat as messages; send one of them."
            raise Refusal(400, sentence, param="prompt")
        if self.messages is not None:
            return chat_of(self.messages, self.tools, self.chat_template_kwargs)
        return Text(self.prompt or "", self.add_special_tokens)


class DetokenizeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /detokenize: token ids."""

    model: str = ""  # none is named: the one that is served
    tokens: list[TokenId]


def chat_of(
    messages: list[dict[str, Any]],
    tools: list[dict[str, Any]] | None,
    variables: dict[str, Any],
    continue_final_message: bool = False,
) -> Chat:
    """A chat with its tools, as its template is to write it. Raises Refusal, naming the field."""
    check_chat(messages, "messages")
    tool_use(tools, None, True)  # what is wrong with the tools is said by name
    return Chat([with_system_role(message) for message in messages], tools or None, variables, continue_final_message)

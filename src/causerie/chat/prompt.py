"""From a chat to the tokens a model reads, for everything that chats: pipeline, terminal, session, server.

Adds to the template what a person needs: checked messages, a refusal where a template would silently drop the system
message, text parts for templates that know only texts, and control tokens that stay text. Knows no engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from causerie.chat.encode import EncodedChat, encode_chat
from causerie.chat.environment import render_source
from causerie.chat.messages import checked_chat, has_parts, with_joined_parts
from causerie.chat.template import ChatTemplate, Message, RenderOptions, Tool
from causerie.errors import MessageError, TemplateError
from causerie.text.tokenizer import Tokenizer

# Texts that no template writes of itself.
_SYSTEM_PROBE = "Qx7 system probe 4Zv"
_USER_PROBE = "Kw9 user probe 2Jt"


class ChatFormat:
    """A checkpoint's way to write chats: its tokenizer and its template together."""

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate) -> None:
        self.tokenizer = tokenizer
        self.template = template

    @staticmethod
    def from_folder(folder: Path | str, tokenizer: Tokenizer | None = None) -> ChatFormat:
        """The chat format of a model folder. Errors as `Tokenizer.from_folder`; a missing template shows on first
        use."""
        tokenizer = tokenizer or Tokenizer.from_folder(folder)
        template = ChatTemplate.from_folder(folder, tokenizer.special_tokens_map, tokenizer.config)
        return ChatFormat(tokenizer, template)

    def prompt(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[Tool] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        continue_final_message: bool | str = False,
        add_generation_prompt: bool | None = None,
        chat_template: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> EncodedChat:
        """The tokens (and text) that ask for the next answer, or with `continue_final_message` for the rest of the last
        message. `add_generation_prompt` defaults to not continuing. MessageError and TemplateError say what is
        wrong."""
        generation = not continue_final_message if add_generation_prompt is None else add_generation_prompt
        options = RenderOptions(tools, documents, generation, continue_final_message, variables)
        source = self.template.source(chat_template, tools)
        chat = checked_chat(messages, source)
        if has_parts(chat) and not self._reads_parts(source):
            chat = with_joined_parts(chat)
        self._check_system(source, chat, options)
        return encode_chat(self.tokenizer, self.template, chat, options, source)

    def _check_system(self, source: str, chat: Sequence[Message], options: RenderOptions) -> None:
        if chat[0].get("role") != "system" or not chat[0].get("content"):
            return
        if _drops_system(source, tuple(sorted(self.template.special_tokens.items()))):
            raise MessageError(
                "This model's chat template has no system role: it would drop the system message without a word. Put "
                "the instruction at the beginning of the first user message, or take another model."
            )

    def _reads_parts(self, source: str) -> bool:
        return _reads_parts(source, tuple(sorted(self.template.special_tokens.items())))


def _probe(source: str, special_tokens: tuple[tuple[str, str], ...], messages: list[Message]) -> str | None:
    """What the template makes of a chat with neither tools nor options; None where it refuses."""
    template = ChatTemplate(source, dict(special_tokens))
    options = replace(RenderOptions(), add_generation_prompt=True)
    prepared, variables = template.prepare(messages, options)
    variables = {**variables, "messages": prepared, "add_generation_prompt": True}
    try:
        return render_source(source, variables, template.clock)[0]
    except TemplateError:
        return None


@lru_cache(maxsize=64)
def _drops_system(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether the template accepts a system message and leaves no trace of its content. One that refuses says so
    itself, in its own words, when the chat is rendered."""
    system = {"role": "system", "content": _SYSTEM_PROBE}
    text = _probe(source, special_tokens, [system, {"role": "user", "content": _USER_PROBE}])
    return text is not None and _USER_PROBE in text and _SYSTEM_PROBE not in text


@lru_cache(maxsize=64)
def _reads_parts(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether the template writes the text of a list of parts, and not the list as a programmer would see it."""
    parts = [{"type": "text", "text": _USER_PROBE}]
    text = _probe(source, special_tokens, [{"role": "user", "content": parts}])
    return text is not None and _USER_PROBE in text and not any(quoted in text for quoted in _AS_CODE)


_AS_CODE = (f"'{_USER_PROBE}'", f'"{_USER_PROBE}"')

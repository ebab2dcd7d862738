"""From a chat to the tokens a model reads, for everything that chats: pipeline, terminal, session, server.

Adds to the template what a person needs: checked messages, a refusal where a template would silently drop the system
message, text parts for templates that know only texts, what was said before a call for templates that have one place
for it and for reasoning, and control tokens that stay text. Knows no engine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from causerie.chat.encode import EncodedChat, Review, encode_chat
from causerie.chat.environment import render_source
from causerie.chat.messages import Message, checked_chat, has_parts, with_joined_parts
from causerie.chat.template import REASONING, ChatTemplate, RenderOptions, Tool, reasoning_in
from causerie.errors import MessageError, TemplateError
from causerie.text.tokenizer import Tokenizer

# Texts that no template writes of itself.
_SYSTEM_PROBE = "Qx7 system probe 4Zv"
_USER_PROBE = "Kw9 user probe 2Jt"
_ROLE_PROBE = "Zt5 role probe 8Hn"
_LONGEST_ROLE = 64  # characters; what templates do with a role is remembered
_INSTEAD = "Put the instruction at the beginning of the first user message, or take another model."


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
        review: Review | None = None,
    ) -> EncodedChat:
        """The tokens (and text) that ask for the next answer, or with `continue_final_message` for the rest of the last
        message. `add_generation_prompt` defaults to not continuing. `review` is shown the text before it is
        tokenized, and may raise. MessageError and TemplateError say what is wrong."""
        generation = not continue_final_message if add_generation_prompt is None else add_generation_prompt
        options = RenderOptions(tools, documents, generation, continue_final_message, variables)
        source = self.template.source(chat_template, tools)
        chat = self.checked(messages, source)
        if has_parts(chat) and not self._reads_parts(source):
            chat = with_joined_parts(chat)
        if any(map(_speaks_twice, chat)) and _refuses_both(source, self._special_tokens):
            chat = [_with_one_text(message) if _speaks_twice(message) else message for message in chat]
        self._check_system(source, chat)
        try:
            return encode_chat(self.tokenizer, self.template, chat, options, source, review)
        except TemplateError as error:
            if not self._has_system(chat) or not _refuses_system(source, self._special_tokens):
                raise
            raise TemplateError(f"{error}. This model's chat template has no system role. {_INSTEAD}") from error

    def checked(self, messages: object, source: str | None = None) -> list[dict[str, Any]]:
        """A copy of a well-formed chat in roles that the template knows, by default the one for chats without tools.
        Raises MessageError; TemplateError for a base model."""
        return checked_chat(messages, partial(self._knows_role, self.template.source() if source is None else source))

    @property
    def thinks_by_default(self) -> bool | None:
        """Whether answers begin with reasoning where nothing is said of `enable_thinking`; None where the template does
        not read it, or where there is none."""
        try:
            source = self.template.source()
        except TemplateError:
            return None
        return _thinks_by_default(source, self._special_tokens)

    def _knows_role(self, source: str, role: str) -> bool:
        """Whether the template with this text names a role, or writes the messages of any."""
        if not 0 < len(role) <= _LONGEST_ROLE:
            return False
        named = re.search(rf"(?<![\w-]){re.escape(role)}(?![\w-])", source) is not None
        return named or _renders_role(source, self._special_tokens, role)

    @property
    def _special_tokens(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted(self.template.special_tokens.items()))

    @staticmethod
    def _has_system(chat: Sequence[Message]) -> bool:
        return chat[0].get("role") == "system" and bool(chat[0].get("content"))

    def _check_system(self, source: str, chat: Sequence[Message]) -> None:
        if self._has_system(chat) and _drops_system(source, self._special_tokens):
            raise MessageError(
                "This model's chat template has no system role: it would drop the system message without a word. "
                f"{_INSTEAD}"
            )

    def _reads_parts(self, source: str) -> bool:
        return _reads_parts(source, self._special_tokens)


def _probe(
    source: str,
    special_tokens: tuple[tuple[str, str], ...],
    messages: list[Message],
    told: Mapping[str, Any] | None = None,
) -> str | None:
    """What the template makes of a chat without tools, `told` being its variables; None where it refuses."""
    template = ChatTemplate(source, dict(special_tokens))
    options = RenderOptions(add_generation_prompt=True, variables=told)
    prepared, variables = template.prepare(messages, options)
    variables = {**variables, "messages": prepared, "add_generation_prompt": True}
    try:
        return render_source(source, variables, template.clock)[0]
    except TemplateError:
        return None


@lru_cache(maxsize=64)
def _thinks_by_default(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool | None:
    """See `ChatFormat.thinks_by_default`."""
    if "enable_thinking" not in source:
        return None
    told: list[dict[str, bool]] = [{}, {"enable_thinking": True}, {"enable_thinking": False}]
    unsaid, on, off = (_probe(source, special_tokens, [_USER], each) for each in told)
    return None if None in (unsaid, on, off) or on == off else unsaid == on


@lru_cache(maxsize=64)
def _drops_system(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether the template accepts a system message and leaves no trace of its content. One that refuses says so
    itself, in its own words, when the chat is rendered."""
    text = _probe(source, special_tokens, [_SYSTEM, _USER])
    return text is not None and _USER_PROBE in text and _SYSTEM_PROBE not in text


@lru_cache(maxsize=64)
def _refuses_system(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether it is the system message for which the template refuses a chat."""
    return _probe(source, special_tokens, [_SYSTEM, _USER]) is None and (
        _probe(source, special_tokens, [_USER]) is not None
    )


@lru_cache(maxsize=64)
def _renders_role(source: str, special_tokens: tuple[tuple[str, str], ...], role: str) -> bool:
    """Whether the template writes what a message of this role says, wherever in a chat it accepts one."""
    message = {"role": role, "content": _ROLE_PROBE}
    answer = {"role": "assistant", "content": _USER_PROBE}
    chats: list[list[Message]] = [[_USER, message], [message], [_USER, answer, message]]
    return any(_ROLE_PROBE in (_probe(source, special_tokens, chat) or "") for chat in chats)


@lru_cache(maxsize=64)
def _reads_parts(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether the template writes the text of a list of parts, and not the list as a programmer would see it."""
    parts = [{"type": "text", "text": _USER_PROBE}]
    text = _probe(source, special_tokens, [{"role": "user", "content": parts}])
    return text is not None and _USER_PROBE in text and not any(quoted in text for quoted in _AS_CODE)


def _speaks_twice(message: Message) -> bool:
    """Whether an answer both reasons and says something before it calls a tool."""
    texts = (message.get("content"), reasoning_in(message))
    return bool(message.get("tool_calls")) and all(isinstance(text, str) and text for text in texts)


def _with_one_text(message: Message) -> dict[str, Any]:
    """The answer with what it says at the end of its reasoning: in order, as the model wrote it."""
    others = {key: value for key, value in message.items() if key not in ("content", *REASONING)}
    return {**others, "reasoning_content": f"{reasoning_in(message)}\n\n{message['content']}"}


@lru_cache(maxsize=64)
def _refuses_both(source: str, special_tokens: tuple[tuple[str, str], ...]) -> bool:
    """Whether the template has one place for what is said before a call and for reasoning: it takes either alone."""
    call = {"type": "function", "function": {"name": "f", "arguments": {}}}
    answers = ({"content": "Yes."}, {"reasoning_content": "Hm."}, {"content": "Yes.", "reasoning_content": "Hm."})
    texts = [
        _probe(source, special_tokens, [_USER, {"role": "assistant", "tool_calls": [call], **answer}])
        for answer in answers
    ]
    return [text is None for text in texts] == [False, False, True]


_SYSTEM: Message = {"role": "system", "content": _SYSTEM_PROBE}
_USER: Message = {"role": "user", "content": _USER_PROBE}
_AS_CODE = (f"'{_USER_PROBE}'", f'"{_USER_PROBE}"')

"""A chat as tokens, where only the template writes control tokens: spelled in a message, they stay text.

The text is always exactly what the template renders. Where no message spells a control token, its tokens are simply
those of the text. Where one does, the chat is rendered a second time with the first character of each such
spelling replaced by one that occurs nowhere else; these characters show where the spellings went, and those places
are encoded as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from causerie.chat.environment import Clock, Span, literal_text
from causerie.chat.messages import Message
from causerie.chat.plain_data import map_texts
from causerie.chat.template import ChatTemplate, Rendered, RenderOptions
from causerie.errors import MessageError, TemplateError
from causerie.text.tokenizer import Tokenizer

# Marks are taken from these blocks, a run of characters that does not occur in the chat: first hieroglyphs, which are
# printable and so survive a template that writes lists or dicts as Python shows them, then private characters.
_RUNS = (*range(0x13000, 0x13400, 0x40), *range(0xF0000, 0xFF000, 0x40))
_RUN_LENGTH = 0x40

Review = Callable[[str], None]


@dataclass(frozen=True)
class EncodedChat:
    """A chat's tokens, the characters (start, end) of `text` each came from, and the assistant's spans of
    characters."""

    tokens: list[int]
    spans: list[Span]
    text: str
    assistant: list[Span]


def encode_chat(
    tokenizer: Tokenizer,
    template: ChatTemplate,
    messages: Sequence[Message],
    options: RenderOptions,
    name: str | None = None,
    review: Review | None = None,
) -> EncodedChat:
    """The tokens of a chat. `name` chooses a template as in `ChatTemplate.source`. `review` is shown the text before it
    is tokenized, and may raise. Raises as `ChatTemplate.render`, and MessageError where a message spells a control
    token and the template treats it so that it cannot be kept as text."""
    source = template.source(name, options.tools)
    prepared, variables = template.prepare(messages, options)
    now = template.clock()  # two renderings must see one time

    def clock() -> Any:
        return now

    rendered = template.render_prepared(source, prepared, variables, options, clock)
    if review is not None:
        review(rendered.text)
    spellings = _spelled(tokenizer, source, prepared, variables)
    plain = _places(template, source, prepared, variables, options, clock, rendered, spellings) if spellings else []
    tokens, spans = tokenizer.encode_marked(rendered.text, plain)
    return EncodedChat(tokens, spans, rendered.text, rendered.assistant)


@dataclass(frozen=True)
class _Spelled:
    """The control tokens that messages spell: special ones, and others that the template itself writes."""

    special: frozenset[str]
    written: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.special or self.written)


def _spelled(tokenizer: Tokenizer, source: str, messages: list[dict[str, Any]], variables: dict[str, Any]) -> _Spelled:
    texts: list[str] = []

    def collect(text: str) -> str:
        texts.append(text)
        return text

    map_texts([messages, _data(variables)], collect)
    everything = "\0".join(texts)
    present = [token for token in tokenizer.added_tokens if token in everything and not token.isspace()]
    if not present:
        return _Spelled(frozenset(), frozenset())
    own = literal_text(source)
    special = frozenset(token for token in present if tokenizer.is_special(token))
    return _Spelled(special, frozenset(token for token in present if token in own) - special)


def _data(variables: dict[str, Any]) -> dict[str, Any]:
    """Variables that hold others' texts (tools, documents, …); special tokens are the template's to write."""
    return {name: value for name, value in variables.items() if not name.endswith("_token")}


def _places(
    template: ChatTemplate,
    source: str,
    messages: list[dict[str, Any]],
    variables: dict[str, Any],
    options: RenderOptions,
    clock: Clock,
    rendered: Rendered,
    spellings: _Spelled,
) -> list[Span]:
    """Where in the rendered text the messages' spellings are. Tries first to guard all, then only what a template does
    not itself look for in messages: some split an assistant's earlier answer at `</think>`, for instance."""
    for others, assistant in (
        (spellings.special | spellings.written, spellings.special),
        (spellings.special, spellings.special),
        (spellings.special, frozenset[str]()),
    ):
        marks = _Marks(others | assistant, repr((messages, variables)) + rendered.text)
        marked = [
            map_texts(message, marks.marker(assistant if message.get("role") == "assistant" else others))
            for message in messages
        ]
        others_variables = {**variables, **map_texts(_data(variables), marks.marker(others))}
        try:
            text = template.render_prepared(source, marked, others_variables, options, clock).text
        except TemplateError:
            continue  # the template looked for a spelling and did not find it
        if marks.removed(text) == rendered.text:
            return marks.places(text)
    tokens = ", ".join(sorted(spellings.special | spellings.written))
    raise MessageError(
        f"A message spells control tokens of this model ({tokens}) in a way that its chat template acts on, so they "
        "cannot be kept as plain text. Remove them from the message or write them differently."
    )


class _Marks:
    """A rare character for each first character of the spellings, chosen so that none occurs in the chat."""

    def __init__(self, spellings: frozenset[str], chat: str) -> None:
        firsts = sorted({spelling[0] for spelling in spellings})
        codes = {ord(character) for character in chat}
        free = (code for code in _RUNS if codes.isdisjoint(range(code, code + _RUN_LENGTH)))
        start = next(free, None)
        if start is None or len(firsts) > _RUN_LENGTH:
            raise MessageError(
                "The chat spells control tokens and has too many rare characters to mark them. Shorten it."
            )
        self._mark = {first: chr(start + index) for index, first in enumerate(firsts)}
        self._first = {mark: first for first, mark in self._mark.items()}
        self._any_mark = re.compile("[" + "".join(map(re.escape, self._first)) + "]") if firsts else re.compile("(?!)")

    def marker(self, spellings: frozenset[str]) -> Callable[[str], str]:
        """A function that marks these spellings in a text."""
        longest_first = sorted(spellings, key=len, reverse=True)
        pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        return lambda text: pattern.sub(lambda match: self._mark[match.group()[0]] + match.group()[1:], text)

    def removed(self, text: str) -> str:
        """The text with each mark turned back into its character."""
        return self._any_mark.sub(lambda match: self._first[match.group()], text)

    def places(self, text: str) -> list[Span]:
        """Spans of one character where marked spellings begin."""
        return [match.span() for match in self._any_mark.finditer(text)]

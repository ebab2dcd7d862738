"""Chat templates: messages to the text that a model was trained on, exactly as the reference renders it.

`ChatTemplate` chooses among a checkpoint's templates, prepares what the template sees, and renders. It adds nothing and
checks only the form of what it is given; what is good for a chat is decided in `chat_format.py`. It knows no tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from causerie.chat.environment import Clock, Span, render_source
from causerie.chat.messages import Message
from causerie.chat.plain_data import plain_data
from causerie.chat.template_files import read_templates, templates_by_name
from causerie.chat.tool_schema import tool_schema
from causerie.errors import MessageError, TemplateError, UsageError, unknown

Tool = Mapping[str, Any] | Callable[..., Any]

# Names under which reasoning is passed; templates read the first, gpt-oss's the second.
REASONING = ("reasoning_content", "thinking", "reasoning")
# Written after the message to continue, to find its end in the rendered text. Templates may strip the space.
_TAG = "CONTINUE_FINAL_MESSAGE_TAG "
_OWN_VARIABLES = {
    "messages": "it is the chat itself.",
    "tools": "it holds the tools that come with the chat.",
    "documents": "it holds the documents that come with the chat.",
    "add_generation_prompt": "it is set where a new answer is asked for, and not where the last message is continued.",
}


@dataclass(frozen=True)
class Rendered:
    """A rendered chat and the spans of characters that the template marks as the assistant's."""

    text: str
    assistant: list[Span]


@dataclass(frozen=True)
class RenderOptions:
    """What a template is given besides the messages."""

    tools: Sequence[Tool] | None = None
    documents: Sequence[Mapping[str, Any]] | None = None
    add_generation_prompt: bool = False
    continue_final_message: bool | str = False
    variables: Mapping[str, Any] | None = None


class ChatTemplate:
    """The templates of one checkpoint by name, and the special tokens they may write."""

    def __init__(
        self,
        templates: str | Mapping[str, str] | None,
        special_tokens: Mapping[str, str] | None = None,
        clock: Clock = datetime.now,
    ) -> None:
        self.sources = templates_by_name(templates)
        self.special_tokens = dict(special_tokens or {})
        self.clock = clock

    @staticmethod
    def from_folder(folder: Path | str, special_tokens: Mapping[str, str], config: Mapping[str, Any]) -> ChatTemplate:
        """The templates of a model folder, `config` being its tokenizer_config.json."""
        return ChatTemplate(read_templates(Path(folder), config), special_tokens)

    def source(self, template: str | None = None, tools: object = None) -> str:
        """The template's text: the one named `template`, or `template` itself if no such name exists, else "tool_use"
        where there are tools, else "default". TemplateError for a base model, which has none."""
        if template is not None:
            return self.sources.get(template, template)
        if not self.sources:
            raise TemplateError(
                "This model has no chat template: it is a base model, which continues text and was not trained to "
                "chat. "
                "Take its instruct or chat version, pass plain text, or pass chat_template= with a Jinja template."
            )
        if tools is not None and "tool_use" in self.sources:
            return self.sources["tool_use"]
        if "default" in self.sources:
            return self.sources["default"]
        raise TemplateError(
            f"This model has no default chat template, only: {', '.join(sorted(self.sources))}. Pass one of these "
            "names as chat_template=."
        )

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] | None = None,
        documents: Sequence[Mapping[str, Any]] | None = None,
        add_generation_prompt: bool = False,
        continue_final_message: bool | str = False,
        template: str | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> str:
        """The text of a chat. `continue_final_message` leaves the last message (or its named field) open, to be
        continued; `variables` are further names for the template, such as enable_thinking. MessageError for messages of
        a wrong form, TemplateError where the template refuses or fails."""
        options = RenderOptions(tools, documents, add_generation_prompt, continue_final_message, variables)
        return self.render_with(messages, options, template).text

    def render_with(self, messages: Sequence[Message], options: RenderOptions, template: str | None = None) -> Rendered:
        """As `render`, with the assistant's spans."""
        source = self.source(template, options.tools)
        return self.render_prepared(source, *self.prepare(messages, options), options, self.clock)

    def prepare(
        self, messages: Sequence[Message], options: RenderOptions
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Messages and other variables as the template sees them: fresh plain data, tools as schemas, keys of value
        None dropped from messages, reasoning under each of its names."""
        if options.continue_final_message and options.add_generation_prompt:
            raise UsageError(
                "continue_final_message and add_generation_prompt exclude each other: the first leaves the last "
                "message open, the second begins a new one. Set one of them."
            )
        extra = dict(options.variables or {})
        for name in extra:
            if name in _OWN_VARIABLES:
                raise UsageError(f"{name!r} cannot be a variable of the template: {_OWN_VARIABLES[name]} Leave it out.")
        tools = options.tools
        variables = {
            **self.special_tokens,
            **extra,
            "tools": None if tools is None else [tool_schema(tool) for tool in tools],
            "documents": None if options.documents is None else _documents(options.documents),
        }
        return [_message(index, message) for index, message in enumerate(_chat(messages))], plain_data(variables)

    def render_prepared(
        self,
        source: str,
        messages: list[dict[str, Any]],
        variables: dict[str, Any],
        options: RenderOptions,
        clock: Clock,
    ) -> Rendered:
        """Renders what `prepare` gave."""
        field = options.continue_final_message
        if field:
            name = field if isinstance(field, str) else "content"
            messages, final = _tagged(messages, name, source)
        variables = {**variables, "messages": messages, "add_generation_prompt": options.add_generation_prompt}
        text, spans = render_source(source, variables, clock)
        return Rendered(_cut_at_tag(text, final) if field else text, spans)


def _chat(messages: object) -> Sequence[Any]:
    if not isinstance(messages, (list, tuple)):
        raise MessageError(
            f"A chat is a list of messages such as {{'role': 'user', 'content': 'Hello'}}, not "
            f"{type(messages).__name__}."
        )
    if not messages:
        raise MessageError("The chat is empty. Give at least one message: {'role': 'user', 'content': 'Hello'}.")
    return messages


def _message(index: int, message: object) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise MessageError(
            f"Message {index} is {_shown(message)}, a {type(message).__name__}; a dict was expected, such as "
            "{'role': 'user', 'content': 'Hello'}."
        )
    # Clients write content=None and tool_calls=None where they mean absence; templates test for absence.
    plain: dict[str, Any] = plain_data({key: value for key, value in message.items() if value is not None})
    if "role" not in plain:
        raise MessageError(
            f"Message {index} has no role (its keys: {', '.join(map(str, plain)) or 'none'}). Add one: 'user', "
            "'assistant' or 'system'."
        )
    reasoning = reasoning_in(plain)
    if reasoning is not None:
        plain = {"thinking": reasoning, **plain, "reasoning_content": reasoning}
    return plain


def reasoning_in(message: Message) -> Any:
    """What a message says of its reasoning, under whichever name; None where it says nothing."""
    return next((message[name] for name in REASONING if message.get(name) is not None), None)


def _documents(documents: Sequence[Any]) -> list[Any]:
    for index, document in enumerate(documents):
        if not isinstance(document, Mapping):
            raise UsageError(
                f"Document {index} is a {type(document).__name__}; each must be a dict with 'title' and 'text'."
            )
    return list(documents)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _tagged(messages: list[dict[str, Any]], field: str, source: str) -> tuple[list[dict[str, Any]], str]:
    """The messages with the tag after the last one's field, and that field's text. As transformers 5.23 does it."""
    last = dict(messages[-1])
    final = last.get(field)
    if final is None:
        known = [key for key, value in last.items() if isinstance(value, (str, list))]
        raise unknown("field to continue in the final message", field, known or ["content"])
    same = [name for name in REASONING if last.get(name) == final] if field in REASONING else [field]
    if not any(name in source for name in same):
        raise TemplateError(
            f"The final message's {field!r} cannot be continued: this model's chat template does not read {field!r}."
        )
    if isinstance(final, (list, tuple)):
        parts = [dict(part) if isinstance(part, Mapping) else part for part in final]
        texts = [part for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
        if not texts:
            raise MessageError("The final message has no text to continue. Add a part {'type': 'text', 'text': '…'}.")
        final = texts[-1]["text"]
        texts[-1]["text"] = final + _TAG
        last[field] = parts
    elif isinstance(final, str):
        for name in same:
            last[name] = final + _TAG
    else:
        raise MessageError(f"The final message's {field!r} is a {type(final).__name__}; only text can be continued.")
    return [*messages[:-1], last], final


def _cut_at_tag(text: str, final: str) -> str:
    tag = _TAG.strip()
    if final.strip() not in text or tag not in text:
        raise TemplateError(
            "The final message cannot be continued: it does not appear unchanged in the rendered chat, because this "
            f"model's template drops or rewrites it. The message: {_shown(final.strip())}"
        )
    at = text.rindex(tag)
    if text[at : at + len(_TAG)] == _TAG:
        return text[:at]
    return text[:at].rstrip()  # the template strips messages, so it would have stripped this one's end

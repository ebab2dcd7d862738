"""What a format of tool calls is, and what its readers share: arguments as JSON, values by a tool's schema."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.channels import Channels
from causerie.chat.tool_formats.rules import Rules, Schemas, alternatives_of, choices_of
from causerie.text.schema_references import resolved

Read = Callable[[str, Schemas], list[ToolCallPart]]
"""The calls of one block, without what opened and closed it. Raises ValueError (and its kinds) for what is none."""
RuleWriter = Callable[[Rules, Schemas, bool], str]
"""The expression of an answer that calls one of the tools, or several where the last argument is true."""


@dataclass(frozen=True)
class ToolFormat:
    """`signs` are sets of texts by which a chat template shows that its model writes so, unless it has one of
    `counter_signs`, which show a way that only looks like it. A block goes from one of
    `openers`, which stays part of it where `opener_inside`, to one of `closers`, or to the answer's end where there are
    none. `write` is what an answer that must call a tool is held to. `at_start` means that a block can only be the
    first thing said. `markers` are control tokens inside blocks. Where there are `channels`, answers are messages, and
    nothing is a block."""

    name: str
    signs: tuple[tuple[str, ...], ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    read: Read
    write: RuleWriter
    at_start: bool = False
    opener_inside: bool = False
    markers: tuple[str, ...] = ()
    counter_signs: tuple[str, ...] = ()
    channels: Channels | None = None

    def is_shown_by(self, template: str) -> bool:
        """Whether a chat template shows that its model writes so."""
        shown = any(all(sign in template for sign in signs) for signs in self.signs)
        return shown and not any(sign in template for sign in self.counter_signs)

    @property
    def spellings(self) -> frozenset[str]:
        """Control tokens that must stay in the text for this format to be read."""
        return frozenset((*self.openers, *self.closers, *self.markers))


def call_of(value: Any, keys: Sequence[str] = ("arguments", "parameters")) -> ToolCallPart:
    """A call from {"name": …, "arguments": {…}}. Raises ValueError."""
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError("a call is an object with a name")
    arguments: Any = next((value[key] for key in keys if key in value), {})
    id = value.get("id")
    return ToolCallPart(value["name"], arguments_text(arguments), id if isinstance(id, str) else None)


def arguments_text(value: Any) -> str:
    """Arguments as a JSON object; some models write it as a text already. Raises ValueError."""
    if isinstance(value, str):
        value = json.loads(value)
    if not isinstance(value, Mapping):
        raise ValueError("the arguments of a call are an object")
    return json.dumps(value, ensure_ascii=False)


def listed_calls(block: str, call: Callable[[Any], ToolCallPart]) -> list[ToolCallPart]:
    """The calls of a JSON list, each as `call` reads it. Raises ValueError for anything else, and as `call` does."""
    values = json.loads(block)
    if not isinstance(values, list) or not values:
        raise ValueError("the block is no list of calls")
    return [call(value) for value in values]


def calls_in(steps: Iterable[tuple[str, str, str]], schemas: Schemas) -> list[ToolCallPart]:
    """The calls of a block that was cut into steps: a name, or else a key and its bare value. Raises ValueError."""
    calls: list[tuple[str, dict[str, Any]]] = []
    for name, key, value in steps:
        if name:
            calls.append((name, {}))
        elif not calls:
            raise ValueError("an argument stands before any call")
        else:
            called, arguments = calls[-1]
            arguments[key] = typed(called, key, value, schemas)
    if not calls:
        raise ValueError("the block holds no call")
    return [ToolCallPart(name, json.dumps(arguments, ensure_ascii=False)) for name, arguments in calls]


def _is_text(text: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether a schema takes a bare value for a text, rather than for what its JSON says."""
    options = [resolved(one, root) for one in alternatives_of(schema)] or [schema]
    kinds: set[Any] = set()
    for option in options:
        if text in (choices_of(option) or ()):
            return True
        kind = option.get("type")
        kinds |= set(kind) if isinstance(kind, list) else {kind}
    return "string" in kinds and not (text == "null" and "null" in kinds)


def typed(name: str, key: str, text: str, schemas: Schemas) -> Any:
    """The value of an argument that was written bare: text where the tool's schema says so or where it is no JSON."""
    root = schemas.get(name, {})
    properties = root.get("properties", {})
    schema = properties.get(key, {}) if isinstance(properties, Mapping) else {}
    if isinstance(schema, Mapping) and _is_text(text, resolved(schema, root), root):
        return text
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        literal = ast.literal_eval(text)  # templates show True and lists as Python does, and models learn it
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return literal if literal is None or isinstance(literal, bool | int | float | list | dict) else text

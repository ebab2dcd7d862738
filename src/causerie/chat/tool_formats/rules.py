"""A Lark grammar in the making, as llguidance reads it: what an answer that must call a tool may look like.

Each format of calls writes its own answer with these rules. Knows no format and no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from causerie.chat.tool_formats.notation import PYTHON, Notation
from causerie.text.schema_references import resolved, used_definitions
from causerie.text.structure import JSON_OPTIONS

Schemas = Mapping[str, Mapping[str, Any]]
"""Of each tool by its name: the JSON schema of its arguments."""

COMMA = '"," " "?'
_TEXT = "/(?s:.*)/"


class Rules:
    """Expressions of the grammar's language, and the rules that they name."""

    def __init__(self, special: Mapping[str, int], definitions: Schemas = MappingProxyType({})) -> None:
        """`special` are the control tokens of the tokenizer, which no plain text can spell, and their ids;
        `definitions` what references in schemas lead to (references.py)."""
        self._special = special
        self._definitions = definitions
        self._rules: dict[str, str] = {}
        self._names: dict[str, str] = {}  # of rules by what they say

    def grammar(self, start: str) -> str:
        """The whole of it."""
        lines = [f"start: {start}", *(f"{name}: {body}" for name, body in self._rules.items())]
        return "\n".join(lines) + "\n"

    def literal(self, text: str) -> str:
        """Exactly this text; control tokens in it as such."""
        for spelling, token in self._special.items():
            if spelling in text:
                before, _, after = text.partition(spelling)
                parts = (self.literal(before), f"<[{token}]>", self.literal(after))
                return " ".join(part for part in parts if part)
        return json.dumps(text) if text else ""

    def json(self, schema: Mapping[str, Any]) -> str:
        """JSON of a schema."""
        needed = used_definitions(schema, self._definitions)
        whole = {**schema, **({"$defs": needed} if needed else {}), "x-guidance": JSON_OPTIONS}
        return self._rule("json", f"%json {json.dumps(whole)}")

    def text_to(self, closer: str) -> str:
        """Any text without `closer`, and then it; white space at its beginning may be left out where the rest is a
        control token."""
        bare = closer.lstrip()
        if any(bare.startswith(spelling) for spelling in self._special):
            return f"{self._rule('TEXT', _TEXT)} {self.literal(bare)}"
        return self._rule("text", _TEXT, f"[suffix={json.dumps(closer)}]")

    def words(self, expression: str) -> str:
        """A regular expression."""
        return self._rule("WORDS", f"/{expression}/")

    def bare(self, schema: Mapping[str, Any], closer: str, *, python: bool = False) -> str:
        """A value that stands without quotes before `closer`, and the closer: a text as it is, anything else as JSON or
        (`python`) as Python writes it, truth as either does."""
        end = self.literal(closer)
        schema = self._resolved(schema)
        others = alternatives_of(schema)
        if others and not any(self._is_text(other) for other in others):
            return self.any_of(f"({self.bare(other, closer, python=python)})" for other in others)
        choices = choices_of(schema)
        if choices is not None and all(isinstance(choice, str) for choice in choices):
            return f"{self.any_of(self.literal(choice) for choice in choices)} {end}"
        kind = schema.get("type")
        if kind == "boolean":
            return f"{self.words('true|false|True|False')} {end}"
        if not isinstance(kind, str) or kind == "string":
            return self.text_to(closer)
        return f"{self.value(schema, PYTHON) if python else self.json(schema)} {end}"

    def value(self, schema: Mapping[str, Any], notation: Notation) -> str:
        """A value of a schema's type in a notation, its lists and objects too; of any kind where no type is said."""
        if isinstance(schema.get("$ref"), str):
            return self._referred(schema, notation)
        others = alternatives_of(schema)
        if others:
            return self.any_of(self.value(other, notation) for other in others)
        choices = choices_of(schema)
        if choices is not None and all(isinstance(choice, str | int | float) for choice in choices):
            return self.any_of(self.literal(notation.choice(choice)) for choice in choices)
        kind = schema.get("type")
        if kind == "array":
            items = schema.get("items")
            each = self.value(items, notation) if isinstance(items, Mapping) else self._anything(notation)
            return self._rule("list", f'"[" ({each} ({COMMA} {each})*)? "]"')
        if kind == "object":
            pairs = self.pairs(schema, notation)
            return self._rule("object", f'"{{" {pairs} "}}"') if pairs else self._any_object(notation)
        if kind == "string":
            return self._text(notation)
        if isinstance(kind, str) and kind in notation.terminals:
            return self._terminal(kind, notation)
        return self._anything(notation)

    def pairs(self, schema: Mapping[str, Any], notation: Notation) -> str:
        """The keys and values of an object, without its braces."""
        members = arguments_in_order(schema)
        if notation.sorted_keys:
            members.sort(key=lambda member: member[0].lower())
        return self.listed(
            [
                (f'{self.literal(notation.key(key))} ":" " "? {self.value(value, notation)}', needed)
                for key, value, needed in members
            ]
        )

    def listed(self, items: Sequence[tuple[str, bool]]) -> str:
        """Items in their order, with commas between those that are there: all that must be, each other one or not."""
        place = next((place for place, (_, must) in enumerate(items) if must), None)
        if place is not None:
            before = [f"({item} {COMMA})?" for item, _ in items[:place]]
            after = [f"{COMMA} {item}" if must else f"({COMMA} {item})?" for item, must in items[place + 1 :]]
            return " ".join([*before, items[place][0], *after])
        # The first one that is there has no comma before it.
        ways = [
            " ".join([first, *(f"({COMMA} {other})?" for other, _ in items[place + 1 :])])
            for place, (first, _) in enumerate(items)
        ]
        return f"({' | '.join(ways)})?" if ways else ""

    def any_of(self, expressions: Iterable[str]) -> str:
        """One of several."""
        alternatives = list(expressions)
        return alternatives[0] if len(alternatives) == 1 else f"({' | '.join(alternatives)})"

    def calls(self, one: Callable[[str, Mapping[str, Any]], str], tools: Schemas, between: str | None) -> str:
        """A call of one of the tools, as `one` writes it; several, with `between` before the later ones, where it is
        given."""
        call = self._rule("call", " | ".join(one(name, schema) for name, schema in tools.items()))
        if between is None:
            return call
        return f"{call} ({self.literal(between)} {call})*"

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        return resolved(schema, {"$defs": self._definitions})

    def _is_text(self, schema: Mapping[str, Any]) -> bool:
        """Whether a value of this schema may be any text."""
        meaning = self._resolved(schema)
        return choices_of(meaning) is None and meaning.get("type") in (None, "string")

    def _referred(self, schema: Mapping[str, Any], notation: Notation) -> str:
        """A value by a rule of its own, which may name itself."""
        reference = f"{notation.name} $ref {schema['$ref']}"
        if reference not in self._names:
            self._names[reference] = name = f"reference{len(self._names)}"
            self._rules[name] = ""  # its place before those it names
            meaning = self._resolved(schema)
            self._rules[name] = self._anything(notation) if "$ref" in meaning else self.value(meaning, notation)
        return self._names[reference]

    def _anything(self, notation: Notation) -> str:
        name = f"any_{notation.name.lower()}"
        if name not in self._rules:
            self._rules[name] = ""  # its own rule names it
            kinds = [self._terminal(kind, notation) for kind in ("integer", "number", "boolean", "null")]
            list_ = f'"[" ({name} ({COMMA} {name})*)? "]"'
            self._rules[name] = " | ".join((self._text(notation), *kinds, list_, self._any_object(notation)))
        return name

    def _any_object(self, notation: Notation) -> str:
        name = f"any_{notation.name.lower()}_object"
        if name not in self._rules:
            self._rules[name] = ""
            pair = f'{self._terminal("key", notation)} ":" " "? {self._anything(notation)}'
            self._rules[name] = f'"{{" ({pair} ({COMMA} {pair})*)? "}}"'
        return name

    def _text(self, notation: Notation) -> str:
        if not notation.mark:
            return self._terminal("string", notation)
        return f"({self.literal(notation.mark)} {self.text_to(notation.mark)})"

    def _terminal(self, kind: str, notation: Notation) -> str:
        name = f"{notation.name}_{kind.upper()}"
        self._rules.setdefault(name, notation.terminals[kind])
        return name

    def _rule(self, kind: str, body: str, attributes: str = "") -> str:
        said = attributes + body
        if said not in self._names:
            self._names[said] = f"{kind}{len(self._names)}" if kind.islower() else f"{kind}_{len(self._names)}"
            self._rules[self._names[said] + attributes] = body
        return self._names[said]


def arguments_in_order(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], bool]]:
    """The arguments of a tool: each one's name, its schema, and whether it must be there."""
    properties = schema.get("properties")
    required = schema.get("required")
    members = properties if isinstance(properties, Mapping) else {}
    needed = required if isinstance(required, Sequence) else ()
    return [(str(name), one if isinstance(one, Mapping) else {}, name in needed) for name, one in members.items()]


def call_schema(tools: Schemas, key: str, others: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The JSON schema of {"name": …, key: {…}} for one of the tools; `others` may be there as well."""
    bodies = [
        {
            "type": "object",
            "properties": {"name": {"const": name}, key: {"type": "object", **schema}, **(others or {})},
            "required": ["name", key],
            "additionalProperties": False,
        }
        for name, schema in tools.items()
    ]
    return bodies[0] if len(bodies) == 1 else {"anyOf": bodies}


def alternatives_of(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a value may be one of; nothing where the schema does not say so."""
    alternatives = schema.get("anyOf", schema.get("oneOf"))
    return [one for one in alternatives if isinstance(one, Mapping)] if isinstance(alternatives, list) else []


def choices_of(schema: Mapping[str, Any]) -> list[Any] | None:
    """The values that a schema lists; None where it lists none."""
    if "const" in schema:
        return [schema["const"]]
    choices = schema.get("enum")
    return list(choices) if isinstance(choices, Sequence) and not isinstance(choices, str) and choices else None

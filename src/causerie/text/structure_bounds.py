"""How large and how deep a form of answers may be, checked before any compiler sees it.

A compiler of grammars works by recursion over what somebody else wrote. Knows no compiler.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from causerie.errors import UsageError
from causerie.text.schema_references import target

MOST_SCHEMA_BYTES = 64 << 10
MOST_SCHEMA_DEPTH = 32  # of schemas within each other, through references too
MOST_REGEX_BYTES = 1 << 10
MOST_GRAMMAR_BYTES = 256 << 10
MOST_GRAMMAR_DEPTH = 200  # of rules that name each other
MOST_CHOICES_BYTES = 64 << 10
_RULE = re.compile(r"^\s*[?!]?([A-Za-z_]\w*)(?:\.-?\d+)?(?:\[[^\]]*\])?\s*:", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_]\w*")
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})  # keys whose values are schemas by name
_OTHERS = frozenset({"const", "enum", "default", "examples", "example", "$defs", "definitions"})  # lead to no schema


def schema_text(schema: Mapping[str, Any], name: str = "The schema") -> str:
    """A JSON schema as text, once it is within bounds. Raises UsageError for one that is too large or too deep."""
    try:
        text = json.dumps(schema)
    except (RecursionError, TypeError, ValueError) as error:
        raise UsageError(f"{name} is no JSON: {error}.") from None
    _check_bytes(text, MOST_SCHEMA_BYTES, name)
    _SchemaWalk(schema, name).check()
    return text


def check_regex(pattern: str, name: str = "The regex") -> None:
    """Raises UsageError for a regular expression that is too long."""
    _check_bytes(pattern, MOST_REGEX_BYTES, name)


def check_grammar(grammar: str) -> None:
    """Raises UsageError for a Lark grammar that is too long, or whose rules lead too far."""
    _check_bytes(grammar, MOST_GRAMMAR_BYTES, "The grammar")
    heads = list(_RULE.finditer(grammar))
    names = {head[1] for head in heads}
    ends = [head.start() for head in heads[1:]] + [len(grammar)]
    rules: dict[str, list[str]] = {name: [] for name in names}
    for head, end in zip(heads, ends, strict=True):
        rules[head[1]] += [name for name in _NAME.findall(grammar, head.end(), end) if name in names]
    if _longest_chain(rules) > MOST_GRAMMAR_DEPTH:
        raise UsageError(
            f"The grammar's rules lead from one to the next more than {MOST_GRAMMAR_DEPTH} deep. Join some."
        )


def _longest_chain(rules: Mapping[str, list[str]]) -> int:
    """How many rules lead from one to the next; one that leads back to itself counts once."""
    heights: dict[str, int] = {}
    for first in rules:
        path: list[tuple[str, Iterator[str]]] = []
        if first not in heights:
            heights[first] = 1
            path.append((first, iter(rules[first])))
        while path:
            name, others = path[-1]
            other = next(others, None)
            if other is None:
                path.pop()
                if path:
                    heights[path[-1][0]] = max(heights[path[-1][0]], heights[name] + 1)
            elif other not in heights:
                heights[other] = 1
                path.append((other, iter(rules[other])))
            else:
                heights[name] = max(heights[name], heights[other] + 1)
    return max(heights.values(), default=0)


def check_choices(choices: list[str]) -> None:
    """Raises UsageError for choices that are too long together."""
    _check_bytes("".join(choices), MOST_CHOICES_BYTES, "The choices")


def _check_bytes(text: str, most: int, name: str) -> None:
    size = len(text.encode("utf-8", errors="replace"))
    if size > most:
        raise UsageError(f"{name} has {size} bytes; at most {most}. Make it shorter.")


class _SchemaWalk:
    """Follows a schema into its parts and references, never deeper than is allowed."""

    def __init__(self, schema: Mapping[str, Any], name: str) -> None:
        self._root = schema
        self._name = name
        self._heights: dict[str, int] = {}  # of what references lead to, 0 while it is measured: it leads to itself

    def check(self) -> None:
        """Raises UsageError for what is too deep, or holds a pattern that is too long."""
        self._height(self._root, 1)

    def _height(self, schema: Any, depth: int) -> int:
        """How many schemas lie within each other here; `depth` of them are around it, this one included."""
        if not isinstance(schema, Mapping):
            return 0
        self._check_depth(depth)
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            check_regex(pattern, f"A pattern in {self._name[:1].lower()}{self._name[1:]}")
        inner = [self._height(part, depth + 1) for part in _parts(schema)]
        reference = schema.get("$ref")
        if isinstance(reference, str):
            inner.append(self._referred(reference, depth + 1))
        return 1 + max(inner, default=0)

    def _referred(self, reference: str, depth: int) -> int:
        if reference not in self._heights:
            self._heights[reference] = 0
            self._heights[reference] = self._height(target(self._root, reference), depth)
        self._check_depth(depth + self._heights[reference] - 1)
        return self._heights[reference]

    def _check_depth(self, depth: int) -> None:
        if depth > MOST_SCHEMA_DEPTH:
            raise UsageError(
                f"{self._name} nests schemas more than {MOST_SCHEMA_DEPTH} deep, counted through references. Make it "
                "flatter."
            )


def _parts(schema: Mapping[str, Any]) -> Iterator[Any]:
    """What lies directly within a schema and may be one, without those that only references reach."""
    for key, value in schema.items():
        if key in _OTHERS:
            continue
        if key in _MAPS:
            yield from value.values() if isinstance(value, Mapping) else ()
        elif isinstance(value, list | tuple):
            yield from value
        else:
            yield value

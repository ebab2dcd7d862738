"""References within JSON schemas (`$ref`): followed, and moved so that schemas stay whole where they become part of
others. Knows no grammar and no tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from causerie.errors import UsageError

Schema = Mapping[str, Any]
_MOST_STEPS = 32  # of references that lead to references
_BY_NAME = frozenset({"properties", "patternProperties", "dependentSchemas"})  # hold schemas under names of their own
_DATA = frozenset({"const", "enum", "default", "examples"})
_DEFINITIONS = frozenset({"$defs", "definitions"})  # reached by references alone


def target(root: Schema, reference: str) -> Any:
    """What a reference within `root` points to (RFC 6901); None where that is nothing."""
    place: Any = root
    if not reference.startswith("#"):
        return None
    path = unquote(reference[1:])
    for step in path.removeprefix("/").split("/") if path else ():
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(place, Mapping):
            place = place.get(step)
        elif isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        else:
            return None
    return place


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema itself, or what its reference leads to with what stands beside it."""
    for _ in range(_MOST_STEPS):
        reference = schema.get("$ref")
        meaning = target(root, reference) if isinstance(reference, str) else None
        if not isinstance(meaning, Mapping):
            break
        schema = {**meaning, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def moved(schemas: Mapping[str, Schema]) -> tuple[dict[str, Schema], dict[str, Schema]]:
    """The schemas, each a root of its own, with all their references to `#/$defs/…`, and these definitions: of all
    together, so that any part of any schema is whole beside them. Raises UsageError for a reference to nothing."""
    definitions: dict[str, Schema] = {}
    return {name: _Move(name, root, definitions).rewritten(root) for name, root in schemas.items()}, definitions


class _Move:
    """Rewrites one root's parts, and puts what they refer to among the definitions."""

    def __init__(self, name: str, root: Schema, definitions: dict[str, Schema]) -> None:
        self._name = name
        self._root = root
        self._definitions = definitions
        self._keys: dict[str, str] = {}  # of definitions, by the references to them

    def rewritten(self, schema: Any) -> Any:
        if isinstance(schema, list):
            return [self.rewritten(part) for part in schema]
        if not isinstance(schema, Mapping):
            return schema
        return {key: self._part(key, value) for key, value in schema.items() if key not in _DEFINITIONS}

    def _part(self, key: str, value: Any) -> Any:
        if key == "$ref" and isinstance(value, str) and value.startswith("#"):
            return f"#/$defs/{self._definition(value)}"
        if key in _DATA:
            return value
        if key in _BY_NAME and isinstance(value, Mapping):
            return {name: self.rewritten(part) for name, part in value.items()}
        return self.rewritten(value)

    def _definition(self, reference: str) -> str:
        if reference not in self._keys:
            meaning = target(self._root, reference)
            if meaning is None:
                raise UsageError(f"The schema of {self._name} refers to {reference[:80]}, which is not in it.")
            key = self._keys[reference] = f"{self._name}-{len(self._keys)}"
            self._definitions[key] = self.rewritten(meaning)
        return self._keys[reference]


def used_definitions(schema: Any, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Those of `moved` definitions that a schema needs."""
    reachable: dict[str, Schema] = {}
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            key = str(part.get("$ref")).removeprefix("#/$defs/")
            if key in definitions and key not in reachable:
                reachable[key] = definitions[key]
                waiting.append(definitions[key])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return reachable

"""What a response format may say: its types, the keys of each, and what of it an answer is held to.

Forms are those of OpenAI's clients ({"type": "json_schema", "json_schema": {"schema": …}}, the same flat as in
/v1/responses), llama.cpp's {"type": "json_object", "schema": …}, and beside them regex, grammar and choice. Knows no
compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from causerie.errors import UsageError, nearest, unknown

MOST_CHOICES = 1000
_DESCRIPTION = ("name", "description", "strict")  # a schema is always kept to the letter, and needs no name
_KEYS: dict[str, tuple[str, ...]] = {
    "text": (),
    "json_object": ("schema",),
    "json_schema": ("json_schema", "schema", *_DESCRIPTION),
    "regex": ("regex", "pattern"),
    "grammar": ("grammar",),
    "choice": ("choices", "choice"),
}
_EXAMPLE = '{"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object", …}}}'


class ResponseForm(NamedTuple):
    """A type and what it holds an answer to: nothing (text), a schema, an expression, a grammar or a list of texts."""

    kind: str
    content: Any = None


def form_of(format: Any) -> ResponseForm:
    """What a response format asks. Raises UsageError for one that is none, has a key that nobody here knows, or lacks
    what its type needs."""
    if not isinstance(format, Mapping) or not isinstance(format.get("type"), str):
        raise _wrong(f"response_format is {_shown(format)}; it is an object with a type: {', '.join(_KEYS)}.")
    kind = format["type"]
    if kind not in _KEYS:
        raise _wrong(f"response_format has the type {kind[:80]!r}; known, nearest first: {_listed(kind, _KEYS)}.")
    _check_keys(format, f"response_format of type {kind}", ("type", *_KEYS[kind]))
    if kind == "text":
        return ResponseForm(kind)
    if kind == "json_object":
        return ResponseForm(kind, _schema(format.get("schema", {"type": "object"}), kind))
    if kind == "json_schema":
        return ResponseForm(kind, _described(format))
    if kind == "choice":
        return ResponseForm(kind, _choices(format))
    return ResponseForm(kind, _text(format, kind))


def _described(format: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a json_schema, described in an object of its own or beside the type."""
    inner, where = format, "response_format"
    if "json_schema" in format:
        where = "response_format.json_schema"
        inner = format["json_schema"]
        if not isinstance(inner, Mapping) or len(format) > 2:
            raise _wrong(
                f"The schema stands in {where}, which is an object, or beside the type, not in both: {_EXAMPLE}."
            )
        _check_keys(inner, where, ("schema", *_DESCRIPTION))
    for key, kind in (("name", str), ("description", str), ("strict", bool)):
        if inner.get(key) is not None and not isinstance(inner[key], kind):
            expectation = "true or false" if kind is bool else "a text"
            raise _wrong(f"{where} has the {key} {_shown(inner[key])}; it is {expectation}.")
    return _schema(inner.get("schema"), "json_schema")


def _schema(schema: Any, kind: str) -> Mapping[str, Any]:
    if not isinstance(schema, Mapping):
        raise _wrong(f"response_format of type {kind} has no schema; write {_EXAMPLE}.")
    return schema


def _text(format: Mapping[str, Any], kind: str) -> str:
    text = _either(format, kind)
    if not isinstance(text, str) or not text:
        raise _wrong(f"response_format of type {kind} has no {kind}; it is a text.")
    return text


def _choices(format: Mapping[str, Any]) -> list[str]:
    choices = _either(format, "choice")
    if (
        not isinstance(choices, list | tuple)
        or not 1 <= len(choices) <= MOST_CHOICES
        or not all(isinstance(choice, str) and choice for choice in choices)
    ):
        raise _wrong(f"response_format of type choice has no choices; it is a list of 1 to {MOST_CHOICES} texts.")
    return list(choices)


def _either(format: Mapping[str, Any], kind: str) -> Any:
    """What stands under one of the keys of a type that has two names for one thing."""
    names = [key for key in _KEYS[kind] if key in format]
    if len(names) > 1:
        raise _wrong(f"response_format has {' and '.join(names)}, two names of one thing; leave one out.")
    return format[names[0]] if names else None


def _check_keys(value: Mapping[Any, Any], where: str, known: tuple[str, ...]) -> None:
    strange = [key for key in value if key not in known]
    if strange:
        raise _wrong(str(unknown(f"key of {where}", str(strange[0])[:80], known)))


def _listed(name: str, known: Mapping[str, Any]) -> str:
    return ", ".join(nearest(name, known))


def _wrong(sentence: str) -> UsageError:
    return UsageError(sentence, field="response_format")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"

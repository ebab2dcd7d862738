"""References within a schema, by the examples of RFC 6901, section 6."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.text.schema_references import moved, target

DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("#", DOCUMENT), ("#/foo", ["bar", "baz"]), ("#/foo/0", "bar"), ("#/", 0), ("#/a~1b", 1), ("#/c%25d", 2),
        ("#/e%5Ef", 3), ("#/g%7Ch", 4), ("#/i%5Cj", 5), ("#/k%22l", 6), ("#/%20", 7), ("#/m~0n", 8),
    ],
)  # fmt: skip
def test_the_examples_of_the_standard(reference: str, expected: Any) -> None:
    assert target(DOCUMENT, reference) == expected


@pytest.mark.parametrize(
    "reference", ["#/foo/2", "#/foo/-", "#/foo/-1", "#/foo/0/1", "#/bar", "/foo", "other#/foo", ""]
)
def test_what_leads_nowhere(reference: str) -> None:
    assert target(DOCUMENT, reference) is None


def test_the_last_of_a_list() -> None:
    assert target(DOCUMENT, "#/foo/1") == "baz"


def test_definitions_are_moved_where_something_refers_to_them() -> None:
    """They lie among those of all schemas then, and nowhere a second time; one without a reference is not read."""
    parts = {"$defs": {"a": {"type": "string"}, "idle": {"$ref": "#/nowhere"}}, "definitions": {"b": {"type": "null"}}}
    inner = {"definitions": {"idle": {"$ref": "#/nowhere"}}, "$ref": "#/$defs/a"}
    schemas, definitions = moved({"tool": {"items": inner, "not": {"$ref": "#/definitions/b"}, **parts}})
    assert schemas["tool"].keys() == {"items", "not"} and schemas["tool"]["items"].keys() == {"$ref"}
    places = {f"#/$defs/{key}": definition for key, definition in definitions.items()}
    assert places == {
        schemas["tool"]["items"]["$ref"]: {"type": "string"},
        schemas["tool"]["not"]["$ref"]: {"type": "null"},
    }


def test_properties_may_be_called_like_definitions() -> None:
    schema = {"properties": {"$defs": {"type": "string"}, "definitions": {"type": "null"}}}
    assert moved({"tool": schema}) == ({"tool": schema}, {})

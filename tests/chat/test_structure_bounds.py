"""Forms of answers are bounded before a compiler sees them: in size, in depth, through references."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.errors import UsageError
from causerie.text.structure import grammar_of
from causerie.text.structure_bounds import (
    MOST_GRAMMAR_DEPTH,
    MOST_REGEX_BYTES,
    MOST_SCHEMA_BYTES,
    MOST_SCHEMA_DEPTH,
    check_grammar,
    schema_text,
)


def chained(length: int) -> dict[str, Any]:
    """A schema whose definitions refer to each other."""
    definitions: dict[str, Any] = {
        f"d{place}": {"type": "object", "properties": {"next": {"$ref": f"#/$defs/d{place + 1}"}}}
        for place in range(length)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{length}": {"type": "string"}}}


def nested(depth: int) -> dict[str, Any]:
    """So many schemas within each other."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth - 1):
        schema = {"type": "array", "items": schema}
    return schema


def rules(count: int) -> str:
    """A grammar whose rules name each other in a chain."""
    return "start: r0\n" + "".join(f'r{place}: "a" r{place + 1}\n' for place in range(count)) + f"r{count}: /b/\n"


def _refused(format: dict[str, Any]) -> str:
    with pytest.raises(UsageError) as caught:
        grammar_of(format)
    return str(caught.value)


def _schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_a_chain_of_definitions_is_as_deep_as_it_leads() -> None:
    assert "deep" in _refused(_schema(chained(500)))
    assert grammar_of(_schema(chained(8)))
    assert schema_text(nested(MOST_SCHEMA_DEPTH))
    with pytest.raises(UsageError, match="deep"):
        schema_text(nested(MOST_SCHEMA_DEPTH + 1))


def test_a_deep_definition_counts_wherever_it_is_used_again() -> None:
    deep = nested(MOST_SCHEMA_DEPTH - 4)
    shallow_first = {
        "properties": {"first": {"$ref": "#/$defs/deep"}, "second": nested(1)},
        "$defs": {"deep": deep},
    }
    assert schema_text(shallow_first)
    used_below = {**shallow_first, "properties": {**shallow_first["properties"], "second": {"items": {"items": {
        "items": {"items": {"$ref": "#/$defs/deep"}}}}}}}  # fmt: skip
    with pytest.raises(UsageError, match="deep"):
        schema_text(used_below)


def test_recursion_is_no_depth() -> None:
    tree = {
        "$ref": "#/$defs/node",
        "$defs": {"node": {"properties": {"children": {"items": {"$ref": "#/$defs/node"}}}}},
    }
    assert grammar_of(_schema(tree))
    assert schema_text({"$ref": "#"})


def test_what_is_data_is_no_schema() -> None:
    value: Any = 1
    for _ in range(60):
        value = [value]
    assert schema_text({"enum": [value], "default": value})


@pytest.mark.parametrize("key", ["const", "enum", "default", "examples", "example", "$defs", "definitions"])
def test_what_nothing_leads_to_may_be_as_deep_as_it_likes(key: str) -> None:
    deep = nested(MOST_SCHEMA_DEPTH + 1)
    assert schema_text({key: {"deep": deep}, "type": "object"})
    with pytest.raises(UsageError, match="deep"):  # through a reference, or as a property of that name
        schema_text({key: {"deep": deep}, "items": {"$ref": f"#/{key}/deep"}})
    with pytest.raises(UsageError, match="deep"):
        schema_text({"properties": {key: deep}})


def test_sizes_are_bounded() -> None:
    assert str(MOST_SCHEMA_BYTES) in _refused(_schema({"description": "x" * MOST_SCHEMA_BYTES}))
    assert str(MOST_REGEX_BYTES) in _refused({"type": "regex", "regex": "(a|b)*" * 33_000})
    assert str(MOST_REGEX_BYTES) in _refused(_schema({"properties": {"a": {"pattern": "a" * (MOST_REGEX_BYTES + 1)}}}))
    assert "rules" in _refused({"type": "grammar", "grammar": rules(4000)})
    assert "choices" in _refused({"type": "choice", "choices": ["x" * 1000] * 100})
    assert grammar_of({"type": "regex", "regex": "a" * MOST_REGEX_BYTES})


def test_rules_may_be_many_and_may_come_back_to_themselves() -> None:
    check_grammar("start: " + " | ".join(f"r{place}" for place in range(2000)) + "\n" + "".join(
        f'r{place}: "a"\n' for place in range(2000)))  # fmt: skip
    check_grammar('start: "a" start | "b"\n')
    check_grammar(rules(MOST_GRAMMAR_DEPTH - 2))
    with pytest.raises(UsageError, match="rules"):
        check_grammar(rules(MOST_GRAMMAR_DEPTH))


def test_a_schema_that_is_no_json_is_told() -> None:
    loop: dict[str, Any] = {}
    loop["items"] = loop
    for schema in (loop, {"default": {1, 2}}):
        with pytest.raises(UsageError, match="no JSON"):
            schema_text(schema)

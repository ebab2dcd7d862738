"""A Python function as the JSON schema of a tool: its name, docstring and type hints (Google style docstrings).

The same schema that transformers' `get_json_schema` gives, since templates print it and models were trained on it.
"""

from __future__ import annotations

import inspect
import json
import re
import types
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from causerie.errors import UsageError

Schema = dict[str, Any]

_SCALARS: dict[type, str] = {int: "integer", float: "number", str: "string", bool: "boolean", type(None): "null"}
_CONTAINERS: dict[type, str] = {list: "array", tuple: "array", dict: "object"}
_CHOICES = re.compile(r"\(choices:\s*(.*?)\)\s*$", re.IGNORECASE)
_SECTION = re.compile(r"^[ \t]*(Args|Returns|Raises):[ \t]*", re.MULTILINE)
_ARGUMENT = re.compile(r"([ \t]*)(\w+):\s*(.*)", re.DOTALL)


def tool_schema(tool: Mapping[str, Any] | Callable[..., Any]) -> Mapping[str, Any]:
    """The schema of a tool: a mapping is one already; a function is described by its docstring and type hints.
    UsageError for other values, and for functions without docstring, hints or a description of each argument."""
    if isinstance(tool, Mapping):
        return tool
    if not (inspect.isfunction(tool) or inspect.ismethod(tool)):
        raise UsageError(
            f"A tool is {tool!r}; it must be a JSON schema (a dict) or a Python function with type hints and a "
            "docstring."
        )
    return function_schema(tool)


def function_schema(function: Callable[..., Any]) -> Schema:
    """{"type": "function", "function": {name, description, parameters, return}} of a Python function."""
    name = getattr(function, "__name__", "operation")
    text = inspect.getdoc(function)
    if not text:
        raise UsageError(f"The tool {name} has no docstring. Say in one what it does and what each argument is.")
    description, arguments, returns = split_docstring(text.strip())
    parameters = _parameters(function, name)
    for argument, schema in parameters["properties"].items():
        if argument == "return":
            continue
        if argument not in arguments:
            raise UsageError(
                f"The tool {name}'s docstring does not describe its argument {argument!r}. Add it under Args:."
            )
        _describe(schema, arguments[argument], f"{name}({argument})")
    result: Schema = {"name": name, "description": description}
    returned = parameters["properties"].pop("return", None)
    result["parameters"] = parameters
    if returned is not None:
        if returns is not None:
            returned["description"] = returns
        result["return"] = returned
    return {"type": "function", "function": result}


def _describe(schema: Schema, description: str, where: str) -> None:
    choices = _CHOICES.search(description)
    if choices:
        try:
            values = json.loads(choices.group(1))
        except json.JSONDecodeError as error:
            raise UsageError(f"The choices of {where} are not a JSON list: {choices.group(1)} ({error}).") from error
        schema["enum"] = [value.strip() if isinstance(value, str) else value for value in values]
        description = description[: choices.start()].strip()
    schema["description"] = description


def split_docstring(text: str) -> tuple[str, dict[str, str], str | None]:
    """A docstring's description, its arguments' descriptions, and what it says of the result (None if nothing)."""
    marks = list(_SECTION.finditer(text))
    description = text[: marks[0].start()].strip() if marks else text.strip()
    sections: dict[str, str] = {}
    for index, mark in enumerate(marks):
        end = marks[index + 1].start() if index + 1 < len(marks) else len(text)
        sections.setdefault(mark.group(1), text[mark.end() : end])
    returns = sections["Returns"].strip() if "Returns" in sections else None
    return description, _arguments(sections.get("Args", "")), returns


def _arguments(section: str) -> dict[str, str]:
    """`name: description` entries; a description goes on over lines that are indented deeper than its name."""
    descriptions: dict[str, list[str]] = {}
    indent, current = "", None
    for line in section.split("\n"):
        if not line.strip():
            continue
        entry = _ARGUMENT.match(line)
        deeper = current is not None and line.startswith((indent + " ", indent + "\t"))
        if entry and not deeper:
            indent, current = entry.group(1), entry.group(2)
            descriptions[current] = [entry.group(3).strip()]
        elif current is not None:
            descriptions[current].append(line.strip())
    return {name: " ".join(lines).strip() for name, lines in descriptions.items()}


def _parameters(function: Callable[..., Any], name: str) -> Schema:
    try:
        hints = get_type_hints(function)
    except NameError as error:
        raise UsageError(f"A type hint of the tool {name} names something unknown: {error}.") from error
    parameters = inspect.signature(function).parameters
    receiver = next(iter(parameters), None)
    if receiver not in {"self", "cls"} or parameters[receiver].annotation is not inspect.Parameter.empty:
        receiver = None
    required = []
    for parameter in parameters.values():
        if parameter.name == receiver:
            continue
        if parameter.annotation is inspect.Parameter.empty:
            raise UsageError(
                f"The argument {parameter.name!r} of the tool {name} has no type hint. Add one, such as str."
            )
        if parameter.default is inspect.Parameter.empty:
            required.append(parameter.name)
    properties: dict[str, Schema] = {}
    for argument, hint in hints.items():
        if argument == receiver:
            continue
        try:
            properties[argument] = type_schema(hint)
        except UsageError:
            if argument != "return":  # nobody generates the result, so a hint we cannot say does no harm
                raise
    schema: Schema = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema


def type_schema(hint: Any) -> Schema:
    """The JSON schema of a type hint. UsageError for hints that JSON has no type for."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        return _plain_type(hint)
    if origin is Union or origin is types.UnionType:
        return _union(arguments)
    if origin is Literal:
        return _enumeration(list(arguments), hint)
    if origin is list:
        return {"type": "array", "items": type_schema(arguments[0])}
    if origin is tuple:
        if len(arguments) < 2 or ... in arguments:
            raise UsageError(f"The type hint {hint} has no JSON schema; use list[…] for inputs of any length.")
        return {"type": "array", "prefixItems": [type_schema(argument) for argument in arguments]}
    if origin is dict:
        schema: Schema = {"type": "object"}
        if len(arguments) == 2:
            schema["additionalProperties"] = type_schema(arguments[1])
        return schema
    raise UsageError(f"The type hint {hint!r} has no JSON schema; {_SUPPORTED}.")


_SUPPORTED = (
    "use int, float, str, bool, an Enum, Literal, list, tuple, dict or unions of these, or write the schema by hand"
)


def _plain_type(hint: Any) -> Schema:
    if hint is Any:
        return {}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enumeration([member.value for member in hint], hint)
    name = _SCALARS.get(hint) or _CONTAINERS.get(hint)
    if name is None:
        raise UsageError(f"The type hint {hint!r} has no JSON schema; {_SUPPORTED}.")
    return {"type": name}


def _enumeration(values: list[Any], hint: Any) -> Schema:
    if not values or any(type(value) not in _SCALARS for value in values):
        raise UsageError(f"The values of {hint!r} must be one or more of int, float, str, bool or None.")
    kinds = list(dict.fromkeys(_SCALARS[type(value)] for value in values))
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _union(arguments: tuple[Any, ...]) -> Schema:
    schemas = [type_schema(argument) for argument in arguments if argument is not type(None)]
    if len(schemas) == 1:
        schema = schemas[0]
    elif all(each.keys() == {"type"} and isinstance(each["type"], str) for each in schemas):
        kinds = sorted({each["type"] for each in schemas})
        schema = {"type": kinds[0] if len(kinds) == 1 else kinds}
    else:
        schema = {"anyOf": schemas}
    if type(None) in arguments:
        schema["nullable"] = True
    return schema

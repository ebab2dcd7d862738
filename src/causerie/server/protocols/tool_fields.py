"""The fields by which a request offers tools: which an answer may call, and whether it must. Pure."""

from __future__ import annotations

import re
from typing import Any

from causerie.server.http.failure_responses import Refusal
from causerie.server.processes.jobs import ToolUse

MOST_TOOLS = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
CHOICES = ("none", "auto", "required")


def tool_use(tools: list[dict[str, Any]] | None, choice: str | dict[str, Any] | None, parallel: bool) -> ToolUse | None:
    """What tools an answer may call; None where it may call none. Raises Refusal, naming the field."""
    schemas = dict(_schema(place, tool) for place, tool in enumerate(tools or []))
    if len(schemas) < len(tools or []):
        raise Refusal(400, "tools has two functions of one name.", param="tools")
    if len(schemas) > MOST_TOOLS:
        raise Refusal(400, f"tools has {len(schemas)} entries; at most {MOST_TOOLS}.", param="tools")
    named = _named(choice)
    if not schemas:
        if named is not None or choice == "required":
            raise Refusal(400, "tool_choice asks for a call and there are no tools.", param="tool_choice")
        return None
    if choice == "none":
        return None
    if named is None:
        return ToolUse(schemas, choice == "required", parallel)
    if named not in schemas:
        known = ", ".join(schemas)
        raise Refusal(400, f"tool_choice names {named[:80]!r}; there are {known[:500]}.", param="tool_choice")
    return ToolUse({named: schemas[named]}, True, False)


def allowed(
    tools: list[dict[str, Any]] | None, choice: str | dict[str, Any] | None
) -> tuple[list[dict[str, Any]] | None, str | dict[str, Any] | None]:
    """The tools and the choice, of `allowed_tools` those that it allows and its mode. It stands beside the type, as in
    /v1/responses, or in an object of its own. Raises Refusal, naming the field."""
    if not isinstance(choice, dict) or choice.get("type") != "allowed_tools":
        return tools, choice
    inner = choice.get("allowed_tools", choice)
    entries = inner.get("tools") if isinstance(inner, dict) else None
    if not isinstance(entries, list) or inner.get("mode") not in ("auto", "required"):
        sentence = 'tool_choice of type allowed_tools wants a mode, "auto" or "required", and a list of tools.'
        raise Refusal(400, sentence, param="tool_choice")
    names = [_tool_name(each) for each in entries]
    offered = [_tool_name(each) for each in tools or []]
    for name in names:
        if name not in offered:
            sentence = (
                f"tool_choice allows {str(name)[:80]!r}; there are {', '.join(map(str, offered))[:500] or 'none'}."
            )
            raise Refusal(400, sentence, param="tool_choice")
    return [each for each in tools or [] if _tool_name(each) in names], str(inner["mode"])


def _tool_name(tool: Any) -> Any:
    function = tool.get("function", tool) if isinstance(tool, dict) else None
    return function.get("name") if isinstance(function, dict) else None


def _schema(place: int, tool: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    function = tool.get("function")
    if tool.get("type", "function") != "function" or not isinstance(function, dict):
        raise Refusal(400, f"tools[{place}] is no function; only functions can be called.", param="tools")
    name, schema = function.get("name"), function.get("parameters", {})
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise Refusal(400, f"tools[{place}] has no name of 1 to 64 letters, digits, _ . or -.", param="tools")
    if not isinstance(schema, dict):
        raise Refusal(400, f"tools[{place}] has parameters that are no JSON schema.", param="tools")
    return name, schema


def _named(choice: str | dict[str, Any] | None) -> str | None:
    """The one function that must be called."""
    if choice is None or choice in CHOICES:
        return None
    function = choice.get("function", choice) if isinstance(choice, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise Refusal(400, f"tool_choice is one of {', '.join(CHOICES)}, or names a function.", param="tool_choice")
    return str(function["name"])

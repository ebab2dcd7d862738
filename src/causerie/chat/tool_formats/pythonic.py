"""Llama 3.2 and 4, and others by name: the whole answer is a Python list of calls, [f(a=1), g(b="x")]."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import ToolFormat
from causerie.chat.tool_formats.notation import PYTHON
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order

# A literal between quotes; the last may lack its end, so that what a model repeats for ever is read once.
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.?)*+(?:'|\Z)|"(?:[^"\\]|\\.?)*+(?:"|\Z)""", re.DOTALL)


def read(block: str, _: Schemas) -> list[ToolCallPart]:
    """Calls with keyword arguments that are literals; nothing is evaluated. Some templates show lines in quotes, which
    Python does not know, and models learn them."""
    try:
        tree = ast.parse(_QUOTED.sub(_on_one_line, block.strip()), mode="eval").body
    except (SyntaxError, MemoryError, RecursionError) as fault:
        raise ValueError(str(fault)) from fault
    if not isinstance(tree, ast.List) or not tree.elts:
        raise ValueError("the answer is no list of calls")
    return [_call(node) for node in tree.elts]


def _on_one_line(quoted: re.Match[str]) -> str:
    return quoted.group().replace("\n", "\\n")


def _call(node: ast.expr) -> ToolCallPart:
    if not isinstance(node, ast.Call) or node.args or any(keyword.arg is None for keyword in node.keywords):
        raise ValueError("the list holds something that is no call with named arguments")
    arguments = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
    try:
        return ToolCallPart(ast.unparse(node.func), json.dumps(arguments, ensure_ascii=False))
    except TypeError as fault:
        raise ValueError(str(fault)) from fault


def write(rules: Rules, tools: Schemas, several: bool) -> str:
    """A list of calls with named arguments."""

    def one(name: str, schema: Mapping[str, Any]) -> str:
        arguments = [
            (f"{rules.literal(f'{key}=')} {rules.value(value, PYTHON)}", needed)
            for key, value, needed in arguments_in_order(schema)
        ]
        return f"{rules.literal(f'{name}(')} {rules.listed(arguments)} {rules.literal(')')}"

    return f'"[" {rules.calls(one, tools, ", " if several else None)} "]"'


FORMAT = ToolFormat(
    "pythonic",
    signs=(("[func_name1(params_name1=",),),
    openers=("[",),
    closers=(),
    read=read,
    write=write,
    at_start=True,
    opener_inside=True,
)

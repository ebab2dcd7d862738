"""Calls in tags, for the formats that share them: `<invoke name="NAME">`, `<parameter name="KEY">`VALUE`</parameter>`.

Knows not what stands around the calls; each format has its own prefix of the tags' names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from causerie.chat.parts import ToolCallPart
from causerie.chat.tool_formats.format import Read, calls_in
from causerie.chat.tool_formats.rules import Rules, Schemas, arguments_in_order


def reader(prefix: str) -> Read:
    """What reads each call of a block."""
    invoke, parameter = f"{re.escape(prefix)}invoke", f"{re.escape(prefix)}parameter"
    # A value may hold anything but the end of a parameter; the last may lack it.
    step = re.compile(
        rf'<{invoke} name="([^"]{{1,300}})">|<{parameter} name="([^"]{{1,300}})">(.*?)(?:</{parameter}>|\Z)', re.DOTALL
    )

    def read(block: str, schemas: Schemas) -> list[ToolCallPart]:
        return calls_in(step.findall(block), schemas)

    return read


def invocation(rules: Rules, prefix: str, name: str, schema: Mapping[str, Any]) -> str:
    """The expression of one call, a line for each tag."""
    parts = [rules.literal(f'<{prefix}invoke name="{name}">\n')]
    end = f"</{prefix}parameter>\n"
    for key, value, needed in arguments_in_order(schema):
        opener = rules.literal(f'<{prefix}parameter name="{key}">')
        parameter = f"{opener} {rules.bare(value, end)}"
        parts.append(parameter if needed else f"({parameter})?")
    return " ".join((*parts, rules.literal(f"</{prefix}invoke>\n")))

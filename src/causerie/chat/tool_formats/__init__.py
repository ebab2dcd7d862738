"""How families of models write calls of tools: one small module each, and the choice among them.

A format says what opens and closes a block of calls and reads one; the state machine over a growing text is parse.py's.
"""

from __future__ import annotations

from causerie.chat.tool_formats import (
    apertus,
    cohere,
    deepseek,
    gemma,
    glm,
    harmony,
    hermes,
    hunyuan,
    kimi,
    lfm,
    llama_json,
    minimax,
    mistral,
    muse,
    pythonic,
    qwen_xml,
)
from causerie.chat.tool_formats.format import ToolFormat
from causerie.errors import unknown

# In the order in which templates are asked: the more special first.
TOOL_FORMATS: dict[str, ToolFormat] = {
    format.name: format
    for format in (
        harmony.FORMAT,
        muse.FORMAT,
        *deepseek.FORMATS,
        kimi.FORMAT,
        glm.FORMAT,
        gemma.FORMAT,
        minimax.FORMAT,
        hunyuan.FORMAT,
        apertus.FORMAT,
        cohere.FORMAT,
        *qwen_xml.FORMATS,
        hermes.FORMAT,
        *mistral.FORMATS,
        lfm.FORMAT,
        pythonic.FORMAT,
        llama_json.FORMAT,
    )
}


def format_of(template: str) -> ToolFormat | None:
    """The format whose signs a chat template has; None where it has none that is known."""
    return next((format for format in TOOL_FORMATS.values() if format.is_shown_by(template)), None)


def format_named(name: str) -> ToolFormat:
    """The format of that name. Raises UnknownName."""
    if name not in TOOL_FORMATS:
        raise unknown("format of tool calls", name, TOOL_FORMATS)
    return TOOL_FORMATS[name]

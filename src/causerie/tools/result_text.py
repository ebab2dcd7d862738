"""What a tool gave as one text for a model: texts joined, what is no text named, too much cut and said to be cut.

Knows no server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from causerie.tools.tool import ToolResult

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

MOST_CHARACTERS = 20_000
"""Of one result. A model reads it all, and it takes room in its context."""


def result_of(answer: CallToolResult, seconds: float) -> ToolResult:
    """A server's answer to a call."""
    text = content_text(answer.content)
    if not text and answer.structured_content is not None:
        text = json.dumps(answer.structured_content, ensure_ascii=False)
    return bounded(text or "(The tool gave nothing.)", seconds, failed=bool(answer.is_error))


def bounded(text: str, seconds: float = 0.0, *, failed: bool = False) -> ToolResult:
    """A text, cut where it is too long."""
    if len(text) <= MOST_CHARACTERS:
        return ToolResult(text, failed, False, seconds)
    end = f"\n[Cut: the result has {len(text):,} characters; these are the first {MOST_CHARACTERS:,}.]"
    return ToolResult(text[:MOST_CHARACTERS] + end, failed, True, seconds)


def content_text(blocks: Sequence[ContentBlock]) -> str:
    """The blocks of a result, one below the other."""
    return "\n".join(_block_text(block) for block in blocks)


def _block_text(block: Any) -> str:
    if block.type == "text":
        return str(block.text)
    if block.type in ("image", "audio"):
        return f"[{block.type} ({block.mime_type}) left out: only text is read here]"
    if block.type == "resource_link":
        return f"[{block.name}: {block.uri}]"
    text = getattr(block.resource, "text", None)
    if text is not None:
        return str(text)
    return f"[{block.resource.uri} ({block.resource.mime_type or 'binary'}) left out: only text is read here]"

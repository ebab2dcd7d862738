"""A message's content where it is a text or a list of parts with texts, as the newer protocols write it. Pure."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from causerie.server.http.failure_responses import Refusal


def joined_text(content: Any, where: str, types: Container[str]) -> str:
    """A text, or the texts of a list of parts of these types, in lines. Raises Refusal, naming the field that `where`
    begins with, for anything else."""
    param = where.partition("[")[0]
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise Refusal(400, f"{where} has no text: it wants a text or a list of parts.", param=param)
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") not in types or not isinstance(part.get("text"), str):
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            raise Refusal(400, f"{where} has a part of type {str(kind)[:40]!r}; only text is read.", param=param)
        texts.append(part["text"])
    return "\n".join(texts)

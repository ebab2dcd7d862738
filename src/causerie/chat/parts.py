"""What an answer is made of: text, reasoning, calls of tools. Data types only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextPart:
    """Some text for the reader."""

    text: str


@dataclass(frozen=True)
class ReasoningPart:
    """Some of what the model said to itself."""

    text: str


@dataclass(frozen=True)
class ToolCallPart:
    """One whole call. `arguments` is a JSON object as text; `id` is the model's own name of it, where it gave one."""

    name: str
    arguments: str
    id: str | None = None


Part = TextPart | ReasoningPart | ToolCallPart

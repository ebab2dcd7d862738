"""What the engine's process asks of the processes that hold a tokenizer, and what they answer: data types only.

An order is answered by a `TextResult` or a `TextFailure`, with a `WorkStage` before each part of the work that may take
long, so that who waits knows how long to wait and what took too long.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from causerie.errors import CauserieError, UsageError
from causerie.server.processes.jobs import Prompt

StageName = Literal["loading", "template", "tokenizer", "grammar"]


class PromptOrder(Struct, tag=True, frozen=True):
    """The tokens of a prompt and the end of its text, or all of it where `whole_text`. A prompt of more than
    `most_tokens` is refused, before it is tokenized where its length tells; None takes any."""

    prompt: Prompt
    whole_text: bool = False
    most_tokens: int | None = None


class GrammarOrder(Struct, tag=True, frozen=True):
    """Whether a grammar, as llguidance writes them, can be compiled for a model with so many logits and these ends."""

    grammar: str
    vocab: int
    eos: list[int]


TextOrder = PromptOrder | GrammarOrder


class WorkStage(Struct, tag=True, frozen=True):
    """A part of the work begins; `size` is how many bytes it is about."""

    name: StageName
    size: int = 0


class TextResult(Struct, tag=True, frozen=True):
    """What came of an order; of a grammar nothing but that it can be done."""

    tokens: list[int] = []
    text: str = ""


class TextFailure(Struct, tag=True, frozen=True):
    """What was wrong: an error's class, its sentence, and the field that it is about."""

    kind: str
    message: str
    field: str | None = None

    @staticmethod
    def of(error: CauserieError) -> TextFailure:
        """An error, as it travels."""
        return TextFailure(type(error).__name__, str(error), error.field if isinstance(error, UsageError) else None)


TextEvent = WorkStage | TextResult | TextFailure

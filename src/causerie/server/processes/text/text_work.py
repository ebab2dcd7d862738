"""Prompts and grammars, made and checked in processes that can be killed: what the engine's process asks for.

Each model has lanes of workers of its own (text_lane.py): short prompts never wait for long ones, for a grammar, or for
another model's template. Knows no template and no grammar.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Literal

from causerie.errors import CauserieError, EngineError, TemplateError, UsageError
from causerie.server.processes.failures import error_of
from causerie.server.processes.frames import packed
from causerie.server.processes.jobs import Prompt
from causerie.server.processes.text.text_lane import Refused, TextLane
from causerie.server.processes.text.text_orders import (
    GrammarOrder,
    PromptOrder,
    StageName,
    TextFailure,
    TextResult,
    WorkStage,
)
from causerie.server.processes.text.text_worker import Lost, Overdue

LaneName = Literal["short", "long", "grammar"]
SHORT_BYTES = 64 << 10  # of a prompt as it travels; longer ones have workers of their own
_WORKERS: dict[LaneName, int] = {"short": 4, "long": 2, "grammar": 2}  # at most
SECONDS: dict[StageName, float] = {"loading": 60.0, "template": 2.0, "tokenizer": 2.0, "grammar": 2.0}
SECONDS_PER_BYTE = 1 / (1 << 20)  # more, for what the stage works on
_MOST_CHECKED = 256  # grammars that need not be checked again


class TextWork:
    """The lanes of all models. `seconds` are the limits of each stage, of a core's time."""

    def __init__(self, seconds: dict[StageName, float] | None = None) -> None:
        self._seconds = {**SECONDS, **(seconds or {})}
        self._lanes: dict[tuple[str, LaneName], TextLane] = {}
        self._checked: OrderedDict[bytes, None] = OrderedDict()

    async def tokens(
        self, folder: str, prompt: Prompt, whole_text: bool = False, most_tokens: int | None = None
    ) -> tuple[list[int], str]:
        """The tokens of a prompt, at most so many, and the end of its text, or all of it. Raises what the chat's
        template or tokenizer says, and TemplateError or UsageError where it took too long."""
        frame = packed(PromptOrder(prompt, whole_text, most_tokens))
        lane: LaneName = "short" if len(frame) <= SHORT_BYTES else "long"
        reply = await self._ask(folder, lane, frame, WorkStage("template", len(frame)))
        return reply.tokens, reply.text

    async def check_grammar(self, folder: str, grammar: str, vocab: int, eos: Sequence[int]) -> None:
        """Raises UsageError for a grammar that cannot be compiled within its limits of time and memory."""
        frame = packed(GrammarOrder(grammar, vocab, list(eos)))
        key = hashlib.sha256(folder.encode() + b"\0" + frame).digest()
        if key not in self._checked:
            # Its first stage is to make the tokenizer ready, which takes seconds for a large vocabulary, once.
            await self._ask(folder, "grammar", frame, WorkStage("loading"))
        self._checked[key] = None
        self._checked.move_to_end(key)
        if len(self._checked) > _MOST_CHECKED:
            self._checked.popitem(last=False)

    def warm(self, folder: str) -> None:
        """Has a worker for a model's short prompts start, if there is none: somebody will ask soon."""
        self._lane(folder, "short").warm()

    async def tidy(self, loaded: Collection[str]) -> None:
        """Ends workers that have had nothing to do for a while; of each model that is `loaded` one stays for short
        prompts."""
        for (folder, name), lane in list(self._lanes.items()):
            await lane.tidy(int(name == "short" and folder in loaded))

    async def close(self) -> None:
        """Ends all workers."""
        await asyncio.gather(*(lane.close() for lane in self._lanes.values()))
        self._lanes.clear()

    async def _ask(self, folder: str, name: LaneName, frame: bytes, stage: WorkStage) -> TextResult:
        try:
            answer = await self._lane(folder, name).ask(frame, stage)
        except Refused as refused:
            answer = refused.fault
        except Overdue as overdue:
            raise _overdue(overdue.stage, overdue.seconds) from None
        except Lost as lost:
            raise _lost(lost.stage) from None
        if isinstance(answer, TextFailure):
            raise error_of(answer.kind, answer.message, answer.field)
        return answer

    def _lane(self, folder: str, name: LaneName) -> TextLane:
        lane = self._lanes.get((folder, name))
        if lane is None:
            lane = self._lanes[folder, name] = TextLane(folder, self._limit, _WORKERS[name])
        return lane

    def _limit(self, stage: WorkStage) -> float:
        return self._seconds[stage.name] + stage.size * SECONDS_PER_BYTE


def _overdue(stage: WorkStage, seconds: float) -> CauserieError:
    if stage.name == "template":
        return TemplateError(
            f"The chat template did not finish within {seconds:.1f} s of computing and was stopped. Shorten the chat, "
            "or take a model with another template."
        )
    if stage.name == "tokenizer":
        return UsageError(
            f"The tokenizer did not finish {stage.size} bytes within {seconds:.1f} s of computing and was stopped. "
            "Shorten the text."
        )
    if stage.name == "grammar":
        return UsageError(
            f"The form of the answer could not be compiled within {seconds:.1f} s of computing. Make it simpler.",
            field="response_format",
        )
    return EngineError(f"The model's tokenizer could not be loaded within {seconds:.0f} s.")


def _lost(stage: WorkStage) -> CauserieError:
    if stage.name == "grammar":
        return UsageError(
            "The form of the answer takes more memory or nests deeper than its compiler can do. Make it simpler.",
            field="response_format",
        )
    if stage.name == "template":
        return TemplateError("The chat template ended the process that rendered it. Take another model.")
    if stage.name == "tokenizer":
        return UsageError(f"The tokenizer needs more memory than it may have for {stage.size} bytes. Shorten the text.")
    return EngineError("The process that makes prompts ended; ask again.")

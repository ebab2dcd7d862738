"""One question and its answer, without a chat: the answer's text alone, or its events as lines of JSON for programs.

Knows no model and no command line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.parts import ReasoningPart, ToolCallPart
from causerie.chat.transcript import result_message
from causerie.cli.chat.answer_end import cut_sentence
from causerie.cli.chat.chat_tools import Ask, ChatTools, last_answer, result_line
from causerie.cli.conversation.conversation import Conversation, Reply
from causerie.cli.screen.screen import Screen, visible
from causerie.errors import CauserieError
from causerie.tools.tool import ToolResult


def answer_text(
    conversation: Conversation, question: str, out: TextIO, notes: Screen, tools: ChatTools | None = None
) -> None:
    """The answer alone on `out`, as it streams, exactly the model's text without its reasoning, and a newline (on a
    terminal, with control characters shown instead of obeyed); what else there is to say goes to `notes`. Raises
    CauserieError where the answer fails, after what had come of it."""
    on_terminal = out.isatty()

    def answer(ask: Ask) -> Reply:
        reply, said = ask(), False
        for piece in reply:
            if isinstance(piece, str):  # the answer alone, without what the model said to itself
                out.write(visible(piece) if on_terminal else piece)
                out.flush()
                said = True
        if reply.calls and said:  # what follows is said after what the tools gave
            out.write("\n")
        return reply

    def tell(call: ToolCallPart, result: ToolResult) -> None:
        notes.line(f"causerie: {visible(result_line(call, result))}")

    reply = _last_answer(conversation, question, tools or ChatTools(), answer, tell)
    out.write("\n")
    out.flush()
    cut = cut_sentence(reply, conversation, commands=False)
    if cut is not None:
        notes.line(f"causerie: {cut}")


def answer_events(
    conversation: Conversation, question: str, out: TextIO, notes: Screen, tools: ChatTools | None = None
) -> None:
    """The answer as it streams, each event a line of JSON: `{"type": "text", "text": …}`, `"reasoning"` alike,
    `"tool_call"` and `"tool_result"`, and at last `"end"` with why it ended and what it cost (docs/cli.md), or
    `"error"` with its message. Raises CauserieError where the answer fails."""

    def answer(ask: Ask) -> Reply:
        reply = ask()
        for piece in reply:
            kind, text = ("reasoning", piece.text) if isinstance(piece, ReasoningPart) else ("text", piece)
            _write(out, {"type": kind, "text": text})
        for call in reply.calls:
            _write(out, {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments})
        return reply

    def tell(call: ToolCallPart, result: ToolResult) -> None:
        _write(out, {"type": "tool_result", "id": call.id, "name": call.name, **vars(result)})

    try:
        reply = _last_answer(conversation, question, tools or ChatTools(), answer, tell)
    except CauserieError as error:
        _write(out, {"type": "error", "message": str(error)})
        raise
    cost = reply.cost
    end = {"type": "end", "model": conversation.model_name, "finish_reason": reply.finish_reason}
    _write(out, end | ({} if cost is None else _cost_fields(cost)))
    cut = cut_sentence(reply, conversation, commands=False)
    if cut is not None:
        notes.line(f"causerie: {cut}")


def _last_answer(
    conversation: Conversation,
    question: str,
    tools: ChatTools,
    answer: Callable[[Ask], Reply],
    tell: Callable[[ToolCallPart, ToolResult], None],
) -> Reply:
    """See chat_tools.last_answer. Only tools that may be called are offered; `tell` is told what came of each call."""
    if tools.tools:
        for name in tools.tools.keys() - tools.allowed:
            tools.switch(name, False)
        tools.offer(conversation)

    def make(calls: Sequence[ToolCallPart], instead: ToolResult | None) -> bool:
        for call in calls:
            result = instead or tools.begin(call).result()
            conversation.take_results([result_message(call, result.text)])
            tell(call, result)
        return True

    return last_answer(conversation, lambda: conversation.reply(question), answer, make)


def _cost_fields(cost: AnswerCost) -> dict[str, Any]:
    speed = cost.tokens_per_second
    return {
        "prompt_tokens": cost.prompt_tokens,
        "cached_tokens": cost.cached_tokens,
        "new_tokens": cost.new_tokens,
        "first_token_seconds": round(cost.first_token_seconds, 4),
        "total_seconds": round(cost.total_seconds, 4),
        "tokens_per_second": None if speed is None else round(speed, 2),
    }


def _write(out: TextIO, event: dict[str, Any]) -> None:
    out.write(json.dumps(event, ensure_ascii=False) + "\n")
    out.flush()

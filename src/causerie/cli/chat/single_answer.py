"""One question and its answer, without a chat: the answer's text alone, or its events as lines of JSON for programs.

Knows no model and no command line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.parts import ReasoningPart, ToolCallPart
from causerie.chat.transcript import result_message
from causerie.cli.chat.answer_end import cut_sentence
from causerie.cli.chat.chat_tools import TOO_MANY, ChatTools, result_line
from causerie.cli.conversation.conversation import Conversation, Reply
from causerie.cli.screen.screen import Screen, visible
from causerie.errors import CauserieError
from causerie.tools.tool import MOST_ROUNDS, ToolResult


def answer_text(
    conversation: Conversation, question: str, out: TextIO, notes: Screen, tools: ChatTools | None = None
) -> None:
    """The answer alone on `out`, as it streams, exactly the model's text without its reasoning, and a newline (on a
    terminal, with control characters shown instead of obeyed); what else there is to say goes to `notes`. Raises
    CauserieError where the answer fails, after what had come of it."""
    on_terminal = out.isatty()
    for number, reply in enumerate(_replies(conversation, question, tools)):
        for piece in reply:
            if isinstance(piece, str):  # the answer alone, without what the model said to itself
                out.write(visible(piece) if on_terminal else piece)
                out.flush()
        for call, result in _made(conversation, reply, tools, number):
            notes.line(f"causerie: {result_line(call, result)}")
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
    try:
        for number, reply in enumerate(_replies(conversation, question, tools)):
            for piece in reply:
                kind, text = ("reasoning", piece.text) if isinstance(piece, ReasoningPart) else ("text", piece)
                _write(out, {"type": kind, "text": text})
            for call in reply.calls:
                told = {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}
                _write(out, told)
            for call, result in _made(conversation, reply, tools, number):
                _write(out, {"type": "tool_result", "id": call.id, "name": call.name, **vars(result)})
    except CauserieError as error:
        _write(out, {"type": "error", "message": str(error)})
        raise
    cost = reply.cost
    end = {"type": "end", "model": conversation.model_name, "finish_reason": reply.finish_reason}
    _write(out, end | ({} if cost is None else _cost_fields(cost)))
    cut = cut_sentence(reply, conversation, commands=False)
    if cut is not None:
        notes.line(f"causerie: {cut}")


def _replies(conversation: Conversation, question: str, tools: ChatTools | None) -> Iterator[Reply]:
    """The answer, and where it calls tools the further ones, each once the one before has been read and its calls were
    made. Only tools that may be called are offered."""
    if tools is not None and tools.tools:
        for name in tools.tools.keys() - tools.allowed:
            tools.switch(name, False)
        tools.offer(conversation)
    reply = conversation.reply(question)
    yield reply
    for _ in range(MOST_ROUNDS):
        if not reply.calls:
            return
        reply = conversation.proceed()
        yield reply


def _made(
    conversation: Conversation, reply: Reply, tools: ChatTools | None, number: int
) -> Iterator[tuple[ToolCallPart, ToolResult]]:
    """The calls of an answer with what came of each, which goes into the chat."""
    if tools is None:
        return
    for call in reply.calls:
        result = TOO_MANY if number == MOST_ROUNDS else tools.begin(call).result()
        conversation.take_results([result_message(call, result.text)])
        yield call, result


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

"""What is said at the end of an answer: what it cost, and what cut it. Knows no screen."""

from __future__ import annotations

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.cli.conversation.conversation import Conversation, Reply


def cut_sentence(reply: Reply, conversation: Conversation, *, commands: bool) -> str | None:
    """What to say of an answer that a limit cut, with what to do where `commands` can be typed; None: it is whole."""
    if reply.finish_reason == "repetition":
        let = "/set repetition_detection=false" if commands else "repetition_detection=false"
        return f"The answer was ended because it repeated itself over and over; {let} lets such answers go on."
    if reply.finish_reason == "time":
        return "The answer was cut: max_time has passed."
    if reply.finish_reason != "length":
        return None
    cost, context, limit = reply.cost, conversation.context, conversation.limit
    full = cost is None or (context is not None and cost.prompt_tokens + cost.new_tokens >= context)
    if limit is not None and not full:
        return f"The answer was cut at {limit}."
    if context is None:
        return f"The answer was cut at its longest{'; /continue goes on' if commands else ''}."
    clear = " `clear` begins a new chat." if commands else ""
    return f"The answer was cut: the context of {context} tokens is full.{clear}"


def cost_line(cost: AnswerCost, context: int | None) -> str:
    """The line under an answer: tokens, speed, time to the first token, and how full the context is."""
    count = f"{cost.new_tokens} token{'' if cost.new_tokens == 1 else 's'}"
    speed = cost.tokens_per_second
    parts = [count]
    if speed is not None:
        parts.append(f"{speed:.1f} tokens/s" if speed < 100 else f"{speed:.0f} tokens/s")
    parts.append(f"first token after {cost.first_token_seconds:.2f} s")
    if context is not None:
        parts.append(f"context {cost.prompt_tokens + cost.new_tokens} of {context}")
    return " · ".join(parts)

"""What the answers of a model are held to: a response format, a limit on their reasoning, words that may not come.

Joins what the chat template shows of the model's reasoning with the constraints that know tokens alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.chat.parse import ReplyFormat
from causerie.decoding.constraint import Constraint
from causerie.decoding.joint_constraint import JointConstraint
from causerie.decoding.reasoning import AfterReasoning, ReasoningTokens
from causerie.errors import CauserieError, Unsupported, about

if TYPE_CHECKING:
    from causerie.api.generation.resolution import Generation
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


def constraint_of(plan: Generation, tokenizer: ChatTokenizer, vocab: int) -> Constraint | None:
    """What a plan's answers must look like; None where it says nothing. Raises as `_form`."""
    form = _form(plan, tokenizer, vocab)
    if not plan.bad_words:
        return form
    from causerie.text.bad_words import BadWords

    words = BadWords(plan.bad_words, tokenizer.text, vocab)
    return words if form is None else JointConstraint((form, words))


def _form(plan: Generation, tokenizer: ChatTokenizer, vocab: int) -> Constraint | None:
    """What a plan's answers must look like; None where it says nothing. A format asks nothing of a reasoning that the
    prompt opens. Raises UsageError for a format that cannot be done, Unsupported for a limit on reasoning whose end is
    not one token."""
    from causerie.text.structure import CompiledGrammar, grammar_of

    with about("response_format"):
        grammar = None if plan.response_format is None else grammar_of(plan.response_format)
    if grammar is None and plan.thinking_budget is None:
        return None
    reply = reply_format_of(tokenizer)
    reasoning = reasoning_tokens_of(reply, tokenizer)
    inner = None if grammar is None else CompiledGrammar(grammar, tokenizer.text, vocab, plan.params.eos)
    if reply.around_reasoning is not None and reasoning is None and plan.thinking_budget is not None:
        raise Unsupported(
            "thinking_budget cannot be kept: what ends this model's reasoning is not one of its tokens. Leave it out, "
            "or turn reasoning off.",
            field="thinking_budget",
        )
    if reasoning is None:
        return inner  # a model that does not reason keeps within any budget
    return AfterReasoning(reasoning, inner, plan.thinking_budget)


def reply_format_of(tokenizer: ChatTokenizer) -> ReplyFormat:
    """How a model writes its answers, by its chat template; plainly where it has none."""
    try:
        return ReplyFormat.of(tokenizer.chat.template.source(None, [{}]), tokenizer.text.added_tokens)
    except CauserieError:
        return ReplyFormat()


def limits_reasoning(tokenizer: ChatTokenizer) -> bool:
    """Whether a model reasons between tokens, so that a thinking_budget can be kept."""
    return reasoning_tokens_of(reply_format_of(tokenizer), tokenizer) is not None


def reasoning_tokens_of(reply: ReplyFormat, tokenizer: ChatTokenizer) -> ReasoningTokens | None:
    """The tokens around reasoning; None where there are none, or where its end is several tokens."""
    around = reply.around_reasoning
    closer = None if around is None else tokenizer.text.token_to_id(around.closer)
    if around is None or closer is None:
        return None
    opener = tuple(tokenizer.text.encode(around.opener, add_special_tokens=False))
    return ReasoningTokens(opener, closer, frozenset(tokenizer.text.added_tokens[mark] for mark in reply.marks))

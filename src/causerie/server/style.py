"""How a model's answers are to be read and held: its reply format, what a call of a tool must look like, and where its
reasoning ends. In the engine's process; knows no request's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from causerie.api.resolution import Generation
from causerie.chat.parse import ReplyFormat
from causerie.chat.tool_formats import harmony
from causerie.chat.tool_formats.rules import Rules
from causerie.errors import Unsupported, UsageError
from causerie.server.orders import Generate
from causerie.text.structure import Structure

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM


@dataclass(frozen=True)
class Style:
    """The reply format of one model."""

    reply: ReplyFormat

    @staticmethod
    def of(model: CausalLM) -> Style:
        """By the model's chat template."""
        return Style(ReplyFormat.of(model.tokenizer.chat.template.source(None, [{}])))

    def flags(self, order: Generate, model: CausalLM) -> Mapping[str, Any]:
        """The order's flags, and the response format by which an answer that must call a tool does. Raises Unsupported
        where the model's way to write calls is not known."""
        if order.tools is None:
            return order.flags
        if self.reply.tools is None:
            raise Unsupported("This model's chat template writes no tools, or in an unknown way; leave tools out.")
        if not order.tools.required:
            return order.flags
        if order.flags.get("response_format") is not None:
            raise UsageError("A call of a tool is required and a response_format is set; an answer cannot be both.")
        tokenizer = model.tokenizer.text
        special = {text: token for text, token in tokenizer.added_tokens.items() if tokenizer.is_special(text)}
        rules = Rules(special)
        grammar = rules.grammar(self.reply.tools.write(rules, order.tools.schemas, order.tools.parallel))
        return {**order.flags, "response_format": {"type": "grammar", "grammar": grammar}}

    def after_reasoning(self, order: Generate, plan: Generation, tail: str, model: CausalLM) -> Generation:
        """The same plan; its constraint waits until a reasoning that the prompt has opened is closed. Raises
        Unsupported where its end is no single token."""
        reasoning, structure = self.reply.reasoning, plan.params.constraint
        if self.reply.tools is harmony.FORMAT:
            if structure is None or (order.tools is not None and order.tools.required):
                return plan  # the grammar of a call has the channels in it
            raise Unsupported("This model answers in channels, which no response format can be held to; leave it out.")
        if reasoning is None or not isinstance(structure, Structure) or not reasoning.is_open(tail):
            return plan
        token = model.tokenizer.text.token_to_id(reasoning.closer)
        if token is None:
            raise Unsupported("This model reasons first and its reasoning has no token that ends it; turn it off.")
        return replace(plan, params=replace(plan.params, constraint=structure.waiting_for(token)))


PLAIN = Style(ReplyFormat())
"""All is text."""

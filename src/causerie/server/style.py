"""How a model's answers are to be read and held: its reply format, what a call of a tool must look like, and where its
reasoning ends. In the engine's process; knows no request's text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from causerie.api.resolution import Generation
from causerie.chat.parse import ReplyFormat
from causerie.chat.tool_formats import harmony
from causerie.errors import Unsupported, UsageError
from causerie.server.orders import Generate
from causerie.text.structure import JSON_OPTIONS, Structure

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM
    from causerie.text.tokenizer import Tokenizer


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
        where the model's way to write calls is not known or cannot be held to."""
        if order.tools is None:
            return order.flags
        if self.reply.tools is None:
            raise Unsupported("This model's chat template writes no tools, or in an unknown way; leave tools out.")
        if not order.tools.required:
            return order.flags
        if order.flags.get("response_format") is not None:
            raise UsageError("A call of a tool is required and a response_format is set; an answer cannot be both.")
        grammar = self._calls(order, model.tokenizer.text)
        return {**order.flags, "response_format": {"type": "grammar", "grammar": grammar}}

    def _calls(self, order: Generate, tokenizer: Tokenizer) -> str:
        """A Lark grammar of one call or several."""
        assert order.tools is not None and self.reply.tools is not None, "no tools are given"
        if self.reply.tools.wrapped is None:
            raise Unsupported(
                f"Calls of this model are written as {self.reply.tools.name} does it, which answers cannot be held to. "
                'Use tool_choice "auto".'
            )
        before, after, key = self.reply.tools.wrapped
        bodies = [
            {
                "type": "object",
                "properties": {"name": {"const": name}, key: {"type": "object", **schema}},
                "required": ["name", key],
                "additionalProperties": False,
            }
            for name, schema in order.tools.schemas.items()
        ]
        body = bodies[0] if len(bodies) == 1 else {"anyOf": bodies}
        call = " ".join(part for part in (_literal(before, tokenizer), "body", _literal(after, tokenizer)) if part)
        more = ' ("\\n" call)*' if order.tools.parallel and before else ""
        written = json.dumps({**body, "x-guidance": JSON_OPTIONS})
        return f"start: call{more}\ncall: {call}\nbody: %json {written}\n"

    def after_reasoning(self, plan: Generation, tail: str, model: CausalLM) -> Generation:
        """The same plan; its constraint waits until a reasoning that the prompt has opened is closed. Raises
        Unsupported where its end is no single token."""
        reasoning, structure = self.reply.reasoning, plan.params.constraint
        if structure is not None and self.reply.tools is harmony.FORMAT:
            raise Unsupported("This model answers in channels, which no response format can be held to; leave it out.")
        if reasoning is None or not isinstance(structure, Structure) or not reasoning.is_open(tail):
            return plan
        token = model.tokenizer.text.token_to_id(reasoning.closer)
        if token is None:
            raise Unsupported("This model reasons first and its reasoning has no token that ends it; turn it off.")
        return replace(plan, params=replace(plan.params, constraint=structure.waiting_for(token)))


PLAIN = Style(ReplyFormat())
"""All is text."""


def _literal(text: str, tokenizer: Tokenizer) -> str:
    """A text as a Lark grammar writes it, control tokens by their ids."""
    if not text:
        return ""
    for spelling in tokenizer.added_tokens:
        if spelling in text and tokenizer.is_special(spelling):
            before, _, after = text.partition(spelling)
            parts = (_literal(before, tokenizer), f"<[{tokenizer.token_to_id(spelling)}]>", _literal(after, tokenizer))
            return " ".join(part for part in parts if part)
    return json.dumps(text)

"""How a model's answers are to be read and held: its reply format, what a call of a tool must look like, and where its
reasoning ends. In the engine's process; knows no request's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from causerie.api.generation.constraints import reasoning_tokens_of, reply_format_of
from causerie.chat.parse import ReplyFormat
from causerie.chat.tool_formats.rules import Rules
from causerie.errors import Unsupported, UsageError, about
from causerie.server.processes.jobs import Generate
from causerie.text.schema_references import moved
from causerie.text.structure_bounds import schema_text

if TYPE_CHECKING:
    from causerie.api.causal_lm import CausalLM


@dataclass(frozen=True)
class AnswerForm:
    """The reply format of one model."""

    reply: ReplyFormat

    @staticmethod
    def of(model: CausalLM) -> AnswerForm:
        """By the model's chat template."""
        return AnswerForm(reply_format_of(model.tokenizer))

    def flags(self, order: Generate, model: CausalLM) -> Mapping[str, Any]:
        """The order's flags, and the response format by which an answer that must call a tool does. Raises Unsupported
        where the model's way to write calls is not known, UsageError for a schema beyond its bounds."""
        if order.tools is None:
            return order.flags
        if self.reply.tools is None:
            sentence = "This model's chat template writes no tools, or in an unknown way; leave tools out."
            raise Unsupported(sentence, field="tools")
        if not order.tools.required:
            return order.flags
        if order.flags.get("response_format") is not None:
            sentence = "A call of a tool is required and a response_format is set; an answer cannot be both."
            raise UsageError(sentence, field="tool_choice")
        with about("tools"):
            for name, schema in order.tools.schemas.items():
                schema_text(schema, f"The schema of the tool {name}")
            schemas, definitions = moved(order.tools.schemas)
        tokenizer = model.tokenizer.text
        special = {text: token for text, token in tokenizer.added_tokens.items() if tokenizer.is_special(text)}
        rules = Rules(special, definitions)
        grammar = rules.grammar(self.reply.tools.write(rules, schemas, order.tools.parallel))
        return {**order.flags, "response_format": {"type": "grammar", "grammar": grammar}}

    @contextmanager
    def blame(self, order: Generate) -> Iterator[None]:
        """What is wrong with the form of an answer that must call a tool is the tools' fault."""
        try:
            yield
        except UsageError as error:
            if error.field != "response_format" or order.tools is None or not order.tools.required:
                raise
            sentence = f"A call cannot be held to the schemas of these tools. {error}"
            raise UsageError(sentence, field="tools") from None

    def check(self, order: Generate, tail: str, model: CausalLM) -> None:
        """Raises Unsupported where an answer to a prompt that ends so cannot be held to its response format: the model
        answers in channels, or its reasoning, which the prompt has opened, has no token that ends it."""
        required = order.tools is not None and order.tools.required
        if required and self.reply.channels is not None:
            return  # the grammar of a call has the channels in it
        if order.flags.get("response_format") is None and not required:
            return
        field = "tool_choice" if required else "response_format"
        if self.reply.channels is not None:
            sentence = "This model answers in channels, which no response format can be held to; leave it out."
            raise Unsupported(sentence, field=field)
        reasons = self.reply.reasoning is not None and self.reply.reasoning.is_open(tail, self.reply.marks)
        if reasons and reasoning_tokens_of(self.reply, model.tokenizer) is None:
            sentence = "This model reasons first and its reasoning has no token that ends it; turn it off."
            raise Unsupported(sentence, field=field)


PLAIN = AnswerForm(ReplyFormat())
"""All is text."""

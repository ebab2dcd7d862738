"""A pipeline's prompt, and the record of an answer to it in the field's shape. Knows no engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from causerie.api.generation.resolution import DEFAULT_NEW_TOKENS, Flags
from causerie.api.pipeline.pipeline_call import NEW_TEXT, TENSORS, PipelineCall
from causerie.errors import UsageError

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer


@dataclass(frozen=True)
class PipelinePrompt:
    """One prompt as tokens and as it was given: a text, or a chat whose last message is continued where `continued` is
    true or names the field that is."""

    tokens: list[int]
    input: str | list[dict[str, Any]]
    continued: bool | str = False
    prefix_length: int = 0  # tokens of the pipeline's prefix, which lengths do not count

    def with_hole(self, flags: Flags, context: int) -> PipelinePrompt:
        """The end of this prompt that leaves room in the context for the answer asked for. Raises UsageError."""
        length = flags.get("max_new_tokens")
        if length is None:
            total = flags.get("max_length")
            length = DEFAULT_NEW_TOKENS if total is None else total - len(self.tokens)
        room = context - length
        if len(self.tokens) <= room:
            return self
        if room < 1:
            raise UsageError(
                f"handle_long_generation='hole' cannot help: {length} new tokens alone fill the context of {context}. "
                "Lower max_new_tokens."
            )
        return replace(self, tokens=self.tokens[-room:])


def record(prompt: PipelinePrompt, tokens: list[int], tokenizer: ChatTokenizer, call: PipelineCall) -> dict[str, Any]:
    """{"generated_text": …} or {"generated_token_ids": …} for one answer: of all its tokens, a stop string's too."""
    if call.return_type == TENSORS:
        return {"generated_token_ids": [*prompt.tokens, *tokens]}
    text = tokenizer.decode(tokens, call.skip_special_tokens, call.clean_up_tokenization_spaces)
    if call.return_type == NEW_TEXT:
        return {"generated_text": text}
    if isinstance(prompt.input, str):
        return {"generated_text": prompt.input + text}
    chat = [dict(message) for message in prompt.input]
    if prompt.continued:
        _continue(chat[-1], "content" if prompt.continued is True else prompt.continued, text)
    else:
        chat.append({"role": "assistant", "content": text})
    return {"generated_text": chat}


def _continue(message: dict[str, Any], field: str, text: str) -> None:
    """Adds text to a field of a message, which may be a text, a list of parts, or absent."""
    before = message.get(field)
    message[field] = [*before, {"type": "text", "text": text}] if isinstance(before, list) else (before or "") + text

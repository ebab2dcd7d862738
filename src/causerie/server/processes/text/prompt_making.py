"""Prompts of the server's protocols as tokens: a chat by its model's template, a text, or tokens as they are.

Runs in a process that can be killed (text_process.py). Knows no socket and no engine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from causerie.chat.call_arguments import written_either_way
from causerie.errors import ContextLengthError, UsageError
from causerie.server.processes.jobs import Chat, Text
from causerie.server.processes.text.text_orders import PromptOrder, TextResult, WorkStage
from causerie.text.token_length import most_bytes_of_a_token

if TYPE_CHECKING:
    from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer
    from causerie.chat.encode import EncodedChat

_TAIL = 200  # characters of the prompt's end


class PromptMaker:
    """Makes prompts with one tokenizer; `tell` hears of each stage of the work before it begins."""

    def __init__(self, tokenizer: ChatTokenizer, tell: Callable[[WorkStage], None]) -> None:
        self._tokenizer = tokenizer
        self._tell = tell

    def make(self, order: PromptOrder) -> TextResult:
        """The tokens and the text that an order wants. Raises ContextLengthError for more tokens than it allows, and
        what the template and the tokenizer say."""
        prompt = order.prompt

        def review(text: str) -> None:
            size = len(text.encode("utf-8", errors="replace"))
            self._check_size(size, order.most_tokens)
            self._tell(WorkStage("tokenizer", size))

        if isinstance(prompt, Chat):
            encoded = self._encoded(prompt, review)
            tokens, text = encoded.tokens, encoded.text
        elif isinstance(prompt, Text):
            review(prompt.text)
            tokens = self._tokenizer(prompt.text, add_special_tokens=prompt.special)["input_ids"]
            text = prompt.text
        else:
            tokens, text = prompt.tokens, ""
            if order.whole_text:
                self._tell(WorkStage("tokenizer", 4 * len(tokens)))
                self._check_known(tokens)
                text = self._tokenizer.decode(tokens, skip_special_tokens=False)
        if order.most_tokens is not None and len(tokens) > order.most_tokens:
            raise _too_long(f"has {len(tokens)} tokens", order.most_tokens)
        return TextResult(list(tokens), text if order.whole_text else text[-_TAIL:])

    def _check_known(self, tokens: list[int]) -> None:
        """Raises UsageError for ids that stand for no text."""
        text = self._tokenizer.text
        strange = [token for token in dict.fromkeys(tokens) if text.id_to_token(token) is None]
        if strange:
            listed = ", ".join(map(str, strange[:5])) + (", …" if len(strange) > 5 else "")
            raise UsageError(
                f"The vocabulary of {len(text)} tokens has no id {listed}. Send ids that this model's tokenizer gave.",
                field="prompt",
            )

    @cached_property
    def _most_bytes_of_a_token(self) -> int | None:
        return most_bytes_of_a_token(json.loads(self._tokenizer.text.to_json()))

    def _check_size(self, size: int, most_tokens: int | None) -> None:
        """Raises ContextLengthError where so many bytes cannot be so few tokens."""
        if most_tokens is None or size <= most_tokens:  # no token stands for less than nothing
            return
        longest = self._most_bytes_of_a_token
        if longest is not None and size > most_tokens * longest:
            raise _too_long(f"has {size} bytes, which are more than {size // longest} tokens", most_tokens)

    def _encoded(self, prompt: Chat, review: Callable[[str], None]) -> EncodedChat:
        """A chat by its template. Clients send the arguments of earlier calls as text; most templates want the object
        that it is, some the text."""
        self._tell(WorkStage("template"))

        def written(messages: list[dict[str, Any]]) -> EncodedChat:
            return self._tokenizer.chat.prompt(
                messages,
                tools=prompt.tools,
                continue_final_message=prompt.continue_final_message,
                variables=prompt.variables,
                review=review,
            )

        # What is pinned is the server's affair (chat/context.py), no template's.
        plain = [{key: value for key, value in message.items() if key != "pinned"} for message in prompt.messages]
        return written_either_way(plain, written)


def _too_long(what: str, most_tokens: int) -> ContextLengthError:
    return ContextLengthError(
        f"The prompt {what}, and the model's context has room for {most_tokens} here. Shorten the prompt."
    )

"""`/v1/completions`: prompts as text or tokens, one or many, continued. JSON to orders and events to JSON; pure.

Every prompt is a job of its own; choice c of prompt p is number p · n + c, as in OpenAI's reference.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from msgspec.structs import replace

from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Begun, Ended, Generate, Piece, Text, TokenPiece, Tokens
from causerie.server.protocols.sampling_fields import SamplingFields, ending, in_range, prompt_odds, usage
from causerie.server.protocols.service_fields import SYSTEM_FINGERPRINT
from causerie.text.response_format import form_of

MOST_PROMPTS = 64
DEFAULT_TOKENS = 16
"""Of an answer, where no length is given: OpenAI's own default for this route."""


class CompletionRequest(SamplingFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of a request."""

    prompt: str | list[str | int | list[int]]
    logprobs: int | None = None
    echo: bool = False
    best_of: int | None = None
    suffix: str | None = None
    response_format: dict[str, Any] | None = None

    def orders(self) -> list[Callable[[int], Generate]]:
        """What the engine is asked, prompt by prompt. Raises Refusal, naming the field."""
        self.check()
        in_range("max_tokens", self.max_tokens, 0, 1 << 31)
        in_range("logprobs", self.logprobs, 0, 20)
        if self.best_of not in (None, self.n):
            raise Refusal(
                400, "best_of other than n is not done; ask for n answers.", param="best_of", code="unsupported"
            )
        if self.suffix:
            raise Refusal(400, "suffix is for models that fill in; leave it out.", param="suffix", code="unsupported")
        if self._echoed_logprobs is not None and self.stream:
            raise Refusal(400, "logprobs of an echoed prompt come in whole answers; set stream: false.", param="echo")
        flags = {"max_new_tokens": DEFAULT_TOKENS, **self.flags()}
        if self.response_format is not None:
            form_of(self.response_format)
            flags["response_format"] = self.response_format
        return [self._order(prompt, flags) for prompt in self._prompts()]

    def _order(self, prompt: Text | Tokens, flags: dict[str, Any]) -> Callable[[int], Generate]:
        asked = [each for each in (self.prompt_logprobs, self._echoed_logprobs) if each is not None]

        def order(job: int) -> Generate:
            return Generate(
                job,
                self.model,
                prompt,
                flags,
                self.n,
                self.logprobs,
                stop_tokens=self.stop_token_ids or [],
                prompt_logprobs=max(asked, default=None),
                prompt_only=self.max_tokens == 0,
            )

        return order

    @property
    def _echoed_logprobs(self) -> int | None:
        """How many of the likeliest tokens are told in each place of an echoed prompt, if any are."""
        return self.logprobs if self.echo else None

    def _prompts(self) -> list[Text | Tokens]:
        prompts = self._kinds()
        for prompt in prompts:
            if isinstance(prompt, Tokens) and any(not 0 <= token < 1 << 31 for token in prompt.tokens):
                raise Refusal(400, "prompt has a token id that none can be.", param="prompt")
        return prompts

    def _kinds(self) -> list[Text | Tokens]:
        prompt = self.prompt
        if isinstance(prompt, str):
            return [Text(prompt)]
        if not prompt or (len(prompt) > MOST_PROMPTS and not isinstance(prompt[0], int)):
            raise Refusal(400, f"prompt has {len(prompt)} entries; from 1 to {MOST_PROMPTS}.", param="prompt")
        numbers = [each for each in prompt if isinstance(each, int)]
        if len(numbers) == len(prompt):
            return [Tokens(numbers)]
        if numbers:
            raise Refusal(400, "prompt mixes token ids with texts or lists; send one kind.", param="prompt")
        return [Text(each) if isinstance(each, str) else Tokens(each) for each in prompt if not isinstance(each, int)]


FIELD_NAMES: FieldNames = {"stop_strings": "stop", "max_new_tokens": "max_tokens"}


class Completion:
    """The answers while their events come: chunks for a stream, or else the whole at the end."""

    def __init__(self, request: CompletionRequest, prompts: int, clock: Callable[[], float] = time.time) -> None:
        self._request = request
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(clock()),
            "model": request.model,
            "system_fingerprint": SYSTEM_FINGERPRINT,
        }
        self._answers = prompts * request.n
        self._texts: list[list[str]] = [[] for _ in range(self._answers)]
        self._tokens: list[list[TokenPiece]] = [[] for _ in range(self._answers)]
        self._ended: dict[int, Ended] = {}
        self._prompt_tokens = [0] * prompts
        self._new_tokens = [0] * self._answers
        self._prompts: list[list[TokenPiece]] = [[] for _ in range(prompts)]
        self._offsets = [0] * self._answers  # in the text of the tokens that a stream has told

    @property
    def over(self) -> bool:
        """Whether all answers have ended."""
        return len(self._ended) == self._answers

    def echo(self, prompt: int, text: str) -> list[dict[str, Any]]:
        """The prompt's own text before its answers, where the request wants it."""
        numbers = range(prompt * self._request.n, (prompt + 1) * self._request.n)
        for number in numbers:
            self._texts[number].append(text)
        return [self._chunk(number, text) for number in numbers]

    def read(self, prompt: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        """Takes an event of a prompt's job; returns the chunks that a stream sends for it."""
        chunks = self._read(prompt, event)
        return self._request.with_counts(chunks, sum(self._prompt_tokens), sum(self._new_tokens))

    def _read(self, prompt: int, event: Begun | Piece | Ended) -> list[dict[str, Any]]:
        if isinstance(event, Begun):
            self._prompt_tokens[prompt] = event.prompt_tokens
            self._prompts[prompt] = event.prompt
            return []
        number = prompt * self._request.n + event.choice
        self._new_tokens[number] = event.new_tokens
        if isinstance(event, Piece):
            if not self._request.stream:  # of a stream nothing is asked again, and log-probabilities are megabytes
                self._texts[number].append(event.text)
                self._tokens[number] += event.tokens
            chunk = self._chunk(number, event.text, event.tokens)
            self._offsets[number] += sum(len(token.text) for token in event.tokens)
            return [chunk]
        self._ended[number] = event
        chunks = [self._chunk(number, "", ended=event)]
        if self.over and self._request.usage_wanted:
            chunks.append({**self._head, "choices": [], "usage": self._usage()})
        return chunks

    def whole(self) -> dict[str, Any]:
        """The answers in one piece, once they are over."""
        choices = [
            self._choice(
                number,
                "".join(self._texts[number]),
                [*self._echoed(number), *self._tokens[number]],
                self._ended[number],
            )
            | self._prompt_odds(number)
            for number in range(self._answers)
        ]
        return {**self._head, "choices": choices, "usage": self._usage()}

    def _echoed(self, number: int) -> list[TokenPiece]:
        """The tokens of an answer's prompt, where it repeats them with their log-probabilities."""
        if not self._request.echo or self._request.logprobs is None:
            return []
        count = self._request.logprobs
        return [replace(piece, top=piece.top[:count]) for piece in self._prompts[number // self._request.n]]

    def _prompt_odds(self, number: int) -> dict[str, Any]:
        asked = self._request.prompt_logprobs is not None
        return prompt_odds(self._prompts[number // self._request.n]) if asked else {}

    def _usage(self) -> dict[str, Any]:
        cached = sum(one.cached_tokens for number, one in self._ended.items() if number % self._request.n == 0)
        return usage(sum(self._prompt_tokens), self._ended.values(), cached)

    def _chunk(
        self, number: int, text: str, tokens: list[TokenPiece] | None = None, ended: Ended | None = None
    ) -> dict[str, Any]:
        return {**self._head, "choices": [self._choice(number, text, tokens or [], ended, self._offsets[number])]}

    def _choice(
        self, number: int, text: str, tokens: list[TokenPiece], ended: Ended | None, offset: int = 0
    ) -> dict[str, Any]:
        logprobs = _logprobs(tokens, offset) if self._request.logprobs is not None else None
        return {"index": number, "text": text, "logprobs": logprobs, **ending(ended)}


def _logprobs(tokens: list[TokenPiece], offset: int) -> dict[str, Any]:
    """Log-probabilities of tokens whose text begins at `offset` in the answer's."""
    offsets = list(accumulate((len(token.text) for token in tokens[:-1]), initial=offset)) if tokens else []
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        # OpenAI's rule: the drawn token too, whether it is one of the likeliest or not.
        # Of the first token of a prompt there is none.
        "top_logprobs": [
            None if token.logprob is None else {one.text: one.logprob for one in (*token.top, token)}
            for token in tokens
        ],
        "text_offset": offsets,
    }

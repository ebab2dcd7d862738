"""The fields that `/v1/completions` and `/v1/chat/completions` share: how to draw, where to stop, how to stream.

They become generate flags. Pure: no HTTP, no model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from causerie.api.generation.config import METADATA, GenerationConfig
from causerie.api.options.speculation import SPECULATION
from causerie.errors import UsageError
from causerie.server.http.failure_responses import Refusal
from causerie.server.processes.jobs import Begun, Ended, TokenPiece
from causerie.server.protocols.service_fields import ServiceFields, among
from causerie.server.protocols.text_bodies import TokenId

MOST_CHOICES = 16
MOST_STOPS = 16
MOST_STOP_CHARACTERS = 256
MOST_BIASES = 1024
MOST_BIAS = 100
_DRAWING = ("temperature", "top_p", "top_k", "min_p", "typical_p")
_FLAGS = (
    *("repetition_penalty", "presence_penalty", "frequency_penalty", "seed", "repetition_detection", "speculation"),
    "bad_words",
)
_ELSEWHERE = frozenset(
    {"num_return_sequences", "return_dict_in_generate", "output_scores", "output_logits", "logprobs"}
)
_RANGES: dict[str, tuple[float, float]] = {
    "n": (1, MOST_CHOICES),
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (0, 1 << 31),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "presence_penalty": (-2, 2),
    "frequency_penalty": (-2, 2),
    "min_tokens": (0, 1 << 31),
    "prompt_logprobs": (0, 20),
}


def token_odds(token: TokenPiece) -> dict[str, Any]:
    """A token and how likely it was, as answers tell both."""
    return {"token": token.text, "logprob": token.logprob, "bytes": token.bytes}


class StreamOptions(Struct, forbid_unknown_fields=True, frozen=True):
    """What a stream adds: with `include_usage` a last chunk with the counts; with `continuous_usage_stats`, a name of
    vLLM's, the counts so far in every chunk. Nothing is ever added to hide the lengths of chunks."""

    include_usage: bool = False
    continuous_usage_stats: bool = False
    include_obfuscation: bool = False


class SamplingFields(ServiceFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """None leaves the choice to the model's generation_config.json."""

    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    min_tokens: int | None = None  # no end before this many; the next two are names of vLLM's, too
    ignore_eos: bool = False  # tokens that end a text do not
    stop_token_ids: list[TokenId] | None = None  # further tokens that end the answer, not shown
    bad_words: list[str] | None = None  # texts that may not be written
    speculation: str | None = None  # who guesses tokens that are checked several at a time; no answer changes
    repetition_detection: bool | None = None  # whether an answer that repeats itself for ever is ended
    prompt_logprobs: int | None = None  # of each token of the prompt; a name of vLLM's
    n: int = 1

    @property
    def usage_wanted(self) -> bool:
        """Whether a stream ends with a chunk of counts."""
        return self.stream_options is not None and self.stream_options.include_usage

    def with_counts(self, chunks: list[dict[str, Any]], prompt_tokens: int, new_tokens: int) -> list[dict[str, Any]]:
        """The chunks of a stream, with the counts so far where they are wanted in each."""
        if self.stream_options is None or not self.stream_options.continuous_usage_stats:
            return chunks
        return [{"usage": _counts(prompt_tokens, new_tokens), **chunk} for chunk in chunks]

    def flags(self) -> dict[str, Any]:
        """The generate flags that these fields set. Raises Refusal, naming the field."""
        flags = {name: getattr(self, name) for name in _FLAGS if getattr(self, name) is not None}
        flags |= drawing_flags(self, _DRAWING)
        if self.max_tokens:  # where it is 0, there is nothing to draw
            flags["max_new_tokens"] = self.max_tokens
        if self.min_tokens is not None:
            flags["min_new_tokens"] = self.min_tokens
        if self.ignore_eos:
            flags["eos_token_id"] = []
        if self.stop:
            flags["stop_strings"] = self.stop
        if self.logit_bias:
            flags["logit_bias"] = {_token_id(token): bias for token, bias in self.logit_bias.items()}
        return flags

    def check(self) -> None:
        """Raises Refusal for a value out of its range, naming the field."""
        self.check_service()
        for name, (low, high) in _RANGES.items():
            in_range(name, getattr(self, name), low, high)
        among("speculation", self.speculation, SPECULATION)
        check_streamed("stream_options", self.stream_options is not None, self.stream)
        check_stops("stop", [self.stop] if isinstance(self.stop, str) else self.stop or [])
        if self.prompt_logprobs is not None and self.stream:
            raise Refusal(400, "prompt_logprobs are told in whole answers; set stream: false.", param="prompt_logprobs")
        if len(self.stop_token_ids or []) > MOST_STOPS:
            sentence = f"stop_token_ids has {len(self.stop_token_ids or [])} tokens; at most {MOST_STOPS}."
            raise Refusal(400, sentence, param="stop_token_ids")
        self._check_biases(self.logit_bias or {})

    def _check_biases(self, biases: dict[str, float]) -> None:
        if len(biases) > MOST_BIASES:
            raise Refusal(400, f"logit_bias has {len(biases)} tokens; at most {MOST_BIASES}.", param="logit_bias")
        for token, bias in biases.items():
            in_range(f"logit_bias of {token[:20]}", bias, -MOST_BIAS, MOST_BIAS, param="logit_bias")


def drawing_flags(fields: Struct, names: Sequence[str]) -> dict[str, Any]:
    """The flags of drawing among `names` that are set. At temperature 0 the likeliest token is taken, whatever else
    could be drawn."""
    flags = {name: value for name in names if (value := getattr(fields, name)) is not None}
    return {"do_sample": False} if flags.get("temperature") == 0 else flags


def config_flags(config: str | dict[str, Any] | None) -> dict[str, Any]:
    """The flags of a `generation_config`, which transformers' own chat program sends as the text of an object. Raises
    Refusal for what is none, or asks for what an answer here has in other fields."""
    if config is None:
        return {}
    try:
        flags = msgspec.json.decode(config) if isinstance(config, str) else config
    except msgspec.DecodeError:
        flags = None
    if not isinstance(flags, dict):
        raise Refusal(400, "generation_config is no JSON object of generate flags.", param="generation_config")
    for name in sorted(_ELSEWHERE & flags.keys()):
        if flags[name] and (name, flags[name]) != ("num_return_sequences", 1):
            instead = "set n, logprobs and top_logprobs of the request"
            raise Refusal(400, f"generation_config has {name}; {instead}.", param="generation_config")
    flags = {name: value for name, value in flags.items() if name not in _ELSEWHERE | METADATA and value is not None}
    try:
        GenerationConfig(**flags)
    except UsageError as error:
        raise Refusal(400, str(error), param="generation_config") from None
    return flags


def check_stops(name: str, stops: Sequence[str]) -> None:
    """Raises Refusal for too many stop strings, or too long ones."""
    if len(stops) > MOST_STOPS:
        raise Refusal(400, f"{name} has {len(stops)} strings; at most {MOST_STOPS}.", param=name)
    longest = max(map(len, stops), default=0)
    if longest > MOST_STOP_CHARACTERS:
        raise Refusal(400, f"{name} has a string of {longest} characters; at most {MOST_STOP_CHARACTERS}.", param=name)


def check_streamed(name: str, is_set: bool, stream: bool) -> None:
    """Raises Refusal where the field `name` is given and there is no stream, for which it is."""
    if is_set and not stream:
        raise Refusal(400, f"{name} is for streams; set stream: true.", param=name)


def in_range(name: str, value: float | None, low: float, high: float, param: str | None = None) -> None:
    """Raises Refusal for a value outside, of the field `name` or within `param`; None is not set."""
    if value is not None and not low <= value <= high:
        raise Refusal(400, f"{name} is {value}; it must be from {low} to {high}.", param=param or name)


def ending(ended: Ended | None) -> dict[str, str | int | None]:
    """Why an answer ended, None where it goes on: by OpenAI's names, and beside them, as vLLM has it, what they have no
    name for: the text or the token that was a stop of the request, or that it repeated itself."""
    if ended is None:
        return {"finish_reason": None}
    reasons: dict[str, str | int | None] = {"finish_reason": "length" if ended.reason in ("length", "time") else "stop"}
    if ended.reason == "repetition":
        return reasons | {"stop_reason": "repetition_detected"}
    match = ended.stop_token if ended.stop_string is None else ended.stop_string
    return reasons | ({} if match is None else {"stop_reason": match})


def prompt_odds(pieces: Sequence[TokenPiece]) -> dict[str, Any]:
    """How likely each token of a prompt was, as vLLM tells it: by token ids, the likeliest and the prompt's own."""

    def told(piece: TokenPiece) -> dict[str, Any]:
        return {"logprob": piece.logprob, "rank": piece.rank, "decoded_token": piece.text}

    places = [{str(one.token): told(one) for one in (*piece.top, piece)} for piece in pieces[1:]]
    return {"prompt_logprobs": [None, *places]}


def context_of(begun: Begun) -> dict[str, Any]:
    """What was done to a chat that did not fit: how many messages the model has not read, and the summary it read in
    their place. Nothing, where it fits."""
    return {"context": {"dropped": len(begun.dropped), "summary": begun.summary}} if begun.dropped else {}


def _token_id(text: str) -> int:
    if not text.isdecimal():
        raise Refusal(
            400, f"logit_bias names the token {text[:40]!r}; token ids are whole numbers.", param="logit_bias"
        )
    return int(text)


def usage(prompt_tokens: int, ended: Iterable[Ended], cached_tokens: int) -> dict[str, Any]:
    """How many tokens were read and written by choices that have ended, as OpenAI counts. Tokens that were guessed and
    checked several in a step are named where there were any."""
    choices = list(ended)
    accepted = sum(choice.accepted_tokens for choice in choices)
    rejected = sum(choice.drafted_tokens for choice in choices) - accepted
    guessed = {"accepted_prediction_tokens": accepted, "rejected_prediction_tokens": rejected}
    return {
        **_counts(prompt_tokens, sum(choice.new_tokens for choice in choices)),
        "prompt_tokens_details": {"cached_tokens": cached_tokens},
        "completion_tokens_details": {
            "reasoning_tokens": sum(choice.reasoning_tokens for choice in choices),
            **(guessed if accepted or rejected else {}),
        },
    }


def _counts(prompt_tokens: int, new_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": new_tokens,
        "total_tokens": prompt_tokens + new_tokens,
    }

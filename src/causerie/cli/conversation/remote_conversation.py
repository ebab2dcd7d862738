"""A chat with a model that somebody else serves: the terminal's conversation over HTTP, by OpenAI's protocol.

Knows no terminal and no model.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from causerie.api.generation.config import GenerationConfig
from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.messages import checked_chat
from causerie.chat.parts import ToolCallPart
from causerie.chat.transcript import Transcript, Turn
from causerie.cli.conversation.conversation import TokenRow
from causerie.cli.conversation.remote_reply import RemoteReply
from causerie.cli.options.generate_flags import read_flags
from causerie.errors import EngineError, Unsupported, UsageError

_SAME = ("temperature", "top_p", "top_k", "min_p", "typical_p", "repetition_penalty", "presence_penalty")
_FIELDS = {name: name for name in (*_SAME, "frequency_penalty", "seed", "logit_bias", "thinking_budget", "bad_words")}
_FIELDS |= {"max_new_tokens": "max_tokens", "stop_strings": "stop", "repetition_detection": "repetition_detection"}
_OURS = "causerie"  # as whose models our own server's are listed
_SECONDS = 600.0  # without a byte
_MOST_BYTES = 16 << 20


class OpenAIServer:
    """A server by its address. `key` is sent with every request."""

    def __init__(self, url: str, key: str | None = None) -> None:
        """Raises UsageError for what is no address."""
        parts = urlsplit(url if "://" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"--url {url} is no address of a server; write http://HOST:PORT/v1.")
        path = parts.path.rstrip("/") or "/v1"
        self.base = f"{parts.scheme}://{parts.netloc}{path}"
        self._key = key

    def models(self) -> list[dict[str, Any]]:
        """What it serves. Raises EngineError, UsageError."""
        with self._open("/models", None) as response:
            served = json.loads(response.read(_MOST_BYTES)).get("data", [])
        return [each for each in served if isinstance(each, dict) and isinstance(each.get("id"), str)]

    def stream(self, body: Mapping[str, Any]) -> HTTPResponse:
        """The open stream of an answer. Raises EngineError, UsageError."""
        return self._open("/chat/completions", {**body, "stream": True, "stream_options": {"include_usage": True}})

    def _open(self, route: str, body: Mapping[str, Any] | None) -> HTTPResponse:
        headers = {"Accept": "application/json", "User-Agent": "causerie"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.base + route, data, headers)
        try:
            opened: HTTPResponse = urllib.request.urlopen(request, timeout=_SECONDS)
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error) from None
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise EngineError(f"{self.base} does not answer: {reason}. Is the server running?") from None
        return opened


def _refusal(error: urllib.error.HTTPError) -> UsageError | EngineError:
    try:
        reason = json.loads(error.read(_MOST_BYTES))["error"]
        sentence = str(reason["message"] if isinstance(reason, dict) else reason)
    except (ValueError, KeyError, TypeError, OSError):
        sentence = str(error.reason)
    kind = UsageError if 400 <= error.code < 500 else EngineError
    return kind(f"The server refused with status {error.code}: {sentence}")


class RemoteConversation:
    """See `conversation.Conversation`."""

    def __init__(
        self, server: OpenAIServer, model: str | None, flags: GenerationConfig, system_prompt: str | None
    ) -> None:
        """Asks the server for its models. Raises EngineError, UsageError, Unsupported."""
        self._server = server
        self._transcript = Transcript(system_prompt)
        self._thinks: bool | None = None
        self._tools: list[Mapping[str, Any]] = []
        self._context: int | None = None
        self._call = flags
        self.shows_probabilities = False
        _fields(flags)
        self.switch(model)

    @property
    def context(self) -> int | None:
        """See Conversation; what the server says of its model."""
        return self._context

    @property
    def server(self) -> str | None:
        """See Conversation."""
        return self._server.base

    @property
    def limit(self) -> str | None:
        """See Conversation."""
        limit = self._call.max_new_tokens
        return None if limit is None else f"max_new_tokens={limit}"

    @property
    def promise(self) -> str | None:
        """See Conversation; of a server nobody says."""
        return None

    @property
    def description(self) -> str:
        """See Conversation."""
        return f"{self.model_name} · at {self._server.base}" + (f" · context {self._context}" if self._context else "")

    @property
    def messages(self) -> list[dict[str, Any]]:
        """See Conversation."""
        return self._transcript.chat

    @property
    def system_prompt(self) -> str | None:
        """See Conversation."""
        return self._transcript.system_prompt

    @system_prompt.setter
    def system_prompt(self, text: str | None) -> None:
        self._transcript = replace(self._transcript, system_prompt=text)

    @property
    def settings(self) -> dict[str, Any]:
        """See Conversation."""
        return self._call.to_dict()

    @property
    def memory(self) -> list[tuple[str, str]]:
        """See Conversation; the memory is the server's."""
        return []

    @property
    def expectation(self) -> list[tuple[str, str]]:
        """See Conversation; the server is on another machine, or may be."""
        return []

    def evidence(self) -> None:
        """See Conversation; what the server did it does not say."""

    def learn_from(self, cost: AnswerCost) -> None:
        """See Conversation; of another machine nothing is learnt here."""

    def reply(self, text: str) -> RemoteReply:
        """See Conversation."""
        return self._ask(self._transcript.ask(text), self._call)

    def retry(self, words: Sequence[str] = ()) -> RemoteReply:
        """See Conversation."""
        return self._ask(self._transcript.retry(), self._call.merged(read_flags(words)))

    def proceed(self) -> RemoteReply:
        """See Conversation. Not every server can go on with an answer; it says so."""
        return self._ask(self._transcript.proceed(), self._call)

    def _ask(self, turn: Turn, flags: GenerationConfig) -> RemoteReply:
        body = {"model": self.model_name, "messages": turn.prompt.chat, **self._defaults, **_fields(flags)}
        if self._tools:
            body["tools"] = self._tools
        if turn.beginning is not None:
            body["continue_final_message"] = True
        if self.shows_probabilities:
            body["logprobs"] = True
        if self._thinks is not None:
            body["chat_template_kwargs"] = {"enable_thinking": self._thinks}
        sent = time.monotonic()

        def keep(text: str, reasoning: str, calls: list[ToolCallPart]) -> list[ToolCallPart]:
            self._transcript, whole = turn.called(text, reasoning, calls) if calls else (turn.answered(text), calls)
            if self._context is None:  # it may have been loaded only now
                self._context = next(
                    (_context_of(each) for each in self._server.models() if each["id"] == self.model_name), None
                )
            return whole

        return RemoteReply(self._server.stream(body), keep, sent)

    def offer(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation. Whether its model knows tools the server says of the first answer."""
        self._tools = list(tools)

    def take_results(self, results: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation."""
        self._transcript = self._transcript.resulted(results)

    def set(self, words: Sequence[str]) -> None:
        """See Conversation."""
        flags = self._call.merged(read_flags(words))
        _fields(flags)
        self._call = flags

    def unset(self, name: str) -> None:
        """See Conversation."""
        self._call = self._call.without(name)

    def think(self, on: bool, budget: int | None = None) -> None:
        """See Conversation. The limit is a field of ours; a server of another kind says what it makes of it."""
        self._thinks = on
        self.unset("thinking_budget")
        if budget is not None:
            self.set([f"thinking_budget={budget}"])

    def switch(self, name: str | None) -> None:
        """See Conversation; None takes the first model that is served."""
        served = self._server.models()
        known = {str(each["id"]): each for each in served}
        if not known:
            raise EngineError(f"{self._server.base} serves no model.")
        if name is not None and name not in known:
            raise UsageError(f"The server has no model {name!r}. It serves: {', '.join(known)}.")
        self.model_name = name or next(iter(known))
        self._context = _context_of(known[self.model_name])
        # Servers of other kinds refuse a field that they do not know.
        self._defaults = {"repetition_detection": True} if known[self.model_name].get("owned_by") == _OURS else {}

    def beside(self, name: str) -> RemoteConversation:
        """See Conversation; another model of the same server."""
        other = RemoteConversation(self._server, name, self._call, self.system_prompt)
        other.replace(self.messages)
        return other

    def prompt_text(self) -> str:
        """See Conversation."""
        raise Unsupported("What the model read only its server knows; load the model here to see it.")

    def template(self) -> str:
        """See Conversation."""
        raise Unsupported("The template only the server knows; load the model here to see it.")

    def parameters(self) -> list[tuple[str, Any, str]]:
        """See Conversation; what else holds the server does not say."""
        return [(name, value, "set here") for name, value in self.settings.items()]

    def tokens(self) -> list[TokenRow]:
        """See Conversation."""
        raise Unsupported("Another server's tokens are not known here; load the model here to see them.")

    def shorten(self, text: str, policy: str) -> int:
        """See Conversation. How long a chat is only the server knows: half of its rounds go."""

        def count(messages: list[dict[str, Any]]) -> int:
            return sum(1 for message in messages if message["role"] == "user")

        def write(messages: list[dict[str, Any]]) -> str:
            body = {"model": self.model_name, "messages": messages, **_fields(self._call), "max_tokens": 200}
            reply = RemoteReply(self._server.stream(body), lambda text, reasoning, calls: calls, time.monotonic())
            return "".join(piece for piece in reply if isinstance(piece, str))

        room = max(1, count(self.messages) // 2) + 1
        self._transcript, rounds = self._transcript.shortened(text, policy, room, count, write)
        return rounds

    def clear(self) -> None:
        """See Conversation."""
        self._transcript = self._transcript.cleared()

    def undo(self) -> bool:
        """See Conversation."""
        shorter = self._transcript.undone()
        self._transcript = shorter or self._transcript
        return shorter is not None

    def amend(self, text: str) -> None:
        """See Conversation."""
        self._transcript = self._transcript.amended(text)

    def replace(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """See Conversation."""
        self._transcript = self._transcript.replaced(checked_chat(messages) if messages else [])

    def close(self) -> None:
        """See Conversation; nothing is held here."""


def open_remote(
    url: str, key: str | None, model: str | None, flags: GenerationConfig, system_prompt: str | None
) -> RemoteConversation:
    """A chat with a model at `url`. Raises EngineError, UsageError, Unsupported."""
    return RemoteConversation(OpenAIServer(url, key), model, flags, system_prompt)


def _context_of(model: Mapping[str, Any]) -> int | None:
    context = model.get("context", model.get("max_model_len"))
    return context if isinstance(context, int) else None


def _fields(flags: GenerationConfig) -> dict[str, Any]:
    """Generate flags as OpenAI's protocol names them. Raises Unsupported for one that it has no field for."""
    fields: dict[str, Any] = {}
    for name, value in flags.to_dict().items():
        if name == "do_sample":
            fields |= {} if value else {"temperature": 0}
        elif name in _FIELDS:
            fields[_FIELDS[name]] = value
        else:
            raise Unsupported(f"{name} cannot be asked of another server; its protocol has: {', '.join(_FIELDS)}.")
    return fields

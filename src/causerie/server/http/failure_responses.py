"""Failures as clients expect them: a status and OpenAI's `{"error": {message, type, param, code}}`, or Anthropic's
`{"type": "error", "error": {type, message}}` and Ollama's `{"error": message}` on the routes of their protocols.

Knows the program's error tree and no web framework.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from causerie.errors import (
    CauserieError,
    ContextLengthError,
    EngineError,
    GatedModel,
    HubUnavailable,
    MessageError,
    ModelNotFound,
    OutOfMemory,
    TemplateError,
    UsageError,
)

_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[\w.+-]+/)+(?:([\w.+-]+\.(?:json|safetensors|jinja|txt)(?![\w.+-]))|[\w.+-]*)")
_LONGEST = 2000
_HIGH_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}")
_BYTE = re.compile(r" \(byte [0-9]+\)")
_MESSAGES = "/v1/messages"
_OLLAMA = "/api/"
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
}
FieldNames = Mapping[str, str]
"""How a route calls what errors are about: the prompt, and the generate flags that have another name there."""


@dataclass
class Refusal(Exception):
    """A request that is not served: the HTTP status, and what the envelope says."""

    status: int
    message: str
    type: str = "invalid_request_error"
    param: str | None = None
    code: str | None = None
    retry_after: int | None = None

    def body(self) -> dict[str, Any]:
        """The envelope."""
        message = self.message[:_LONGEST]
        return {"error": {"message": message, "type": self.type, "param": self.param, "code": self.code}}


def unreadable(fault: str, end: bytes) -> Refusal:
    """Why a body is no JSON, by what its parser says and how the body ends."""
    # Of a high surrogate in the last bytes, whose other half cannot be there, the parser says that something is cut.
    if "surrogate" in fault or ("truncated" in fault and _HIGH_SURROGATE.search(end)):
        sentence = (
            'The JSON holds half of a surrogate pair (such as "\\ud83d" alone), which is no character. Send whole '
            "characters, or U+FFFD in its place."
        )
        return Refusal(400, sentence, code="invalid_unicode")
    where = _BYTE.search(fault)
    return Refusal(400, f"The body is not JSON{where[0] if where else ''}.", code="invalid_json")


Envelope = Callable[[Refusal], dict[str, Any]]
"""How a protocol tells a failure."""


def anthropic_body(refusal: Refusal) -> dict[str, Any]:
    """A failure as Anthropic's clients read it."""
    kind = _ANTHROPIC_TYPES.get(refusal.status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": refusal.message[:_LONGEST]}}


def ollama_body(refusal: Refusal) -> dict[str, Any]:
    """A failure as Ollama's clients read it."""
    return {"error": refusal.message[:_LONGEST]}


def envelope_of(path: str) -> Envelope:
    """How failures are told on the route of a path, whether there is such a route or not."""
    if path.startswith(_OLLAMA):
        return ollama_body
    return anthropic_body if path == _MESSAGES or path.startswith(_MESSAGES + "/") else Refusal.body


def refusal_of(error: CauserieError, names: FieldNames) -> Refusal:
    """How a failure of the program is told over HTTP: with no folder of this machine but the names of files; only a
    fault of ours is a 5xx. `names` are the route's, and tell which field of the request it is about."""
    field = error.field if isinstance(error, UsageError) else None
    if isinstance(error, ContextLengthError | TemplateError | MessageError):
        field = field or "prompt"
    param = None if field is None else names.get(field, field)
    sentence = _FOLDERS.sub(lambda match: match[1] or "(a folder)", str(error))
    if isinstance(error, ContextLengthError):
        return Refusal(400, sentence, param=param, code="context_length_exceeded")
    if isinstance(error, TemplateError | MessageError):
        return Refusal(400, sentence, param=param, code="chat_template_error")
    if isinstance(error, ModelNotFound):
        return Refusal(404, sentence, param="model", code="model_not_found")
    if isinstance(error, GatedModel):
        return Refusal(403, sentence, "permission_error", param="model", code="gated_model")
    if isinstance(error, HubUnavailable):
        return Refusal(503, sentence, "server_error", code="hub_unavailable")
    if isinstance(error, UsageError):
        return Refusal(400, sentence, param=param)
    if isinstance(error, OutOfMemory):
        return Refusal(503, sentence, "server_error", code="insufficient_memory", retry_after=10)
    if isinstance(error, EngineError):
        return Refusal(503, sentence, "server_error", code="engine_error", retry_after=1)
    return Refusal(500, sentence, "server_error")

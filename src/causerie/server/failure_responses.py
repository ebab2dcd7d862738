"""Failures as OpenAI's clients expect them: a status and `{"error": {message, type, param, code}}`.

Knows the program's error tree and no web framework.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from causerie.errors import (
    CauserieError,
    ContextLengthError,
    EngineError,
    MessageError,
    ModelNotFound,
    OutOfMemory,
    TemplateError,
    UsageError,
)

_FOLDERS = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+(?:([\w.+-]+\.(?:json|safetensors|jinja|txt)(?![\w.+-]))|[\w.+-]*)")
_LONGEST = 2000


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


def refusal_of(error: CauserieError, prompt: str = "messages") -> Refusal:
    """How a failure of the program is told over HTTP: with no folder of this machine but the
    names of files; only a fault of ours is a
    5xx. `prompt` is the field of the request that holds what the model reads."""
    sentence = _FOLDERS.sub(lambda found: found[1] or "(a folder)", str(error))
    if isinstance(error, ContextLengthError):
        return Refusal(400, sentence, param=prompt, code="context_length_exceeded")
    if isinstance(error, TemplateError | MessageError):
        return Refusal(400, sentence, param=prompt, code="chat_template_error")
    if isinstance(error, ModelNotFound):
        return Refusal(404, sentence, param="model", code="model_not_found")
    if isinstance(error, UsageError):
        return Refusal(400, sentence)
    if isinstance(error, OutOfMemory):
        return Refusal(503, sentence, "server_error", code="insufficient_memory", retry_after=10)
    if isinstance(error, EngineError):
        return Refusal(503, sentence, "server_error", code="engine_error", retry_after=1)
    return Refusal(500, sentence, "server_error")

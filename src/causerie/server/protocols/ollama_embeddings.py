"""`/api/embed` and `/api/embeddings`: Ollama's requests and answers for the embeddings of texts. Pure."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from causerie.server.http.failure_responses import FieldNames, Refusal
from causerie.server.processes.jobs import Embed, Text, Tokens
from causerie.server.protocols.embeddings import MOST_INPUTS
from causerie.server.protocols.ollama_options import OllamaOptions
from causerie.server.protocols.ollama_time import lasting

FIELD_NAMES: FieldNames = {"prompt": "input"}


class _EmbedFields(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What both bodies have. The options are about answers, and checked all the same."""

    model: str = ""
    options: OllamaOptions = OllamaOptions()
    keep_alive: str | float | None = None

    @property
    def stay(self) -> float | None:
        """Seconds that the model is to stay without a request; None where nothing is said. Raises Refusal."""
        return lasting(self.keep_alive)


class OllamaEmbed(_EmbedFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /api/embed."""

    input: str | list[str] = []
    truncate: bool = True  # texts that are longer than the context
    dimensions: int | None = None

    def texts(self) -> list[Text]:
        """The texts; none loads the model. Raises Refusal, naming the field."""
        self.options.flags()
        lasting(self.keep_alive)
        texts = self.input if isinstance(self.input, list) else [self.input] if self.input else []
        if len(texts) > MOST_INPUTS:
            raise Refusal(400, f"input has {len(texts)} entries; at most {MOST_INPUTS}.", param="input")
        if not all(texts):
            raise Refusal(400, "input holds an empty text; every text needs one token at least.", param="input")
        if self.dimensions is not None and self.dimensions < 1:
            raise Refusal(400, f"dimensions is {self.dimensions}; it counts from 1.", param="dimensions")
        return [Text(text) for text in texts]

    def order(self, prompts: Sequence[Text | Tokens]) -> Callable[[int], Embed]:
        """What the engine is asked."""
        return lambda job: Embed(job, self.model, list(prompts), self.dimensions)


class OllamaEmbedding(_EmbedFields, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /api/embeddings, the older route: one text."""

    prompt: str = ""

    def embed(self) -> OllamaEmbed:
        """The same by the newer route."""
        return OllamaEmbed(model=self.model, options=self.options, keep_alive=self.keep_alive, input=self.prompt)


def numbers(result: dict[str, Any]) -> list[list[float]]:
    """The vectors that the engine gave."""
    return [np.frombuffer(base64.b64decode(vector), "<f4").tolist() for vector in result["embeddings"]]

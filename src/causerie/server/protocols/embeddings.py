"""`/v1/embeddings`: OpenAI's request and answer for the embeddings of texts. Pure: no HTTP, no model."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from msgspec import Struct

from causerie.server.http.failure_responses import Refusal
from causerie.server.processes.jobs import Embed, Text, Tokens

MOST_INPUTS = 2048


class EmbeddingRequest(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Texts, or their tokens, to be embedded."""

    model: str = ""  # none is named: the one that is served
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None  # who asks, by the caller's own name: changes nothing here

    def order(self) -> Callable[[int], Embed]:
        """What the engine is asked. Raises Refusal, naming the field."""
        prompts = [_prompt(each) for each in self._inputs()]
        if self.dimensions is not None and self.dimensions < 1:
            raise Refusal(400, f"dimensions is {self.dimensions}; it counts from 1.", param="dimensions")
        return lambda job: Embed(job, self.model, prompts, self.dimensions)

    def answer(self, result: dict[str, Any]) -> dict[str, Any]:
        """The response's body, from what the engine gave."""
        data = [
            {"object": "embedding", "index": place, "embedding": self._written(vector)}
            for place, vector in enumerate(result["embeddings"])
        ]
        usage = {"prompt_tokens": result["tokens"], "total_tokens": result["tokens"]}
        return {"object": "list", "data": data, "model": self.model, "usage": usage}

    def _inputs(self) -> list[str | list[int]]:
        """One entry for each text."""
        value = self.input
        if isinstance(value, str):
            return [value]
        numbers = [each for each in value if isinstance(each, int)]
        if numbers and len(numbers) == len(value):
            return [numbers]
        if numbers:
            raise Refusal(400, "input mixes token ids with texts or lists; send one kind.", param="input")
        if not 1 <= len(value) <= MOST_INPUTS:
            raise Refusal(400, f"input has {len(value)} entries; from 1 to {MOST_INPUTS}.", param="input")
        return [each for each in value if not isinstance(each, int)]

    def _written(self, vector: str) -> str | list[float]:
        if self.encoding_format == "base64":
            return vector
        numbers: list[float] = np.frombuffer(base64.b64decode(vector), "<f4").tolist()
        return numbers


def _prompt(item: str | list[int]) -> Text | Tokens:
    """Raises Refusal for what holds nothing."""
    if not item:
        raise Refusal(400, "input holds an empty text; every text needs one token at least.", param="input")
    if isinstance(item, str):
        return Text(item)
    if not all(0 <= token < 1 << 31 for token in item):
        raise Refusal(400, "input holds a token id that none can be.", param="input")
    return Tokens(item)

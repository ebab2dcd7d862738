"""Pieces of a scripted answer with their log-probabilities, as the server tells them."""

from __future__ import annotations

import math
from typing import Any


def piece(text: str, p: float, *others: tuple[str, float]) -> dict[str, Any]:
    """One token of an answer; `others` are the likeliest in its place, itself alone where none are named."""
    top = [_token(*other) for other in others or ((text, p),)]
    return {"content": text, "logprobs": {"content": [{**_token(text, p), "top_logprobs": top}]}}


def in_bytes(character: str, p: float) -> list[dict[str, Any]]:
    """A character that as many tokens make as it has bytes, each as likely; its text comes with the last."""
    tokens = [
        {"token": "\ufffd", "logprob": math.log(p), "bytes": [byte], "top_logprobs": []} for byte in character.encode()
    ]
    texts = [""] * (len(tokens) - 1) + [character]
    return [{"content": text, "logprobs": {"content": [token]}} for text, token in zip(texts, tokens, strict=True)]


def _token(text: str, p: float) -> dict[str, Any]:
    return {"token": text, "logprob": math.log(p), "bytes": list(text.encode())}

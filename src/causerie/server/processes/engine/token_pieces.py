"""Tokens as answers tell them: their text and bytes, and how likely they were. Knows no request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causerie.server.processes.jobs import TokenPiece
from causerie.text.detokenize import token_bytes

if TYPE_CHECKING:
    from causerie.text.tokenizer import Tokenizer


def token_piece(
    tokenizer: Tokenizer,
    token: int,
    logprob: float | None,
    top: list[TokenPiece] | None = None,
    rank: int | None = None,
) -> TokenPiece:
    """One token; `top` are the likeliest in its place."""
    raw = token_bytes(tokenizer, token)
    return TokenPiece(token, raw.decode("utf-8", errors="replace"), list(raw), logprob, top or [], rank)

"""The bodies of the routes that turn text, chats and tokens into each other. Data types only."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

TokenId = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Tokenize(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /tokenize: a text."""

    model: str = ""  # none is named: the one that is served
    prompt: str
    add_special_tokens: bool = True


class ApplyTemplate(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /apply-template: a chat."""

    model: str = ""  # none is named: the one that is served
    messages: list[dict[str, Any]]


class DetokenizeBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The body of /detokenize: token ids."""

    model: str = ""  # none is named: the one that is served
    tokens: list[TokenId]

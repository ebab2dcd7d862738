"""The fields that OpenAI's protocols share: which model, whether as a stream, and what is the affair of OpenAI's own
service (who asks, what is kept, where it is computed). Those of the service change no answer here; their values are
checked all the same.

A field of type None is one that is known and not done: null and absence pass (http/request_body.py). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct

import causerie
from causerie.errors import unknown
from causerie.server.http.failure_responses import Refusal

SYSTEM_FINGERPRINT = f"causerie-{causerie.__version__}"
"""What an answer says of the program that made it; another version may draw otherwise with the same seed."""
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
RETENTIONS = ("in_memory", "in-memory", "24h")
_Note = Annotated[str, Meta(max_length=512)]
_Notes = Annotated[dict[Annotated[str, Meta(max_length=64)], _Note], Meta(max_length=16)]


class ServiceFields(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What stands in the body of each protocol of OpenAI's."""

    model: str = ""  # none is named: the one that is served
    stream: bool = False
    user: str | None = None  # who asks, by the caller's own name; the next one too
    safety_identifier: str | None = None
    metadata: _Notes | None = None
    store: bool | None = None  # nothing is kept, whatever it says
    service_tier: str | None = None  # there is one
    prompt_cache_key: str | None = None  # prompts are shared by what they are; nor is there a time in the next one
    prompt_cache_retention: str | None = None
    prompt_cache_options: dict[str, Any] | None = None

    def check_service(self) -> None:
        """Raises Refusal for a value that is none of OpenAI's, naming the field."""
        among("service_tier", self.service_tier, TIERS)
        among("prompt_cache_retention", self.prompt_cache_retention, RETENTIONS)


def among(name: str, value: str | None, known: Iterable[str], param: str | None = None) -> None:
    """Raises Refusal for a value of the field `name` that is not one of `known`; None is not set."""
    if value is not None and value not in known:
        raise Refusal(400, str(unknown(name, value, known)), param=param or name)

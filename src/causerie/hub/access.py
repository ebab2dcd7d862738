"""The hub that this user reaches: its address, a token where there is one, and whether it is to be asked at all.

What the environment says of them is read by huggingface_hub, so that a login there counts here. Knows no file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import sleep

from causerie.errors import HubUnavailable
from causerie.hub.address import Endpoint
from causerie.hub.patience import Patience
from causerie.hub.repository import Repository, read_repository
from causerie.hub.transport import SECONDS, Transport

_TRIES = 3
_LONGEST_WAIT = 10.0
_HURRY = 5.0
"""Seconds for an answer that can be done without."""


@dataclass(frozen=True)
class Access:
    """How to reach a hub."""

    endpoint: Endpoint
    token: str | None
    offline: bool
    """Whether the environment says that nothing is to ask a hub."""
    pause: Callable[[float], None] = sleep

    @staticmethod
    def read(endpoint: str | None = None, token: str | None = None) -> Access:
        """What is not given is what huggingface_hub is configured with. Raises UsageError."""
        from huggingface_hub import constants, get_token

        return Access(Endpoint.read(endpoint or constants.ENDPOINT), token or get_token(), constants.HF_HUB_OFFLINE)

    def transport(self, *, hurried: bool = False) -> Transport:
        """For one piece of work. Raises HubUnavailable where the environment forbids to ask."""
        if self.offline:
            raise HubUnavailable(
                "The hub is not asked, since HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) is set. Unset it to ask.",
                reason="HF_HUB_OFFLINE is set",
            )
        return Transport(self.endpoint, self.token, _HURRY if hurried else SECONDS)

    def patience(self, what: str, *, hurried: bool = False) -> Patience:
        """For a question whose answer is short; `what` begins the sentence of a failure."""
        return Patience(what, self.pause, 1 if hurried else _TRIES, _LONGEST_WAIT)

    def repository(self, name: str, revision: str, *, hurried: bool = False) -> Repository:
        """What the hub says of a model. Raises ModelNotFound, GatedModel, HubUnavailable, CheckpointError."""
        patience = self.patience(f"The hub said nothing of {name}", hurried=hurried)
        return read_repository(self.transport(hurried=hurried), name, revision, patience)

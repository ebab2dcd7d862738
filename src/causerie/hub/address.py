"""Where a request may go: an endpoint that the user chose, and what that endpoint sends us on to.

An endpoint may be anything its user says, plain http and addresses of a house network too. What it redirects to is a
stranger's word: https and a public address, unless the endpoint itself is neither. Knows no request.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from causerie.errors import CheckpointError, UsageError

DEFAULT_ENDPOINT = "https://huggingface.co"
_PORTS = {"http": 80, "https": 443}
_STAND_INS = ipaddress.ip_network("198.18.0.0/15")
"""What local proxies answer for any name, and nobody has a service at."""


@dataclass(frozen=True)
class Origin:
    """What must be the same for a secret to go along."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{f'[{self.host}]' if ':' in self.host else self.host}{port}"


def origin_of(url: str) -> Origin:
    """Of an http or https address. Raises ValueError where it is none, or names a user."""
    if any(letter <= " " or letter in "\\\x7f" for letter in url):
        raise ValueError("it holds characters that no address has")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("it is not http:// or https:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("it names a user")
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])


@dataclass(frozen=True)
class Endpoint:
    """A hub, by the address that the user gave or the usual one."""

    url: str
    origin: Origin

    @staticmethod
    def read(url: str | None) -> Endpoint:
        """Raises UsageError where `url` (of HF_ENDPOINT, or an argument) is no address."""
        text = (url or DEFAULT_ENDPOINT).rstrip("/")
        try:
            return Endpoint(text, origin_of(text))
        except ValueError as fault:
            raise UsageError(
                f"The hub's address {text[:200]!r} cannot be used: {fault}. HF_ENDPOINT names one such as "
                f"{DEFAULT_ENDPOINT}; without it that one is asked."
            ) from None

    def check(self, url: str) -> Origin:
        """The origin of an address that the hub redirects to. Raises CheckpointError where nobody should follow."""
        try:
            origin = origin_of(url)
        except ValueError as fault:
            raise CheckpointError(f"{self.origin} redirects to an address that cannot be used: {fault}.") from None
        if origin.scheme == "http" and self.origin.scheme == "https":
            raise CheckpointError(
                f"{self.origin} redirects to {origin}, which is not encrypted; that is not followed. "
                "Try again later, or ask whoever keeps that hub."
            )
        return origin

    def addresses(self, origin: Origin) -> list[str]:
        """The numeric addresses of a host to connect to, in order. Raises CheckpointError where one of them is
        private and the endpoint is not, OSError where the name is not known."""
        numbers = resolved(origin)
        if origin == self.origin or all(public(number) for number in numbers):
            return numbers
        if all(public(number) for number in resolved(self.origin)):
            raise CheckpointError(
                f"{self.origin} redirects to {origin}, which is {', '.join(numbers)}: an address of a private network. "
                "That is not followed. If the hub is one of your own network, name it by HF_ENDPOINT."
            )
        return numbers


def resolved(origin: Origin) -> list[str]:
    """The numeric addresses of a host. Raises OSError."""
    entries = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


def public(number: str) -> bool:
    """Whether a numeric address may be anybody's."""
    address = ipaddress.ip_address(number.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return (address.is_global and not address.is_multicast) or (address.version == 4 and address in _STAND_INS)

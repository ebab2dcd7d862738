"""What every request must pass before a route sees it: the Host, the Origin, a key, the size and type of the body.

A web page that a user visits can send requests to this machine. It cannot forge Host and Origin, and it cannot send
JSON as such without asking first (CORS), which is answered with no. An ASGI middleware; knows no route but the public
ones, and that to which files are sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from causerie.server.http.failure_responses import Refusal, envelope_of
from causerie.server.http.request_ids import REQUEST_ID_HEADERS, RequestIds

PUBLIC = ("/health", "/v1/health", "/ping", "/")
"""Routes that need no key; nor do the files of the page."""
PUBLIC_FOLDER = "/page/"
MOST_BODY = 8 << 20
FILE_ROUTE = "/text-of-file"
"""Its body is a file as it is, of a type that no web page can send elsewhere without asking first, as with JSON."""
FILE_KINDS = ("application/octet-stream", "application/pdf")
MOST_FILE = 20 << 20
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(?::[0-9]{1,5})?")


def digest(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", errors="replace")).digest()


@dataclass(frozen=True)
class Gate:
    """The rules. `hosts` are the names by which this server may be called (without port); `keys` are digests, none for
    an open server; `origins` are the web pages that may call it."""

    hosts: frozenset[str]
    keys: tuple[bytes, ...] = ()
    origins: frozenset[str] = frozenset()

    @staticmethod
    def of(host: str, keys: Iterable[str] = (), origins: Iterable[str] = (), names: Iterable[str] = ()) -> Gate:
        """The rules of a server that listens on `host`."""
        own = f"[{host}]" if ":" in host else host
        return Gate(frozenset({*_LOCAL, own, *names}), tuple(digest(key) for key in keys), frozenset(origins))

    def check(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Raises Refusal for a request that may not pass."""
        host = headers.get("host", "")
        named = _HOST.fullmatch(host)
        if named is None or named[1].lower() not in self.hosts:
            raise Refusal(403, "The Host of this request is not one of this server's names.", "permission_error")
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins and origin not in (f"http://{host}", f"https://{host}"):
            raise Refusal(403, "Web pages of other origins may not call this server.", "permission_error")
        if self.keys and (path.rstrip("/") or "/") not in PUBLIC and not path.startswith(PUBLIC_FOLDER):
            self._check_key(headers)
        if method in ("POST", "PUT"):
            _check_kind(path, headers.get("content-type", "").split(";")[0].strip().lower())
            if headers.get("content-encoding", "identity") != "identity":
                raise Refusal(415, "Compressed bodies are not read; send plain JSON.")

    def client(self, headers: dict[str, str], address: str) -> str:
        """Who shares places and turns: those with one key, or of one address where there are no keys."""
        return digest(_key(headers)).hex() if self.keys else address

    def _check_key(self, headers: dict[str, str]) -> None:
        fingerprint = digest(_key(headers))
        # All are compared, each in constant time, so that the time tells nothing.
        if sum(hmac.compare_digest(fingerprint, known) for known in self.keys) == 0:
            raise Refusal(401, "This server needs an API key: Authorization: Bearer KEY.", "authentication_error")


def most_bytes(path: str) -> int:
    """How long the body of a request to this path may be."""
    return MOST_FILE if path == FILE_ROUTE else MOST_BODY


def _check_kind(path: str, kind: str) -> None:
    """Raises Refusal for a body of another type than the route takes."""
    if path == FILE_ROUTE:
        if kind not in FILE_KINDS:
            raise Refusal(415, f"The body must be a file, sent as Content-Type: {FILE_KINDS[0]}.")
    elif kind != "application/json":
        raise Refusal(415, "The body must be JSON, sent as Content-Type: application/json.")


def _key(headers: dict[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def client_of(request: Request) -> str:
    """Whose request it is, by what the guard found."""
    return str(request.state.client)


class Guard:
    """Runs the gate in front of an ASGI application; refuses bodies that are said to be too large."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        """One connection's request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if sum(name.lower() == b"host" for name, _ in scope["headers"]) > 1:
                raise Refusal(400, "The request has more than one Host header.", code="invalid_http")
            self._gate.check(scope["method"], scope["path"], headers)
            length = headers.get("content-length", "0")
            most = most_bytes(scope["path"])
            if not length.isdecimal() or int(length) > most:
                raise Refusal(413, f"The body has {length[:20]} bytes; at most {most}.")
        except Refusal as refusal:
            await refused(refusal, scope["path"])(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        scope["state"] = {**scope.get("state", {}), "client": self._gate.client(headers, address)}
        await self._app(scope, receive, send)


def guarded(app: Any, gate: Gate) -> Any:
    """The application behind its guard. Pages of the gate's origins may send what headers they like: those of the
    official clients change with every release, and one that is not read here does nothing."""
    guard = RequestIds(Guard(app, gate))
    if not gate.origins:
        return guard
    # In front of the guard: a browser asks without a key whether it may send one.
    return CORSMiddleware(
        guard,
        allow_origins=sorted(gate.origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Retry-After", *REQUEST_ID_HEADERS],
    )


def refused(refusal: Refusal, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal as a response, told as clients of this path read it."""
    every = dict(headers or {})
    if refusal.retry_after is not None:
        every["Retry-After"] = str(refusal.retry_after)
    return Response(msgspec.json.encode(envelope_of(path)(refusal)), refusal.status, every, "application/json")

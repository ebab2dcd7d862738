"""One request to a hub and its answer, redirects followed: what travels where, and how long nothing may come.

Certificates are the system's, and certifi's where that is installed. The token goes to the hub's own origin alone.
Knows no file and no repository; whether to ask again is the caller's to say.
"""

from __future__ import annotations

import base64
import http.client
import importlib.util
import json
import re
import socket
import ssl
import time
import zlib
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import causerie
from causerie.errors import CheckpointError, UsageError
from causerie.hub.address import Endpoint, Origin
from causerie.hub.patience import Interruption
from causerie.settings import proxy_for

SECONDS = 30.0
"""How long nothing may come."""
MOST_JSON = 64 * 2**20
MOST_REDIRECTS = 10
_WINDOW = 60.0
_FEWEST = 64 * 1024
"""Bytes that must come in a window of that many seconds: a hub that sends a byte now and then stands still, too."""
_REDIRECTS = (301, 302, 303, 307, 308)


class HubAnswer:
    """The head of an answer, and its body as it comes."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, url: str) -> None:
        self._connection = connection
        self._response = response
        self.url = url
        self.etag: str | None = None  # the hash of a file, where the hub itself has said it on the way
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}
        self._window = time.monotonic()
        self._came = 0

    def read(self, most: int) -> bytes:
        """At most that many bytes, empty at the end. Raises Interruption where nothing comes, or next to nothing."""
        try:
            piece = self._response.read1(most)
        except (OSError, http.client.HTTPException, ValueError) as fault:
            raise Interruption(reason_of(fault)) from None
        self._came += len(piece)
        now = time.monotonic()
        if now - self._window >= _WINDOW:
            if self._came < _FEWEST and piece:
                raise Interruption(f"only {self._came} bytes came in a minute")
            self._window, self._came = now, 0
        return piece

    def close(self) -> None:
        """Ends the connection, whatever was still to come."""
        self._response.close()
        self._connection.close()

    def __enter__(self) -> HubAnswer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Transport:
    """Requests to one hub with one token."""

    def __init__(self, endpoint: Endpoint, token: str | None, seconds: float = SECONDS) -> None:
        if token is not None and not (token.isascii() and token.isprintable()):
            raise UsageError("The hub's token holds characters that no token has; log in again with `hf auth login`.")
        self.endpoint = endpoint
        self.logged_in = bool(token)
        self._token = token
        self._seconds = seconds
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._stopped = False

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, query: Mapping[str, Any] | None = None
    ) -> HubAnswer:
        """Asks the hub for a path and follows what it redirects to. Raises Interruption where there is no answer,
        CheckpointError where it sends us where we do not go."""
        address = self.endpoint.url + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        origin, etag = self.endpoint.origin, None
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._one(address, origin, headers or {})
            if origin == self.endpoint.origin:
                etag = _hash_in(answer.headers.get("x-linked-etag") or answer.headers.get("etag")) or etag
            answer.etag = etag
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or target is None:
                return answer
            answer.close()
            address = urljoin(address, target)
            origin = self.endpoint.check(address)
        raise Interruption(f"{self.endpoint.origin} redirected more than {MOST_REDIRECTS} times")

    def json(self, answer: HubAnswer) -> Any:
        """The JSON value that an answer holds, and closes it. Raises Interruption, CheckpointError where it is too
        large."""
        with answer:
            coding = answer.headers.get("content-encoding", "identity").lower()
            if coding not in ("identity", "gzip"):
                raise Interruption(f"it answered in the coding {coding[:40]!r}, which was not asked for")
            text = self._whole(answer, zlib.decompressobj(wbits=31) if coding == "gzip" else None)
        try:
            return json.loads(text.decode("utf-8"))
        except (ValueError, RecursionError):
            raise Interruption("what it answered is not JSON") from None

    def _whole(self, answer: HubAnswer, unpacker: Any) -> bytes:
        text = bytearray()
        declared = answer.headers.get("content-length")
        came = 0
        while piece := answer.read(2**16):
            came += len(piece)
            try:
                text += piece if unpacker is None else unpacker.decompress(piece, MOST_JSON + 1 - len(text))
            except zlib.error:
                raise Interruption("what it answered is not gzip, as it says") from None
            if len(text) > MOST_JSON:
                raise CheckpointError(
                    f"{self.endpoint.origin} answered with more than {MOST_JSON // 2**20} MiB where a short list was "
                    "asked for; it was not read on. Check HF_ENDPOINT."
                )
        if declared is not None and declared.isdigit() and came < int(declared):
            raise Interruption("the connection was cut")
        return bytes(text)

    def stop(self) -> None:
        """Ends all requests, those that run in other threads too."""
        with self._lock:
            self._stopped = True
            for each in self._sockets:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:  # it has ended by itself
                    pass

    def _one(self, address: str, origin: Origin, headers: Mapping[str, str]) -> HubAnswer:
        parts = urlsplit(address)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": f"causerie/{causerie.__version__}", "Accept-Encoding": "identity", **headers}
        if self._token is not None and origin == self.endpoint.origin:
            sent["Authorization"] = f"Bearer {self._token}"
        proxy = proxy_for(origin.scheme, origin.host)
        connection = _proxied(proxy, origin, self._seconds) if proxy else self._direct(origin)
        if proxy and origin.scheme == "http":
            target = f"{origin}{target}"
            sent |= _proxy_login(proxy)
        sent["Host"] = str(origin).partition("://")[2]
        try:
            connection.request("GET", target, headers=sent)
            self._watch(connection.sock)
            return HubAnswer(connection, connection.getresponse(), address)
        except (OSError, http.client.HTTPException) as fault:
            connection.close()
            raise Interruption(reason_of(fault)) from None

    def _watch(self, connected: socket.socket | None) -> None:
        """Remembers a connection, so that `stop` can end it."""
        with self._lock:
            if self._stopped:
                raise OSError("it was ended")
            self._sockets = [each for each in self._sockets if each.fileno() != -1]
            if connected is not None:
                self._sockets.append(connected)

    def _direct(self, origin: Origin) -> http.client.HTTPConnection:
        try:
            return _Direct(origin, self.endpoint.addresses(origin), self._seconds)
        except CheckpointError:
            raise
        except OSError as fault:
            raise Interruption(reason_of(fault)) from None


class _Direct(http.client.HTTPConnection):
    """A connection to one of the numeric addresses that were looked at, whatever the name means a moment later."""

    def __init__(self, origin: Origin, numbers: list[str], seconds: float) -> None:
        super().__init__(origin.host, origin.port, timeout=seconds)
        self._origin = origin
        self._numbers = numbers

    def connect(self) -> None:
        fault: OSError = OSError("the host has no address")
        for number in self._numbers:
            try:
                plain = socket.create_connection((number, self._origin.port), self.timeout)
            except OSError as error:
                fault = error
                continue
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            encrypted = self._origin.scheme == "https"
            try:
                self.sock = certificates().wrap_socket(plain, server_hostname=self.host) if encrypted else plain
            except OSError:
                plain.close()
                raise
            return
        raise fault


def _hash_in(etag: str | None) -> str | None:
    match = re.fullmatch(r'(?:W/)?"?([0-9a-f]{40}|[0-9a-f]{64})"?', etag or "")
    return match[1] if match else None


def _proxied(proxy: str, origin: Origin, seconds: float) -> http.client.HTTPConnection:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    host, port = parts.hostname or "", parts.port or 80
    if origin.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=certificates())
    connection.set_tunnel(origin.host, origin.port, _proxy_login(proxy))
    return connection


def _proxy_login(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


@cache
def certificates() -> ssl.SSLContext:
    """Whom to trust: who the system trusts, and certifi's list where that is installed (a Python on macOS has none)."""
    context = ssl.create_default_context()
    if importlib.util.find_spec("certifi") is not None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def reason_of(fault: Exception) -> str:
    """Why there was no answer, in few words."""
    if isinstance(fault, TimeoutError):
        return "nothing came for too long"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted ({fault.verify_message})"
    if isinstance(fault, socket.gaierror):
        return "its name is not known (is there a network?)"
    if isinstance(fault, ConnectionRefusedError):
        return "nobody answers at that address"
    if isinstance(fault, http.client.HTTPException):
        return f"its answer is not HTTP or was cut ({type(fault).__name__})"
    return getattr(fault, "strerror", None) or type(fault).__name__

"""The gate by itself: which requests pass, whose they are, and where exactly each limit lies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from causerie.server.http.failure_responses import Refusal
from causerie.server.http.gate import MOST_BODY, Gate, Guard, refused

JSON = {"host": "localhost", "content-type": "application/json"}
OPEN = Gate.of("0.0.0.0", origins=["https://mine.example"], names=["box.lan"])
KEYED = Gate.of("127.0.0.1", keys=["first", "second"])


def status(gate: Gate, path: str = "/v1/models", method: str = "GET", **headers: str) -> int:
    """What the gate answers: 200 where it lets a request pass."""
    try:
        gate.check(
            method, path, {"host": "localhost"} | {name.replace("_", "-"): each for name, each in headers.items()}
        )
    except Refusal as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:1", "0.0.0.0", "box.lan", "BOX.lan:65535"])
def test_names_of_this_server(host: str) -> None:
    assert status(OPEN, host=host) == 200


@pytest.mark.parametrize("host", ["", "box", "box.lan.evil.example", "box.lan:", "box.lan:123456", "[::2]", "::1"])
def test_names_of_others(host: str) -> None:
    assert status(OPEN, host=host) == 403


def test_an_address_of_version_6_is_named_in_brackets() -> None:
    gate = Gate.of("fe80::1")
    assert status(gate, host="[fe80::1]:8000") == 200 and status(gate, host="fe80::1") == 403


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://mine.example", True),
        ("http://mine.example", False),
        ("http://localhost:8000", True),  # its own page
        ("https://localhost:8000", True),  # behind somebody's TLS
        ("http://localhost", False),  # another port is another origin
        ("ftp://localhost:8000", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin: str, allowed: bool) -> None:
    assert status(OPEN, host="localhost:8000", origin=origin) == (200 if allowed else 403)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"authorization": "Bearer first"}, True),
        ({"authorization": "bEARER  second "}, True),
        ({"x_api_key": "second"}, True),
        ({"authorization": "Basic first", "x_api_key": "first"}, True),
        ({"authorization": "Bearer third", "x_api_key": "first"}, False),  # the first way decides
        ({"authorization": "Bearer"}, False),
        ({"authorization": "first"}, False),
        ({"x_api_key": ""}, False),
        ({"x_api_key": "firstsecond"}, False),
        ({}, False),
    ],
)
def test_keys(headers: dict[str, str], allowed: bool) -> None:
    assert status(KEYED, **headers) == (200 if allowed else 401)
    assert status(OPEN, **headers) == 200  # which has none


@pytest.mark.parametrize(
    ("path", "public"),
    [("/", True), ("//", True), ("/health", True), ("/health/", True), ("/page/app.js", True), ("/page", False),
     ("/healthy", False), ("/v1/page/", False), ("/metrics", False), ("", True)],
)  # fmt: skip
def test_what_needs_no_key(path: str, public: bool) -> None:
    assert status(KEYED, path) == (200 if public else 401)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"content_type": "application/json"}, 200),
        ({"content_type": "Application/JSON ; charset=utf-8"}, 200),
        ({"content_type": "application/json", "content_encoding": "identity"}, 200),
        ({"content_type": "application/json", "content_encoding": "gzip"}, 415),
        ({"content_type": "text/plain; application/json"}, 415),
        ({"content_type": ""}, 415),
        ({}, 415),
    ],
)
def test_what_a_body_may_be(headers: dict[str, str], expected: int) -> None:
    assert status(OPEN, method="POST", **headers) == expected
    assert status(OPEN, method="GET", **headers) == 200  # which has none


def test_who_shares_places_and_turns() -> None:
    first, again, second = (
        KEYED.client(headers, address)
        for headers, address in (
            ({"x-api-key": "first"}, "10.0.0.1"),
            ({"authorization": "Bearer first"}, "10.0.0.2"),
            ({"x-api-key": "second"}, "10.0.0.1"),
        )
    )
    assert first == again != second
    assert "first" not in first  # a log or a report may name a client, and no key
    assert OPEN.client({"x-api-key": "first"}, "10.0.0.1") == "10.0.0.1"


def guarded(*headers: tuple[str, str], client: Any = ("10.0.0.9", 1), kind: str = "http") -> tuple[Any, list[Any]]:
    """The scope that the application behind the guard is given (None: it is not asked), and what is sent."""
    passed: list[Any] = [None]
    sent: list[Any] = []

    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        passed[0] = scope

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": kind,
        "method": "POST",
        "path": "/v1/messages",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": client,
        "state": {"own": 5},
    }
    asyncio.run(Guard(app, OPEN)(scope, receive, send))
    return passed[0], sent


@pytest.mark.parametrize(
    ("length", "expected"),
    [("0", None), (str(MOST_BODY), None), (str(MOST_BODY + 1), 413), ("-1", 413), ("1e3", 413), ("", 413)],
)
def test_how_long_a_body_says_that_it_is(length: str, expected: int | None) -> None:
    scope, sent = guarded(*JSON.items(), ("Content-Length", length))
    if expected is None:
        assert scope is not None and not sent
    else:
        assert scope is None and sent[0]["status"] == expected
        assert json.loads(sent[1]["body"])["error"]["message"] == f"The body has {length} bytes; at most {MOST_BODY}."


def test_a_body_of_no_said_length_passes_to_be_counted() -> None:
    assert guarded(*JSON.items())[0] is not None


def test_a_request_has_one_host() -> None:
    scope, sent = guarded(*JSON.items(), ("HOST", "localhost"))
    assert scope is None and sent[0]["status"] == 400


def test_the_application_is_not_asked_where_the_rules_refuse() -> None:
    for headers, expected in (
        ((("Host", "evil.example"), ("Content-Type", "application/json")), 403),
        ((("Host", "localhost"), ("Content-Type", "text/plain")), 415),
    ):
        scope, sent = guarded(*headers)
        assert scope is None and sent[0]["status"] == expected


def test_names_of_headers_have_no_case() -> None:
    assert guarded(("HOST", "localhost"), ("Content-TYPE", "application/json"))[0] is not None


def test_what_the_application_is_told() -> None:
    for client, name in ((("10.0.0.9", 1), "10.0.0.9"), (None, "")):
        scope, _ = guarded(*JSON.items(), client=client)
        assert scope["state"] == {"own": 5, "client": name}


def test_what_is_no_request_is_left_alone() -> None:
    scope, sent = guarded(kind="lifespan")
    assert scope["state"] == {"own": 5} and not sent


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_a_refusal_says_when_to_come_again_where_that_helps(path: str) -> None:
    for refusal, expected in ((Refusal(429, "Full."), None), (Refusal(429, "Full.", retry_after=7), "7")):
        response = refused(refusal, path, {"X-Own": "5"})
        assert response.headers.get("Retry-After") == expected and response.headers["X-Own"] == "5"
        assert response.status_code == 429 and json.loads(bytes(response.body))["error"]["message"] == "Full."

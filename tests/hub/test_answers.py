"""A hub that answers wrongly or sends us where we should not go (T25 and T26 of the failures of the field)."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from causerie.checkpoint.hub import resolve
from causerie.errors import CheckpointError, GatedModel, HubUnavailable
from causerie.hub import address
from causerie.hub.access import Access
from tests.hub.downloads import (
    NAME,
    SIZE,
    STRETCH,
    fetch,
    in_child,
    is_right,
    kill_after,
)
from tests.hub.fake_hub import Exchange, FakeHub, Fault, git_hash, on, times

# T25: answers that lie


def lie_of_length(exchange: Exchange) -> bool:
    return exchange.answer(200, exchange.content[:100], {"Content-Length": "100"})


def other_offset(exchange: Exchange) -> bool:
    return exchange.answer(206, exchange.content[5:100], {"Content-Range": f"bytes 5-99/{SIZE}"})


def other_size(exchange: Exchange) -> bool:
    begin, _ = exchange.range or (0, 0)
    return exchange.answer(
        206, exchange.content[begin:][:95], {"Content-Range": f"bytes {begin}-{begin + 94}/{SIZE + 1}"}
    )


def no_ranges(exchange: Exchange) -> bool:
    return exchange.answer(200, exchange.content)


def packed(exchange: Exchange) -> bool:
    return exchange.answer(200, gzip.compress(exchange.content), {"Content-Encoding": "gzip"})


def cut(exchange: Exchange) -> bool:
    return exchange.send(most=20_000)


def status(code: int, **headers: str) -> Fault:
    return lambda exchange: exchange.answer(
        code, headers={key.replace("_", "-"): text for key, text in headers.items()}
    )


@pytest.mark.parametrize(
    ("kind", "fault", "said"),
    [
        ("store", lie_of_length, f"it answered with 100 bytes, and lists {SIZE}, 5 times in a row"),
        ("store", packed, "in a coding that was not asked for, 5 times"),
        ("store", status(503), "it answered 503, 5 times"),
        ("store", status(403), "it answered 403, 5 times"),
        ("store", status(302, Location="/round"), "redirected more than 10 times, 5 times"),
        ("store", status(429, Retry_After="900"), "it answered 429. Wait 900 s"),
        ("store", lambda exchange: exchange.send(most=10), "the connection was cut, 5 times"),
        ("file", status(302, Location="ftp://example.com/x"), "an address that cannot be used: it is not http"),
        ("file", status(302, Location="http://user:word@127.0.0.1/"), "cannot be used: it names a user"),
    ],
)
def test_an_answer_that_stays_wrong_is_given_up_with_a_sentence(
    hub: FakeHub, tmp_path: Path, weights: bytes, kind: str, fault: Fault, said: str
) -> None:
    hub.fault = on(kind, fault)
    with pytest.raises(CheckpointError, match=said):
        fetch(hub, tmp_path)
    assert len(hub.requests) < 120
    hub.fault = None
    assert is_right(fetch(hub, tmp_path), weights)


@pytest.mark.parametrize(
    "fault", [lie_of_length, other_offset, other_size, packed, cut, status(500), status(429), status(416)]
)
def test_an_answer_that_is_wrong_now_and_then_costs_only_time(
    hub: FakeHub, tmp_path: Path, weights: bytes, fault: Fault
) -> None:
    first, then = times(1, cut), times(3, fault)
    hub.fault = on("store", lambda exchange: first(exchange) or then(exchange))
    assert is_right(fetch(hub, tmp_path), weights)
    assert hub.sent <= SIZE + 1000 + (0 if fault is not packed else 3 * SIZE)  # what is wrong is never appended


def test_a_hub_without_ranges_serves_from_the_beginning(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    assert os.WIFSIGNALED(in_child(lambda: (kill_after(2 * STRETCH), fetch(hub, tmp_path))))
    hub.fault = on("store", no_ranges)
    assert is_right(fetch(hub, tmp_path), weights)


def test_cut_at_each_piece_it_comes_to_an_end(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    hub.fault = on("store", cut)
    assert is_right(fetch(hub, tmp_path), weights)
    assert hub.sent <= SIZE + 100


def test_a_wait_that_the_hub_asks_for_is_waited(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    waits: list[float] = []
    hub.fault = on("store", times(1, status(429, Retry_After="77")))
    assert is_right(fetch(hub, tmp_path, pause=waits.append), weights)
    assert waits == [77.0]


def test_a_hub_that_stands_still_is_asked_again(hub: FakeHub, tmp_path: Path, weights: bytes, monkeypatch: Any) -> None:
    over = threading.Event()

    def still(exchange: Exchange) -> bool:
        exchange.send(most=5000)
        exchange.handler.wfile.flush()
        over.wait(10)
        return True

    monkeypatch.setattr("causerie.hub.access.SECONDS", 0.2)
    hub.fault = on("store", times(2, still))
    try:
        assert is_right(fetch(hub, tmp_path), weights)
    finally:
        over.set()


def test_a_hub_that_sends_a_byte_now_and_then_stands_still(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causerie.hub.transport._WINDOW", 0.01)
    monkeypatch.setattr("causerie.hub.transport._FEWEST", 10**9)
    ended = threading.Event()

    def drip(exchange: Exchange) -> bool:
        exchange.handler.close_connection = True
        exchange.send(most=1)
        while not ended.wait(0.02):
            exchange.handler.wfile.write(b"x")  # raises where nobody listens any more
        return True

    hub.fault = on("store", drip)
    try:
        with pytest.raises(HubUnavailable, match=r"did not finish: only \d+ bytes came in a minute, 5 times in a row"):
            fetch(hub, tmp_path)
    finally:
        ended.set()


def test_content_that_changes_on_the_way_is_never_mixed(hub: FakeHub, tmp_path: Path) -> None:
    other = b"x" * SIZE
    repository = hub.repositories[NAME]
    hub.fault = on("store", times(1, cut))

    def change(seconds: float) -> None:
        repository.commits[repository.revisions["main"]]["model.safetensors"] = other

    with pytest.raises(CheckpointError, match=rf"no longer what the hub listed.*{hashlib.sha256(other).hexdigest()}"):
        fetch(hub, tmp_path, pause=change)


def test_a_list_that_never_ends_is_not_read(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b'{"a": "' + bytes(200_000_000) + b'"}', 1)
    assert len(bomb) < 2_000_000
    hub.fault = on("api", lambda exchange: exchange.answer(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(CheckpointError, match="more than 64 MiB where a short list was asked for"):
        fetch(hub, tmp_path)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"sha": "main"}', b"[" * 100_000, b'{"sha": 3, "siblings": []}']
)
def test_a_list_that_is_none(hub: FakeHub, tmp_path: Path, body: bytes) -> None:
    hub.fault = on("api", lambda exchange: exchange.answer(200, body))
    with pytest.raises(HubUnavailable, match=r"The hub said nothing of org/model: what it answered .*3 times in a row"):
        fetch(hub, tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        {"rfilename": "../../evil", "size": 2, "blobId": git_hash(b"{}")},
        {"rfilename": "config.json", "size": -1, "blobId": git_hash(b"{}")},
        {"rfilename": "config.json", "size": 2, "blobId": "../../../evil"},
        {"rfilename": "config.json", "size": 2, "blobId": git_hash(b"{}"), "lfs": {"size": 2, "sha256": "x/y"}},
        {"rfilename": "", "size": 2, "blobId": git_hash(b"{}")},
        {"rfilename": "a/" + "b" * 300, "size": 2, "blobId": git_hash(b"{}")},
        "config.json",
    ],
    ids=str,
)
def test_names_and_hashes_are_no_paths(hub: FakeHub, tmp_path: Path, entry: Any) -> None:
    facts = hub.repositories[NAME].facts
    facts["siblings"] = [*hub.repositories[NAME].described(hub.repositories[NAME].revisions["main"], True)["siblings"]]
    facts["siblings"].append(entry)
    cache = tmp_path / "cache"
    try:
        resolve(NAME, cache=cache, endpoint=hub.url, progress=False)
    except CheckpointError:
        assert not cache.exists()
    assert {place.name for place in tmp_path.iterdir()} <= {"cache"}
    assert not list(tmp_path.rglob("evil*"))


# T26: where the token goes, and where we go


def test_the_token_goes_to_the_hub_alone(hub: FakeHub, tmp_path: Path) -> None:
    fetch(hub, tmp_path, token="hf_secret")
    sent = {
        kind: {"authorization" in headers for each, _, headers in hub.requests if each == kind}
        for kind in ("api", "file", "store")
    }
    assert sent == {"api": {True}, "file": {True}, "store": {False}}


def test_a_redirect_within_the_hub_keeps_the_token(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    hub.repositories["org/renamed"] = hub.repositories[NAME]

    def moved(exchange: Exchange) -> bool:
        if NAME not in exchange.handler.path or exchange.kind == "store":
            return False
        return exchange.answer(307, headers={"Location": exchange.handler.path.replace(NAME, "org/renamed")})

    hub.fault = moved
    assert is_right(fetch(hub, tmp_path, token="hf_secret"), weights)
    assert all("authorization" in headers for kind, _, headers in hub.requests if kind != "store")


@pytest.mark.parametrize(
    ("target", "numbers", "said"),
    [
        ("http://cdn.example/x", ["8.8.8.8"], "which is not encrypted"),
        ("https://cdn.example/x", ["10.0.0.7"], "an address of a private network"),
        ("https://cdn.example/x", ["8.8.8.8", "127.0.0.1"], "an address of a private network"),
        ("https://cdn.example/x", ["169.254.169.254"], "an address of a private network"),
        ("https://cdn.example/x", ["::ffff:10.0.0.1"], "an address of a private network"),
        ("https://cdn.example/x", ["fd00::1"], "an address of a private network"),
    ],
)
def test_a_public_hub_sends_nobody_into_a_private_network(
    target: str, numbers: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"huggingface.co": ["1.1.1.1"], "cdn.example": numbers}
    monkeypatch.setattr(address, "resolved", lambda origin: places[origin.host])
    endpoint = address.Endpoint.read(None)
    with pytest.raises(CheckpointError, match=said):
        endpoint.addresses(endpoint.check(target))


def test_a_hub_of_the_house_may_use_its_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"hub.local": ["10.0.0.1"], "store.local": ["10.0.0.2"], "cdn.example": ["8.8.8.8"]}
    monkeypatch.setattr(address, "resolved", lambda origin: places[origin.host])
    endpoint = address.Endpoint.read("http://hub.local:8080")
    for host, numbers in places.items():
        assert endpoint.addresses(endpoint.check(f"http://{host}/x")) == numbers
    public = address.Endpoint.read(None)
    places["huggingface.co"] = ["198.18.0.5"]  # a local proxy's stand-in
    assert public.addresses(public.check("https://cdn.example/x")) == ["8.8.8.8"]


@pytest.mark.parametrize("url", ["ftp://x", "huggingface.co", "https://", "https://a@b", "https://a b", "https://a\\b"])
def test_an_endpoint_that_is_none(url: str) -> None:
    from causerie.errors import UsageError

    with pytest.raises(UsageError, match=r"The hub's address .* cannot be used"):
        address.Endpoint.read(url)


def test_a_proxy_is_used_where_the_environment_names_one(
    hub: FakeHub, tmp_path: Path, weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied = hub.url  # the fake hub reads whole addresses as a proxy does, and knows no other host
    monkeypatch.setenv("http_proxy", proxied.replace("http://", "http://me:word@"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    reached = Access(address.Endpoint.read("http://hub.invalid"), None, False)
    assert reached.repository(NAME, "main").commit == hub.repositories[NAME].revisions["main"]
    [(_, path, headers)] = hub.requests
    assert path.startswith("http://hub.invalid/api/") and headers["host"] == "hub.invalid"
    assert headers["proxy-authorization"] == "Basic bWU6d29yZA=="


def test_what_is_gated_says_what_to_do(hub: FakeHub, tmp_path: Path, weights: bytes) -> None:
    hub.repositories[NAME].gated, hub.token = True, "hf_good"
    with pytest.raises(GatedModel, match=r"org/model is gated: .*Open .*/org/model, ask for access, then log in"):
        fetch(hub, tmp_path)
    with pytest.raises(GatedModel, match=r"ask for access, then wait until they accept"):
        fetch(hub, tmp_path, token="hf_other")
    assert is_right(fetch(hub, tmp_path, token="hf_good"), weights)
    hub.fault = status(401, X_Error_Message="Invalid credentials in Authorization header")
    with pytest.raises(GatedModel, match="does not accept your token"):
        fetch(hub, tmp_path, token="hf_old")

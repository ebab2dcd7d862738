"""Headers of files that are not here, from a server of our own: what is asked for, and what it may not do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from causerie.checkpoint.ranges import FIRST_BYTES
from causerie.checkpoint.remote import READ_BYTES, RemoteIndex, remote_index
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.checkpoint.writer import write_safetensors
from causerie.errors import GatedModel, HubUnavailable, ModelNotFound, Unsupported, WeightFileError
from causerie.hub.access import Access
from causerie.hub.address import Endpoint
from tests.hub.fake_hub import Exchange, FakeHub, Fault, on, running_hub, times

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    with running_hub() as hub:
        yield hub


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    """Two shards, one with a header that is longer than what is asked for at once."""
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    small = np.zeros(1, np.uint8)
    write_safetensors(tmp_path / FIRST, {"w": numbers, "large": np.zeros(READ_BYTES + 1, np.uint8)})
    write_safetensors(tmp_path / SECOND, {f"layers.{i}.{'x' * 80}": small for i in range(3000)})
    return {name: (tmp_path / name).read_bytes() for name in (FIRST, SECOND)}


def index(hub: FakeHub, token: str | None = None) -> RemoteIndex:
    return remote_index("org/m", "main", Access(Endpoint.read(hub.url), token, offline=False))


def test_it_says_what_the_files_say(hub: FakeHub, files: dict[str, bytes], tmp_path: Path) -> None:
    hub.add("org/m", files)
    remote = index(hub)
    with SafetensorsIndex.open([tmp_path / name for name in files]) as local:
        assert list(remote.names()) == list(local.names()) and remote.nbytes == local.nbytes
        for name in local.names():
            ours, theirs = remote.info(name), local.info(name)
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        assert np.array_equal(remote.read("w"), local.read("w"))
    assert len(files[SECOND]) > FIRST_BYTES  # its header needed a second question
    with pytest.raises(Unsupported, match="'large' of org/m is not on this machine"):
        remote.read("large")
    with pytest.raises(WeightFileError, match=r"lacks tensor 'larger'\. Nearest there: large"):
        remote.info("larger")


def test_only_headers_are_fetched(hub: FakeHub, files: dict[str, bytes]) -> None:
    content = files[FIRST]
    hub.add("org/m", {"model.safetensors": content})
    index(hub)
    assert hub.sent <= FIRST_BYTES < len(content)


def test_a_server_without_ranges_is_read_no_further_than_is_needed(hub: FakeHub, files: dict[str, bytes]) -> None:
    hub.add("org/m", files)
    hub.fault = on("store", lambda exchange: exchange.answer(200, exchange.content))
    remote = index(hub)
    assert "w" in remote and len(remote.names()) == 3002


def other_bytes(exchange: Exchange) -> bool:
    return exchange.answer(206, exchange.content[1:], {"Content-Range": f"bytes 1-9/{len(exchange.content)}"})


@pytest.mark.parametrize(
    ("kind", "fault", "error", "sentence"),
    [
        (
            "store",
            other_bytes,
            HubUnavailable,
            r"org/m/.* cannot be looked into: it answered with other bytes",
        ),
        ("file", lambda exchange: exchange.answer(403), GatedModel, "The hub refused org/m"),
        ("file", lambda exchange: exchange.answer(404), ModelNotFound, "The hub has nothing for org/m"),
        ("file", lambda exchange: exchange.answer(429), HubUnavailable, "too often"),
        ("file", lambda exchange: exchange.answer(500), HubUnavailable, "answered 500"),
    ],
)
def test_refusals_are_sentences(
    hub: FakeHub, files: dict[str, bytes], kind: str, fault: Fault, error: type[Exception], sentence: str
) -> None:
    hub.add("org/m", files)
    hub.fault = on(kind, fault)
    with pytest.raises(error, match=sentence):
        index(hub)


def test_an_answer_that_is_cut_is_gone_on_with(hub: FakeHub, files: dict[str, bytes]) -> None:
    hub.add("org/m", files)
    hub.fault = on("store", times(3, lambda exchange: exchange.send(most=1000)))
    assert len(index(hub).names()) == 3002


def test_a_login_does_not_follow_to_another_host(hub: FakeHub, files: dict[str, bytes]) -> None:
    hub.add("org/m", files)
    index(hub, "secret")
    logins = {kind: headers.get("authorization") for kind, _, headers in hub.requests}
    assert logins == {"api": "Bearer secret", "file": "Bearer secret", "store": None}

"""A hub with one model, and no waiting between tries."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.hub.downloads import NAME, PIECE, SIZE
from tests.hub.fake_hub import FakeHub, running_hub


@pytest.fixture
def weights() -> bytes:
    return random.Random(3).randbytes(SIZE)


@pytest.fixture
def hub(weights: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr("causerie.hub.patience._FIRST_WAIT", 0.0)
    monkeypatch.setattr("causerie.hub.turn._SECONDS", 0.01)
    monkeypatch.setattr("causerie.hub.download._PROGRESS", 1000)
    monkeypatch.setattr("causerie.hub.download.PIECE", PIECE)
    with running_hub() as hub:
        hub.add(NAME, {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": weights})
        yield hub

"""A server whose users may choose and download, with a hub on this machine that has a copy of the built-in model, on a
machine that was measured: 100 GB/s, and a tera of each arithmetic.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from causerie import builtin_model_path
from causerie.api.machine.abilities import hardware, native_state, thread_count
from causerie.plan.machine_record import Fingerprint, MachineRecord
from causerie.settings import Settings
from tests.hub.fake_hub import Exchange, FakeHub, running_hub
from tests.server.server_process import Server, serving

NAME, GATED = "org/copy", "org/secret"


@dataclass
class LibraryServer:
    """The server, the hub, and a gate before which large files wait while it is closed."""

    server: Server
    hub: FakeHub
    cache: Path
    gate: threading.Event = field(default_factory=threading.Event)

    def wait(self, exchange: Exchange) -> bool:
        """A fault of the hub's that only takes time."""
        if exchange.kind == "store":
            self.gate.wait(60)
        return False


def model_files() -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in Path(builtin_model_path()).iterdir() if file.is_file()}


def measure(folder: Path) -> None:
    """Leaves a measurement of this machine in a folder."""
    settings = Settings()
    state = native_state(settings)
    assert state.instruction_set is not None
    fingerprint = Fingerprint.of(hardware(), thread_count(None, settings), state.instruction_set)
    peaks = dict.fromkeys(("float32", "bfloat16", "int8"), (1e12,))
    MachineRecord(fingerprint, "today", (100e9,), peaks).save(folder)


@contextmanager
def library_serving(folder: Path, *options: str) -> Iterator[LibraryServer]:
    """A server with those options and an empty cache."""
    with running_hub() as hub, pytest.MonkeyPatch.context() as patch:
        hub.add(NAME, model_files(), tags=["conversational"], pipeline_tag="text-generation")
        hub.add(GATED, model_files(), pipeline_tag="text-generation").gated = True
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_HUB_CACHE", str(folder / "hub"))
        patch.setenv("CAUSERIE_CACHE", str(folder / "measured"))
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        measure(folder / "measured")
        with serving(folder, *options) as server:
            made = LibraryServer(server, hub, folder / "hub")
            made.gate.set()
            hub.fault = made.wait
            yield made
            made.gate.set()

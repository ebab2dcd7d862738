"""A server whose users may choose and download, with a hub on this machine that has a copy of the built-in model, on a
machine that was measured: 100 GB/s, and a tera of each arithmetic.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

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


def huge_model(folder: Path) -> None:
    """The built-in model with 60 layers, each as wide as may be: terabytes, which no disk holds. Its weights are a hole
    in a file."""
    shutil.copytree(builtin_model_path(), folder)
    file, config = folder / "model.safetensors", json.loads((folder / "config.json").read_text())
    with file.open("rb") as stored:
        header = json.loads(stored.read(int.from_bytes(stored.read(8), "little")))
    narrow, wide, end = config["intermediate_size"], 2**24, 0
    made: dict[str, Any] = {}
    for name, tensor in header.items():
        if (".layers." in name and ".layers.0." not in name) or name == "__metadata__":
            continue
        shape = [wide if size == narrow else size for size in tensor["shape"]]
        for layer in range(60 if ".layers." in name else 1):
            begin, end = end, end + 2 * prod(shape)
            copy = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
            made[name.replace(".layers.0.", f".layers.{layer}.")] = copy
    changes = {"intermediate_size": wide, "num_hidden_layers": 60}
    (folder / "config.json").write_text(json.dumps(config | changes))
    head = json.dumps(made).encode()
    file.write_bytes(len(head).to_bytes(8, "little") + head)
    os.truncate(file, 8 + len(head) + end)


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

"""A file that names the test's kitchen twice, as a program and at an address, and the toolbox of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from causerie.tools.toolbox import Toolbox

KITCHEN = str(Path(__file__).with_name("kitchen.py"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where a kitchen listens."""
    port = free_port()
    process = subprocess.Popen([sys.executable, KITCHEN, str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < deadline and process.poll() is None, "the kitchen does not listen"
            time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/mcp"
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def toolbox(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toolbox]:
    file = tmp_path_factory.mktemp("mcp") / "servers.json"
    kitchen = {"command": sys.executable, "args": [KITCHEN], "env": {"KITCHEN_SECRET": "salt"}}
    file.write_text(json.dumps({"mcpServers": {"kitchen": kitchen, "summer kitchen": {"url": address}}}))
    with Toolbox.open(file) as opened:
        yield opened

"""The tools of a real server that was started with `--mcp`, and what one without says."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.server_process import Server, start
from tests.tools.conftest import KITCHEN
from tests.tools.test_toolbox import runs, wait_for


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with tools and a key, which is killed at the end and leaves no process."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "keys").write_text("open sesame\n")
    servers = {"kitchen": {"command": sys.executable, "args": [KITCHEN]}}
    (folder / "servers.json").write_text(json.dumps({"mcpServers": servers}))
    server = start(folder, "--mcp", str(folder / "servers.json"), "--api-key-file", str(folder / "keys"))
    process = int(call(server, "process", {}).json()["text"])
    yield server
    assert runs(process)
    os.kill(server.process.pid, 9)
    server.process.wait()
    wait_for(lambda: not runs(process))


KEY = {"Authorization": "Bearer open sesame"}


def call(server: Server, name: str, arguments: dict[str, object]) -> httpx.Response:
    return server.post("/tools/call", {"name": f"kitchen.{name}", "arguments": arguments}, headers=KEY)


def test_tools_are_listed_and_called(kitchen: Server) -> None:
    listed = kitchen.get("/tools", headers=KEY).json()
    assert listed["rounds"] == 10
    assert listed["tools"][0] == {
        "name": "kitchen.temperature",
        "server": "kitchen",
        "description": "Reads the thermometer in one room.",
        "parameters": listed["tools"][0]["parameters"],
        "reads_only": True,
    }
    result = call(kitchen, "temperature", {"room": "cellar"}).json()
    assert json.loads(result["text"]) == {"room": "cellar", "celsius": 19.2}
    assert (result["failed"], result["cut"]) == (False, False) and result["seconds"] > 0
    assert call(kitchen, "burn", {"what": "water"}).json()["failed"]


def test_what_may_not_be_called_is_refused(kitchen: Server) -> None:
    assert kitchen.get("/tools").status_code == 401
    assert kitchen.post("/tools/call", {"name": "kitchen.process"}).status_code == 401
    stranger = kitchen.get("/tools", headers={**KEY, "Origin": "http://elsewhere.example"})
    assert stranger.status_code == 403
    missing = call(kitchen, "temprature", {})
    assert missing.status_code == 404 and "nearest first: kitchen.temperature" in missing.json()["error"]["message"]
    assert kitchen.post("/tools/call", {"name": "x", "arguments": []}, headers=KEY).status_code == 400


def test_a_client_that_goes_ends_its_call(kitchen: Server, tmp_path: Path) -> None:
    # Eight may wait at once: twice as many that are given up would leave no room if they were still counted.
    url, body = f"{kitchen.url}/tools/call", {"name": "kitchen.wait"}
    for number in range(16):
        arguments = {"seconds": 600, "sign": str(tmp_path / str(number))}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, json={**body, "arguments": arguments}, headers=KEY, timeout=0.05)
    time.sleep(0.1)
    assert call(kitchen, "temperature", {"room": "cellar"}).status_code == 200


def test_a_server_without_tools_says_so(server: Server) -> None:
    assert server.get("/tools").json()["tools"] == []
    refused = server.post("/tools/call", {"name": "kitchen.temperature"})
    assert refused.status_code == 404 and "--mcp FILE" in refused.json()["error"]["message"]

"""Tools of a real MCP server, over its standard input and output and over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from causerie.errors import UnknownName, UsageError
from causerie.tools.result_text import MOST_CHARACTERS
from causerie.tools.server_list import CommandServer
from causerie.tools.tool import ToolResult
from causerie.tools.toolbox import Toolbox
from tests.tools.conftest import KITCHEN

HOLDER = """
import sys
from pathlib import Path
from causerie.tools.toolbox import Toolbox
box = Toolbox.open(Path(sys.argv[1]))
box.call("deaf.wait", {"seconds": 600, "sign": sys.argv[2]}).result()
"""


def called(toolbox: Toolbox, name: str, **arguments: Any) -> ToolResult:
    return toolbox.call(name, arguments).result(30)


def runs(process: int) -> bool:
    """Whether a process runs, and is not one that has ended and was not asked how."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("server", ["kitchen", "summer_kitchen"])
def test_a_tool_is_listed_and_answers(toolbox: Toolbox, server: str) -> None:
    tool = toolbox.tools[f"{server}.temperature"]
    assert (tool.server, tool.own_name) == (server.replace("_", " "), "temperature")
    assert (tool.description, tool.reads_only) == ("Reads the thermometer in one room.", True)
    assert tool.parameters["properties"].keys() == {"room"}
    assert tool.schema["function"]["name"] == f"{server}.temperature"
    assert not toolbox.tools[f"{server}.burn"].reads_only
    result = called(toolbox, f"{server}.temperature", room="cellar")
    assert json.loads(result.text) == {"room": "cellar", "celsius": 19.2}
    assert not result.failed and not result.cut and result.seconds > 0


def test_what_went_wrong_is_a_result(toolbox: Toolbox) -> None:
    burnt = called(toolbox, "kitchen.burn", what="water")
    assert burnt.failed and "burn" in burnt.text
    assert called(toolbox, "kitchen.temperature", rom="cellar").failed
    with pytest.raises(UnknownName, match=r"'kitchen\.temprature'.*kitchen\.temperature"):
        toolbox.call("kitchen.temprature", {})


def test_results_are_bounded_and_texts(toolbox: Toolbox) -> None:
    long = called(toolbox, "kitchen.recite", characters=MOST_CHARACTERS + 1)
    assert long.cut and long.text.startswith("x" * MOST_CHARACTERS + "\n[Cut: the result has 20,001 characters;")
    assert not called(toolbox, "kitchen.recite", characters=MOST_CHARACTERS).cut
    assert called(toolbox, "kitchen.picture").text == (
        "the oven:\n[image (image/png) left out: only text is read here]"
    )


def test_the_environment_of_the_file_reaches_its_server_alone(toolbox: Toolbox) -> None:
    assert called(toolbox, "kitchen.secret").text == "salt"
    assert called(toolbox, "summer_kitchen.secret").text == "nothing"


def test_a_server_that_ends_is_begun_again(toolbox: Toolbox) -> None:
    first = int(called(toolbox, "kitchen.process").text)
    ended = called(toolbox, "kitchen.leave")
    assert ended.failed and ended.text == "The server of this tool ended while it was asked."
    second = int(called(toolbox, "kitchen.process").text)
    assert second != first
    os.kill(second, signal.SIGKILL)
    wait_for(lambda: not runs(second))
    wait_for(toolbox._connections[0]._over.is_set)  # the end of its output is noticed a moment later
    third = called(toolbox, "kitchen.process")
    assert not third.failed and int(third.text) != second


def test_a_call_that_is_given_up_or_takes_too_long_is_no_hindrance(tmp_path: Path) -> None:
    toolbox = Toolbox([CommandServer("deaf", sys.executable, (KITCHEN,))], call_seconds=0.5)
    with toolbox:
        toolbox.start(tmp_path)
        late = called(toolbox, "deaf.wait", seconds=600, sign=str(tmp_path / "late"))
        assert late.failed and late.text == "The tool did not answer within 0.5 s."
        future = toolbox.call("deaf.wait", {"seconds": 600, "sign": str(tmp_path / "given up")})
        wait_for((tmp_path / "given up").exists)
        assert future.cancel()
        process = int((tmp_path / "given up").read_text())
        assert called(toolbox, "deaf.temperature", room="cellar").text.startswith('{"room"')
    assert not runs(process)


def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    # The server is deaf just then: the end of its input would not tell it.
    file, sign = tmp_path / "servers.json", tmp_path / "sign"
    file.write_text(json.dumps({"mcpServers": {"deaf": {"command": sys.executable, "args": [KITCHEN]}}}))
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(file), str(sign)])
    wait_for(lambda: sign.exists() and sign.read_text() != "")
    server = int(sign.read_text())
    assert runs(server)
    holder.kill()
    holder.wait()
    wait_for(lambda: not runs(server))


def test_servers_that_cannot_be_begun_are_all_named(tmp_path: Path) -> None:
    file = tmp_path / "servers.json"
    servers = [
        CommandServer("ends", sys.executable, ("-c", "import sys; sys.exit('no flour')")),
        CommandServer("silent", sys.executable, ("-c", "import time; time.sleep(600)")),
    ]
    with Toolbox(servers, start_seconds=0.5) as toolbox, pytest.raises(UsageError) as caught:
        toolbox.start(file)
    assert str(caught.value).splitlines() == [
        f"{file}: 2 things are wrong with its servers.",
        "  ends: it ended before it answered. It said: no flour",
        "  silent: it did not answer within 0.5 s.",
    ]

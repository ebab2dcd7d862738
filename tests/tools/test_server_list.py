"""The file of MCP servers: what it may say, and what is said of one that is wrong. And how tools are named."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from causerie.errors import UsageError
from causerie.tools.server_list import AddressServer, CommandServer, read_servers
from causerie.tools.tool import MOST_NAME, tool_name

PROGRAM = {"command": sys.executable}


def file_of(tmp_path: Path, value: Any) -> Path:
    file = tmp_path / "servers.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return file


def test_programs_and_addresses(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    servers = {
        "one": {**PROGRAM, "args": ["-u"], "env": {"A": "1"}, "cwd": "there", "type": "stdio"},
        "two": {"url": "https://tools.example/mcp", "headers": {"Authorization": "Bearer x"}, "type": "http"},
        "three": {"command": "no-such-program", "disabled": True},
    }
    assert read_servers(file_of(tmp_path, {"mcpServers": servers})) == [
        CommandServer("one", sys.executable, ("-u",), (("A", "1"),), str(tmp_path / "there")),
        AddressServer("two", "https://tools.example/mcp", (("Authorization", "Bearer x"),)),
    ]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"comand": "x"}, "Unknown key 'comand'. Known, nearest first: command,"),
        ({}, "needs command"),
        ({**PROGRAM, "url": "http://x/"}, "and not both"),
        ({"command": "no-such-program"}, "there is no program 'no-such-program'"),
        ({**PROGRAM, "args": "-u"}, "args is a list"),
        ({**PROGRAM, "env": {"A": 1}}, "env is an object"),
        ({**PROGRAM, "cwd": "nowhere"}, "cwd is 'nowhere', which is no folder"),
        ({**PROGRAM, "headers": {}}, "headers does not go with command"),
        ({**PROGRAM, "type": "http"}, "its type is http, which goes with url"),
        ({"url": "http://x/sse", "type": "sse"}, "sse, the older way"),
        ({"url": "http://x/mcp", "type": "htp"}, "Unknown type 'htp'"),
        ({"url": "x"}, "url is 'x'; expected an address"),
        ({**PROGRAM, "disabled": "yes"}, "disabled is true or false"),
        (["command"], "expected an object"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(tmp_path: Path, entry: Any, fault: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_servers(file_of(tmp_path, {"mcpServers": {"kitchen": entry}}))
    assert str(caught.value).startswith(f"{tmp_path / 'servers.json'}: kitchen: ") and fault in str(caught.value)


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    servers = {"one": {"command": "no-such-program"}, "two": {"ulr": "x"}, "three": PROGRAM}
    with pytest.raises(UsageError) as caught:
        read_servers(file_of(tmp_path, {"mcpServers": servers}))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "is no JSON"),
        ("[]", "names no servers"),
        ('{"servers": {}}', "names no servers under mcpServers"),
        ('{"mcpServers": {"one": {"url": "http://x/", "disabled": true}}}', "all of its servers are disabled"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        read_servers(file_of(tmp_path, text))
    with pytest.raises(UsageError, match="cannot be read"):
        read_servers(tmp_path / "missing.json")


def test_names_of_tools_fit_every_format_and_are_told_apart() -> None:
    assert tool_name("kitchen", "temperature") == "kitchen.temperature"
    assert tool_name("my kitchen", "lire/température") == "my_kitchen.lire_temp_rature"
    one = tool_name("my kitchen", "x")
    two = tool_name("my_kitchen", "x", [one])
    assert one != two and two.startswith("my_kitchen.x_")
    long = [tool_name("server", "a" * 100 + end) for end in "bc"]
    assert len(set(long)) == 2 and all(len(name) == MOST_NAME for name in long)

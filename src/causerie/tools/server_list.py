"""The file that names MCP servers, in the form that the field's programs share: {"mcpServers": {NAME: {…}}}.

Says all that is wrong with it at once. Starts nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from causerie.errors import Unsupported, UsageError, unknown

_COMMAND_KEYS = ("command", "args", "env", "cwd")
_ADDRESS_KEYS = ("url", "headers")
_KEYS = (*_COMMAND_KEYS, *_ADDRESS_KEYS, "type", "disabled")
_KINDS = ("stdio", "http", "streamable-http", "streamableHttp")
_EXAMPLE = '{"mcpServers": {"kitchen": {"command": "python", "args": ["kitchen.py"]}}}'


@dataclass(frozen=True)
class CommandServer:
    """A server that is a program of this machine, spoken to by its standard input and output."""

    name: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None


@dataclass(frozen=True)
class AddressServer:
    """A server that runs already, at an address (streamable HTTP)."""

    name: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()


ToolServer = CommandServer | AddressServer


def faults_error(path: Path, faults: Iterable[str]) -> UsageError:
    """One error of all that is wrong with a file's servers."""
    listed = list(faults)
    if len(listed) == 1:
        return UsageError(f"{path}: {listed[0]}")
    return UsageError("\n  ".join([f"{path}: {len(listed)} things are wrong with its servers.", *listed]))


def read_servers(path: Path) -> list[ToolServer]:
    """The servers of a file, without those that are disabled. Raises UsageError, with every fault."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--mcp {path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UsageError(f"--mcp {path} is no JSON: {error}. It looks like {_EXAMPLE}") from None
    entries = value.get("mcpServers") if isinstance(value, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise UsageError(f"--mcp {path} names no servers under mcpServers. It looks like {_EXAMPLE}")
    servers: list[ToolServer] = []
    faults = []
    for name, entry in entries.items():
        try:
            server = _server(name, entry, path.parent)
        except UsageError as error:
            faults.append(f"{name}: {error}")
        else:
            servers += [] if entry.get("disabled") else [server]
    if faults:
        raise faults_error(path, faults)
    if not servers:
        raise UsageError(f"--mcp {path}: all of its servers are disabled. Enable one, or leave --mcp out.")
    return servers


def _server(name: str, entry: Any, folder: Path) -> ToolServer:
    if not isinstance(entry, dict):
        raise UsageError(f"it is {json.dumps(entry)[:60]}; expected an object with command or url.")
    for key in entry:
        if key not in _KEYS:
            raise unknown("key", key, _KEYS)
    kind = entry.get("type", "stdio" if "command" in entry else "http")
    if kind == "sse":
        raise Unsupported("its type is sse, the older way over HTTP, which is not spoken here; expected http or stdio.")
    if kind not in _KINDS:
        raise unknown("type", kind, _KINDS)
    if ("command" in entry) == ("url" in entry):
        raise UsageError("it needs command (a program that is started) or url (a server that runs), and not both.")
    if (kind == "stdio") != ("command" in entry):
        raise UsageError(f"its type is {kind}, which goes with {'command' if kind == 'stdio' else 'url'}.")
    strange = next((key for key in (_ADDRESS_KEYS if "command" in entry else _COMMAND_KEYS) if key in entry), None)
    if strange is not None:
        raise UsageError(f"{strange} does not go with {'command' if 'command' in entry else 'url'}; remove it.")
    if not isinstance(entry.get("disabled", False), bool):
        raise UsageError("disabled is true or false.")
    return _command_server(name, entry, folder) if "command" in entry else _address_server(name, entry)


def _command_server(name: str, entry: Mapping[str, Any], folder: Path) -> CommandServer:
    args = entry.get("args", [])
    if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
        raise UsageError("args is a list of texts.")
    env = _texts("env", entry)
    cwd = entry.get("cwd")
    if cwd is not None and not (isinstance(cwd, str) and (folder / cwd).expanduser().is_dir()):
        raise UsageError(f"cwd is {cwd!r}, which is no folder.")
    command = entry["command"]
    if not isinstance(command, str) or not command:
        raise UsageError("command is a text: the program's name or path.")
    place = shutil.which(str(Path(command).expanduser()), path=dict(env).get("PATH"))
    if place is None and not entry.get("disabled"):
        raise UsageError(f"there is no program {command!r}. Install it, or write its path.")
    where = None if cwd is None else str((folder / cwd).expanduser())
    return CommandServer(name, place or command, tuple(args), env, where)


def _address_server(name: str, entry: Mapping[str, Any]) -> AddressServer:
    url = entry["url"]
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"url is {url!r}; expected an address such as http://localhost:8001/mcp.")
    return AddressServer(name, url, _texts("headers", entry))


def _texts(key: str, entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A mapping of texts to texts."""
    value = entry.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise UsageError(f"{key} is an object whose values are texts.")
    return tuple(value.items())

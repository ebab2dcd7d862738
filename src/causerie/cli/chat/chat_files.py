"""Chats as files: one JSON object each, readable, written whole or not at all. Knows no terminal and no model."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from causerie.errors import UsageError, unknown

_NAME = re.compile(r"[\w\- .()]{1,100}")
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class SavedChat:
    """What a file holds: the messages, the system message first if there is one; the model and the flags it had, and
    the server's address where a server had the model."""

    model: str
    messages: list[dict[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None


class ChatFolder:
    """The folder that chats are saved in; made when the first one is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """The saved chats, the newest first."""
        files = [path for path in self.folder.glob("*.json") if path.is_file()] if self.folder.is_dir() else []
        return [path.stem for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True)]

    def path(self, name: str) -> Path:
        """Where the chat of that name lies. Raises UsageError for a name that is none."""
        name = name.removesuffix(".json").strip()
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise UsageError(f"{name[:80]!r} is no name for a chat; take letters, digits, spaces, - _ . ( and ).")
        return self.folder / f"{name}.json"

    def save(self, name: str, chat: SavedChat) -> Path:
        """Writes a chat, in the place of one of that name. Raises UsageError where the disk refuses."""
        path = self.path(name)
        value = {
            "causerie": 1,
            "saved": datetime.now().astimezone().isoformat(timespec="seconds"),
            "model": chat.model,
            "server": chat.server,
            "settings": dict(chat.settings),
            "messages": chat.messages,
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
        except OSError as error:
            raise UsageError(f"The chat was not saved in {path}: {error.strerror}.") from None
        return path

    def load(self, name: str) -> SavedChat:
        """The chat of that name. Raises UnknownName, UsageError for a file that holds no chat."""
        path = self.path(name)
        if not path.is_file():
            raise unknown("saved chat", path.stem, self.names(), advice=f"They are in {self.folder}.")
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too large")
            value = json.loads(path.read_text(encoding="utf-8"))
            messages, settings = value["messages"], value.get("settings", {})
            if not isinstance(messages, list) or not isinstance(settings, dict):
                raise ValueError("its messages are no list")
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise UsageError(f"{path} holds no chat of this program: {error}.") from None
        server = value.get("server")
        return SavedChat(str(value.get("model", "")), messages, settings, None if server is None else str(server))


def write_whole(path: Path, text: str) -> None:
    """Writes a file for its owner alone: beside its place first, so that a full disk leaves the old one as it was.
    Raises OSError."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def as_markdown(chat: SavedChat) -> str:
    """A chat to read: a heading for each message."""
    parts = [f"# A chat with {chat.model}"]
    parts += [f"## {str(message['role']).capitalize()}\n\n{message['content']}" for message in chat.messages]
    return "\n\n".join(parts) + "\n"

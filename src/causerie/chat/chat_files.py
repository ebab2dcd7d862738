"""Chats as files: one JSON object each, readable, written whole or not at all, and on the disk once `save` returns.

The terminal's and the server's are alike. One that is held in the page has all its branches too (message_tree.py); its
`messages` are those of the branch that is shown. Knows no terminal, no server and no model.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from causerie.chat.message_tree import Tree, checked_tree, grown
from causerie.errors import UsageError, unknown

_NAME = re.compile(r"[\w\- .()]{1,100}")
MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class SavedChat:
    """What a file holds: the messages, the system message first if there is one; the model and the flags it had, the
    server's address where a server had the model, and the tree of all messages of a chat in the page."""

    model: str
    messages: list[dict[str, Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    server: str | None = None
    tree: Tree | None = None


class ChatFolder:
    """The folder that chats are saved in; made when the first one is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def files(self) -> list[Path]:
        """The files of all saved chats."""
        return [path for path in self.folder.glob("*.json") if path.is_file()] if self.folder.is_dir() else []

    def names(self) -> list[str]:
        """The saved chats, the newest first."""
        return [path.stem for path in sorted(self.files(), key=lambda path: path.stat().st_mtime, reverse=True)]

    def path(self, name: str) -> Path:
        """Where the chat of that name lies. Raises UsageError for a name that is none."""
        name = name.removesuffix(".json").strip()
        if not _NAME.fullmatch(name) or name.startswith("."):
            raise UsageError(f"{name[:80]!r} is no name for a chat; take letters, digits, spaces, - _ . ( and ).")
        return self.folder / f"{name}.json"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While nobody else changes a chat of this folder, also in another process. Raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
            except OSError:  # no locks on this file system
                pass
            yield
        finally:
            os.close(handle)

    def save(self, name: str, chat: SavedChat) -> Path:
        """Writes a chat, in the place of one of that name, whose branches stay. Raises UsageError where the disk
        refuses."""
        path = self.path(name)
        try:
            with self.turn():
                if chat.tree is None and (tree := _tree_in(path)) is not None:
                    chat = replace(chat, tree=grown(tree, chat.messages))
                write_whole(path, chat_text(chat))
        except OSError as error:
            raise UsageError(f"The chat was not saved in {path}: {error.strerror}.") from None
        return path

    def load(self, name: str) -> SavedChat:
        """The chat of that name. Raises UnknownName, UsageError for a file that holds no chat."""
        path = self.path(name)
        if not path.is_file():
            raise unknown("saved chat", path.stem, self.names(), advice=f"They are in {self.folder}.")
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ValueError("it is too large")
            return chat_in(path.read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(f"{path} holds no chat of this program: {error}.") from None


def chat_text(chat: SavedChat) -> str:
    """A chat as the text of its file."""
    value = {
        "causerie": 1,
        "saved": datetime.now().astimezone().isoformat(timespec="seconds"),
        "model": chat.model,
        "server": chat.server,
        "settings": dict(chat.settings),
        "messages": chat.messages,
    } | ({} if chat.tree is None else {"tree": chat.tree})
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def chat_in(text: bytes) -> SavedChat:
    """The chat that the text of a file holds. Raises ValueError where it holds none."""
    try:
        value = json.loads(text)
        messages, settings, tree = value["messages"], value.get("settings", {}), value.get("tree")
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not isinstance(messages, list) or not isinstance(settings, dict):
        raise ValueError("its messages are no list")
    server = value.get("server")
    server = None if server is None else str(server)
    return SavedChat(
        str(value.get("model", "")), messages, settings, server, None if tree is None else checked_tree(tree)
    )


def _tree_in(path: Path) -> Tree | None:
    """The branches of the chat in a file; None where there is no such file, or no chat in it."""
    try:
        return chat_in(path.read_bytes()).tree
    except (OSError, ValueError):
        return None


def write_whole(path: Path, text: str) -> None:
    """Writes a file for its owner alone: beside its place first, so that a full disk leaves the old one as it was, and
    through to the disk. Raises OSError."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise
    fix_names(path.parent)


def fix_names(folder: Path) -> None:
    """Has the names of a folder's files on the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def as_markdown(chat: SavedChat) -> str:
    """A chat to read: a heading for each message."""
    parts = [f"# A chat with {chat.model}"]
    parts += [f"## {str(message['role']).capitalize()}\n\n{message['content']}" for message in chat.messages]
    return "\n\n".join(parts) + "\n"

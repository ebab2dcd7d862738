"""The chats that a server keeps: files of a folder, each with a revision, by which two devices do not overwrite each
other.

The files are those of the terminal (chat/chat_files.py), and one that the terminal wrote is a chat here too. A revision
is a digest of a file, so that it changes whoever writes. Knows no request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from causerie.chat.chat_files import MOST_BYTES, ChatFolder, SavedChat, chat_in, chat_text, fix_names, write_whole
from causerie.chat.message_tree import Tree, grown, messages_of
from causerie.chat.messages import checked_chat
from causerie.errors import MessageError

MOST_CHATS = 5_000
MOST_FOLDER_BYTES = 2 << 30  # of all of them
_MOST_FIELD = 2_000  # characters of a field that the list has
_IDENTITY = ".identity"
_NO_LETTER = re.compile(r"[^\w\- .()]+")
_FLAGS = {"max_tokens": "max_new_tokens"}  # settings of the page that the terminal calls otherwise
_SETTINGS = {flag: setting for setting, flag in _FLAGS.items()}


class Conflict(Exception):
    """A chat is another one than the revision that was named; `chat` is None where there is none now."""

    def __init__(self, chat: KeptChat | None) -> None:
        super().__init__()
        self.chat = chat


class Full(Exception):
    """There is no room for the chat; the text says of what."""


@dataclass(frozen=True)
class KeptChat:
    """One chat as it lies in its file."""

    path: Path
    bytes: int
    revision: str
    tree: Tree

    @property
    def row(self) -> dict[str, Any]:
        """It without its messages."""
        fields = {name: value for name, value in self.tree.items() if name not in ("nodes", "leaf")}
        short = {name: value for name, value in fields.items() if len(repr(value)) <= _MOST_FIELD}
        return {**short, "revision": self.revision, "messages": len(self.tree["nodes"]), "bytes": self.bytes}

    def says(self, words: str) -> bool:
        """Whether its title or a message has these words, which are small."""
        title = str(self.tree.get("title", ""))
        return any(words in text.casefold() for text in (title, *(_text(node) for node in self.tree["nodes"].values())))


@dataclass(frozen=True)
class _Entry:
    """What is remembered of a file while it is the same one, as its `stamp` says; None of `id` for what is no chat."""

    stamp: tuple[int, int, int]
    id: str | None
    row: dict[str, Any]


class KeptChats:
    """The chats of one folder. Its methods read and write files, and may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = ChatFolder(folder)
        self._entries: dict[Path, _Entry] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Makes the folder. Raises OSError where nothing can be written there."""
        with self._folder.turn():
            pass

    def identity(self) -> str:
        """What tells this folder from another, so that a page does not take a chat that another folder never had for
        one that was deleted. Raises OSError."""
        path = self._folder.folder / _IDENTITY
        with self._lock, self._folder.turn():
            if not path.is_file():
                write_whole(path, secrets.token_hex(12))
            return path.read_text()

    def rows(self, words: str = "") -> tuple[list[dict[str, Any]], list[str]]:
        """The chats without their messages, the newest first, those alone that say `words` where there are some; and
        the names of files that hold no chat."""
        with self._lock:
            paths = self._paths()
            entries = dict(self._entries)
        sought = words.casefold()
        rows = [entries[path].row for path in paths.values() if not sought or _says(path, sought)]
        rows.sort(key=lambda row: _number(row.get("updated")), reverse=True)
        unreadable = sorted(path.name for path, entry in entries.items() if entry.id is None)
        return rows, [name.encode(errors="replace").decode() for name in unreadable]

    def read(self, name: str) -> KeptChat | None:
        """The chat of that id; None where there is none."""
        with self._lock:
            return self._chat(name)

    def write(self, tree: Tree, revision: str | None) -> str:
        """Puts a chat, already checked, in the place of the one with that revision, None where it is a new one; it is
        on the disk when its new revision is returned. Raises Conflict, Full, OSError."""
        with self._lock, self._folder.turn():
            former = self._chat(tree["id"])
            if (None if former is None else former.revision) != revision:
                raise Conflict(former)
            text = chat_text(_saved(tree))
            data = text.encode()
            self._check_room(former, len(data))
            path = self._free_path(str(tree.get("title") or "")) if former is None else former.path
            write_whole(path, text)
            return _revision(data)

    def delete(self, name: str, revision: str) -> None:
        """Removes the chat of that id. Raises Conflict where it has another revision, or is not there; OSError."""
        with self._lock, self._folder.turn():
            chat = self._chat(name)
            if chat is None or chat.revision != revision:
                raise Conflict(chat)
            chat.path.unlink()
            fix_names(self._folder.folder)

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> None:
        """Reads the files that changed since it was last done."""
        entries: dict[Path, _Entry] = {}
        for path, stamp in self._stamps():
            former = self._entries.get(path)
            if former is None or former.stamp != stamp:
                chat = _chat_at(path)
                former = _Entry(stamp, None if chat is None else chat.tree["id"], {} if chat is None else chat.row)
            entries[path] = former
        self._entries = entries

    def _stamps(self) -> Iterator[tuple[Path, tuple[int, int, int]]]:
        for path in self._folder.files():
            try:
                state = path.stat()
            except OSError:  # gone meanwhile
                continue
            yield path, (state.st_mtime_ns, state.st_size, state.st_ino)

    def _paths(self) -> dict[str, Path]:
        """Where each chat lies; of copies it is the one that was written last."""
        self._look()
        ordered = sorted(self._entries.items(), key=lambda each: each[1].stamp)
        return {entry.id: path for path, entry in ordered if entry.id is not None}

    def _chat(self, name: str) -> KeptChat | None:
        path = self._paths().get(name)
        return None if path is None else _chat_at(path)

    def _check_room(self, former: KeptChat | None, length: int) -> None:
        if former is None and len(self._entries) >= MOST_CHATS:
            raise Full(
                f"The server keeps {len(self._entries)} chats, and more than {MOST_CHATS} it does not. Delete some."
            )
        others = sum(entry.stamp[1] for entry in self._entries.values()) - (0 if former is None else former.bytes)
        if others + length > MOST_FOLDER_BYTES:
            raise Full(
                f"The chats that the server keeps would have {others + length} bytes; at most {MOST_FOLDER_BYTES}. "
                "Delete some."
            )

    def _free_path(self, title: str) -> Path:
        """Where a new chat with that title may lie."""
        name = _NO_LETTER.sub(" ", title).strip(" .").encode()[:120].decode(errors="ignore")
        stem = " ".join(name.split()[:12])[:80].strip(" .") or "chat"
        path, number = self._folder.path(stem), 1
        while path.exists():
            number += 1
            path = self._folder.path(f"{stem} ({number})")
        return path


def _chat_at(path: Path) -> KeptChat | None:
    """The chat in a file; None where there is none."""
    try:
        state = path.stat()
        if state.st_size > MOST_BYTES:
            return None
        text = path.read_bytes()
        chat = chat_in(text)
        tree = chat.tree or _tree_of(path.stem, chat, state.st_mtime)
        msgspec.json.encode(tree)  # half of a character, which a name or an escape may hold, cannot be told
    except (OSError, ValueError, MessageError, RecursionError):
        return None
    return KeptChat(path, len(text), _revision(text), tree)


def _tree_of(name: str, chat: SavedChat, saved: float) -> Tree:
    """The tree of a chat that has one branch, as the terminal writes them. Raises MessageError, ValueError."""
    messages = checked_chat(chat.messages) if chat.messages else []
    numbers = {flag: value for flag, value in chat.settings.items() if type(value) in (int, float)}
    tree = {
        "id": hashlib.sha256(name.encode()).hexdigest()[:24],
        "title": name,
        "created": int(saved * 1000),
        "updated": int(saved * 1000),
        "model": chat.model,
        "policy": "ask",
        "repetition": "end",
        "settings": {_SETTINGS.get(flag, flag): value for flag, value in numbers.items()},
        "nodes": {},
        "leaf": None,
    }
    return grown(tree, messages)


def _saved(tree: Tree) -> SavedChat:
    """A chat of the page as its file holds it."""
    settings = tree.get("settings")
    every = settings.items() if isinstance(settings, dict) else ()
    numbers = {name: value for name, value in every if type(value) in (int, float)}
    flags = {_FLAGS.get(name, name): value for name, value in numbers.items()}
    return SavedChat(str(tree.get("model") or ""), messages_of(tree), flags, None, tree)


def _says(path: Path, words: str) -> bool:
    chat = _chat_at(path)
    return chat is not None and chat.says(words)


def _text(node: dict[str, Any]) -> str:
    return str(node.get("text", ""))


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) else 0.0


def _revision(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:32]

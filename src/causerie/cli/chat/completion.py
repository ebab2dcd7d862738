"""What Tab can complete in the chat: commands, flags, saved chats, files. Knows no line editor."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from causerie.api.library.model_names import downloads, packaged_models
from causerie.chat.chat_files import ChatFolder
from causerie.chat.context import POLICIES
from causerie.cli.chat.commands.model_card import SUBJECTS
from causerie.cli.chat.commands.table import COMMANDS
from causerie.cli.options.generate_flags import FLAGS

_MOST = 200


def completions(line: str, chats: ChatFolder) -> tuple[str, Iterable[str]]:
    """The word that the line ends in, and what it could become; nothing inside a message."""
    if line[:1] not in ("/", "!"):
        return "", ()
    name, space, rest = line[1:].partition(" ")
    if not space:
        return name, [known for known in COMMANDS if known.startswith(name)]
    if name in ("set", "retry", "unset"):
        word = rest.rpartition(" ")[2]
        ending = "" if name == "unset" else "="
        return word, [flag + ending for flag in FLAGS if flag.startswith(word)]
    if name in ("load", "save"):
        return rest, [known for known in chats.names() if known.startswith(rest)]
    if name in ("file", "export"):
        return rest, _paths(rest)
    if name in ("model", "compare"):
        known = [each for each in (*packaged_models(), *downloads()) if each.startswith(rest)]
        return rest, known + [path for path in _paths(rest) if path.endswith("/")]
    if name == "reasoning":
        return rest, [word for word in ("fold", "show") if word.startswith(rest)]
    if name == "context":
        return rest, [word for word in ("ask", *POLICIES) if word.startswith(rest)]
    if name in ("think", "probs"):
        return rest, [word for word in ("on", "off") if word.startswith(rest)]
    if name == "show":
        return rest, [word for word in SUBJECTS if word.startswith(rest)]
    return "", ()


def _paths(begun: str) -> list[str]:
    """Files and folders whose names begin so, as they would be typed."""
    folder, slash, name = begun.rpartition("/")
    where = Path(f"{folder}{slash}" or ".").expanduser()
    try:
        entries = sorted(where.iterdir())[: 10 * _MOST]
    except OSError:
        return []
    hidden = name.startswith(".")
    names = [path.name + ("/" if path.is_dir() else "") for path in entries if hidden or not path.name.startswith(".")]
    return [f"{folder}{slash}{each}" for each in names if each.startswith(name)][:_MOST]

"""Commands about files: chats that are saved and loaded, texts that are sent, and exports."""

from __future__ import annotations

from pathlib import Path

from causerie.chat.chat_files import ChatFolder, as_markdown, write_whole
from causerie.cli.chat.commands.command import Session
from causerie.cli.chat.text_files import listed, texts_of
from causerie.errors import UsageError


def save_chat(session: Session, name: str) -> None:
    """/save, under the name it has or one that is given."""
    path = session.save(name)
    session.screen.line(f"Saved in {path}", "dim")
    session.screen.line()


def load_chat(session: Session, name: str) -> None:
    """/load NAME."""
    if not name:
        raise UsageError("load wants the name of a saved chat; /list shows them.")
    session.load(name)


def list_chats(session: Session, _: str) -> None:
    """/list: the saved chats, the latest first."""
    names = session.chats.names()
    for name in names[:50]:
        session.screen.line(f"  {name}")
    if not names:
        session.screen.line(f"No chat is saved in {session.chats.folder}.", "dim")
    session.screen.line()


def attach_files(session: Session, pattern: str) -> None:
    """/file PATH: the texts of a name or a pattern go with the next message."""
    if not pattern:
        raise UsageError("file wants the name of a text file, or a pattern such as src/*.py.")
    texts, left_out = texts_of(pattern)
    for path, text in texts:
        session.attach(path, text)
    goes = "goes" if len(texts) == 1 else "go"
    session.screen.line(f"{', '.join(path.name for path, _ in texts)}: {goes} with your next message.", "dim")
    if left_out:
        session.screen.line(f"Left out: {listed(left_out)}.", "notice")
    session.screen.line()


def export_chat(session: Session, name: str) -> None:
    """/export FILE: Markdown for people, JSON for programs; never over a file that is there."""
    path = Path(name).expanduser()
    if path.suffix not in (".md", ".json"):
        raise UsageError("export wants a file that ends in .md or .json, such as /export chat.md.")
    if path.exists():
        raise UsageError(f"{path} is there already; name another file.")
    chat = session.saved()
    if path.suffix == ".json":
        ChatFolder(path.parent).save(path.stem, chat)
    else:
        try:
            write_whole(path, as_markdown(chat))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    session.screen.line(f"Written: {path}", "dim")
    session.screen.line()

"""The command that asks about this program, beside the chat."""

from __future__ import annotations

from causerie.cli.chat.commands.command import Session
from causerie.errors import UsageError


def ask(session: Session, question: str) -> None:
    """/ask QUESTION. The chat, its files and what /stats tells stay as they are."""
    if not question:
        raise UsageError("/ask wants a question about this program, such as /ask How do I set the temperature?")
    with session.keyboard.silent():
        reply = session.program_help.reply(question)
        try:
            for piece in reply:
                if isinstance(piece, str):
                    session.screen.piece(piece)
        except KeyboardInterrupt:
            reply.stop()
        session.screen.end_piece()
    session.screen.line()

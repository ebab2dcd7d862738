"""Where the chat's lines come from: an edited line on a terminal, a plain one elsewhere. Knows no chat."""

from __future__ import annotations

import re
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.output import Output


class Keyboard(Protocol):
    """What a terminal chat reads from."""

    def read(self) -> str:
        """The next line, without its end. Raises EOFError at the end of input, KeyboardInterrupt on Ctrl-C."""
        ...

    def silent(self) -> AbstractContextManager[None]:
        """While its body runs, what is typed is not shown, so that it cannot mix with an answer; it is read later."""
        ...


class PlainKeyboard:
    """Lines of a stream, after a prompt on `out`: for dumb terminals and for input that is not a terminal."""

    def __init__(self, source: TextIO, out: TextIO, prompt: str) -> None:
        self._source = source
        self._out = out
        self._prompt = prompt

    def read(self) -> str:
        """See Keyboard."""
        self._out.write(self._prompt)
        self._out.flush()
        line = self._source.readline()
        if not line:
            self._out.write("\n")
            raise EOFError
        return whole_characters(line.removesuffix("\n"))

    def silent(self) -> AbstractContextManager[None]:
        """See Keyboard."""
        return nullcontext()


class EditedKeyboard:
    """Line editing, history with the arrow keys and its search with Ctrl-R; Alt-Enter begins a new line, and pasted
    lines stay one message. The history lives as long as the object."""

    def __init__(self, prompt: str, *, color: bool, input: Input | None = None, output: Output | None = None) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.formatted_text import FormattedText
        from prompt_toolkit.output import ColorDepth

        self._session: PromptSession[str] = PromptSession(
            FormattedText([("bold fg:ansigreen" if color else "", prompt)]),
            key_bindings=_keys(),
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
            prompt_continuation=" " * len(prompt),
            reserve_space_for_menu=0,  # there is none; the room would push the chat up
            input=input,
            output=output,
        )

    def read(self) -> str:
        """See Keyboard."""
        return whole_characters(self._session.prompt())

    @contextmanager
    def silent(self) -> Iterator[None]:
        """See Keyboard."""
        try:
            before = termios.tcgetattr(sys.stdin)
        except (termios.error, ValueError, OSError):  # the standard input is not what is typed into
            yield
            return
        quiet = [*before[:3], before[3] & ~termios.ECHO, *before[4:]]
        try:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, quiet)
            yield
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


def whole_characters(text: str) -> str:
    """Bytes that were not UTF-8 reach Python as lone surrogates, which no tokenizer takes: they become U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def prepare() -> None:
    """Begins to import the line editor beside the loading of a model: it takes as long as a small model does."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        threading.Thread(target=import_module, args=("prompt_toolkit",), daemon=True).start()


def keyboard(prompt: str, *, color: bool, plain: bool) -> Keyboard:
    """The best keyboard for this process's own input and output; `plain` where its terminal cannot move a cursor."""
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return PlainKeyboard(sys.stdin, sys.stdout, prompt)
    return EditedKeyboard(prompt, color=color)

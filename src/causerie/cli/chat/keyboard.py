"""Where the chat's lines come from: an edited line on a terminal, a plain one elsewhere. Knows no chat."""

from __future__ import annotations

import re
import sys
import termios
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from causerie.errors import UsageError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.output import Output

Complete = Callable[[str], tuple[str, Iterable[str]]]
"""From a line up to the cursor: the word that was begun, and what it could become."""


class LineDropped(KeyboardInterrupt):
    """Ctrl-C after something was typed into the line. `in_history` says that the arrow key up brings it back."""

    def __init__(self, *, in_history: bool) -> None:
        super().__init__()
        self.in_history = in_history


class Keyboard(Protocol):
    """What a terminal chat reads from."""

    def read(self) -> str:
        """The next line, without its end. Raises EOFError at the end of input, KeyboardInterrupt on Ctrl-C, and
        LineDropped, which is one, where a line was begun."""
        ...

    def edit(self, text: str) -> str:
        """`text` as the user changes it. Raises UsageError where it cannot be changed, EOFError, KeyboardInterrupt."""
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

    def edit(self, text: str) -> str:
        """See Keyboard."""
        raise UsageError("This terminal cannot edit a line; write the new text after /edit.")

    def silent(self) -> AbstractContextManager[None]:
        """See Keyboard."""
        return nullcontext()


class EditedKeyboard:
    """Line editing, history with the arrow keys and its search with Ctrl-R; Alt-Enter begins a new line, Ctrl-X Ctrl-E
    opens the user's editor, pasted lines stay one message, Tab completes with `complete`. The history is kept in a file
    where one is named."""

    def __init__(
        self,
        prompt: str,
        *,
        color: bool,
        history: Path | None = None,
        complete: Complete | None = None,
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.formatted_text import FormattedText
        from prompt_toolkit.output import ColorDepth
        from prompt_toolkit.shortcuts import CompleteStyle

        self._session: PromptSession[str] = PromptSession(
            FormattedText([("bold fg:ansigreen" if color else "", prompt)]),
            key_bindings=_keys(),
            color_depth=None if color else ColorDepth.DEPTH_1_BIT,
            prompt_continuation=" " * len(prompt),
            reserve_space_for_menu=0,  # completions are listed below; the room would push the chat up
            complete_style=CompleteStyle.READLINE_LIKE,
            complete_while_typing=False,
            completer=None if complete is None else _completer(complete),
            history=None if history is None else _history(history),
            enable_open_in_editor=True,
            tempfile_suffix=".md",
            input=input,
            output=output,
        )
        self._typed = False  # whether this line has been touched
        self._session.default_buffer.on_text_changed += self._touch

    def _touch(self, _: Any) -> None:
        self._typed = True

    def read(self) -> str:
        """See Keyboard."""
        self._typed = False
        try:
            return whole_characters(self._session.prompt())
        except KeyboardInterrupt:
            if not self._typed:
                raise
            draft = self._session.default_buffer
            draft.append_to_history()
            raise LineDropped(in_history=bool(draft.text)) from None

    def edit(self, text: str) -> str:
        """See Keyboard."""
        return whole_characters(self._session.prompt(default=text))

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


def _history(path: Path) -> History:
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # what somebody wrote is for nobody else
    except OSError:
        return InMemoryHistory()  # a chat without a history is still a chat
    return FileHistory(str(path))


def _completer(complete: Complete) -> Completer:
    from prompt_toolkit.completion import Completer, Completion

    class Words(Completer):
        def get_completions(self, document: Any, _: Any) -> Iterator[Completion]:
            begun, words = complete(document.text_before_cursor)
            for word in words:
                yield Completion(word, start_position=-len(begun))

    return Words()


def whole_characters(text: str) -> str:
    """Bytes that were not UTF-8 reach Python as lone surrogates, which no tokenizer takes: they become U+FFFD."""
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def prepare() -> None:
    """Begins to import the line editor beside the loading of a model: it takes as long as a small model does."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        threading.Thread(target=import_module, args=("prompt_toolkit",), daemon=True).start()


def keyboard(
    prompt: str, *, color: bool, plain: bool, history: Path | None = None, complete: Complete | None = None
) -> Keyboard:
    """The best keyboard for this process's own input and output; `plain` where its terminal cannot move a cursor."""
    if plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return PlainKeyboard(sys.stdin, sys.stdout, prompt)
    return EditedKeyboard(prompt, color=color, history=history, complete=complete)

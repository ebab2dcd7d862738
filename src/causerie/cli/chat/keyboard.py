"""Where the chat's lines come from: an edited line on a terminal, a plain one elsewhere. Knows no chat."""

from __future__ import annotations

import re
import select
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
    from prompt_toolkit.application import Application
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


TYPED_AHEAD = 0.1
"""Seconds from which on what a line is asked for brings was not typed before."""
_SOFT = "\u200b\n"
"""A line's end in a text that is edited where the text has a space."""


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

        self._prompt = prompt
        self._session: PromptSession[str] = PromptSession(
            FormattedText([("bold fg:ansigreen" if color else "", prompt)]),
            key_bindings=self._keys(),
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
        self._typed_ahead = False  # whether what is read now was typed before the line was asked for
        self._session.default_buffer.on_text_changed += self._touch

    def _touch(self, _: Any) -> None:
        self._typed = True

    def read(self) -> str:
        """See Keyboard."""
        self._typed = False
        self._typed_ahead = _waits(self._session.app)
        try:
            return whole_characters(self._session.prompt(pre_run=self._attend))
        except KeyboardInterrupt:
            if not self._typed:
                raise
            draft = self._session.default_buffer
            draft.append_to_history()
            raise LineDropped(in_history=bool(draft.text)) from None

    def edit(self, text: str) -> str:
        """See Keyboard. Lines end between words, and where the text has no line's end the answer has none either."""
        width = self._session.output.get_size().columns - len(self._prompt) - 1
        edited = self._session.prompt(default=soft_wrapped(text, max(20, width)))
        return whole_characters(edited.replace(_SOFT, " ").replace("\u200b", ""))

    def _attend(self) -> None:
        """From a moment on, what comes is typed or pasted now."""

        def attend() -> None:
            self._typed_ahead = False

        loop = self._session.app.loop
        if loop is not None:
            loop.call_later(TYPED_AHEAD, attend)

    def _keys(self) -> KeyBindings:
        from prompt_toolkit.enums import DEFAULT_BUFFER
        from prompt_toolkit.filters import has_focus
        from prompt_toolkit.key_binding import KeyBindings

        keys = KeyBindings()

        @keys.add("escape", "enter")
        def new_line(event: KeyPressEvent) -> None:
            event.current_buffer.insert_text("\n")

        @keys.add("enter", filter=has_focus(DEFAULT_BUFFER))
        def end_line(event: KeyPressEvent) -> None:
            """Sends the line, unless more comes at once, as from a paste that its terminal does not mark as one."""
            # Answers of the terminal itself may wait there too; they are no characters.
            pasted = any(len(str(press.key)) == 1 for press in event.app.key_processor.input_queue)
            if pasted and not self._typed_ahead:
                event.current_buffer.insert_text("\n")
            else:
                event.current_buffer.validate_and_handle()

        return keys

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


def _waits(app: Application[str]) -> bool:
    """Whether input is there."""
    return bool(select.select([app.input.fileno()], [], [], 0)[0])


def soft_wrapped(text: str, width: int) -> str:
    """Text whose lines have `width` columns at most, broken at spaces alone; such a space becomes _SOFT."""
    from prompt_toolkit.utils import get_cwidth

    lines = []
    for line in text.split("\n"):
        first, *words = line.split(" ")
        parts = [first]
        for word in words:
            longer = f"{parts[-1]} {word}"
            if get_cwidth(longer) <= width or not parts[-1].strip():
                parts[-1] = longer
            else:
                parts.append(word)
        lines.append(_SOFT.join(parts))
    return "\n".join(lines)


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

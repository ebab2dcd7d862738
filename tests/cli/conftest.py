"""A command in a process of its own, and a terminal to run it in."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fcntl import ioctl
from pathlib import Path

import pytest

import causerie

SOURCE = Path(causerie.__file__).parent.parent
COMMAND = [sys.executable, "-m", "causerie.cli.main"]


DATA = tempfile.mkdtemp(prefix="causerie-test-")  # chats and history of what runs in a terminal here


def environment(**settings: str) -> dict[str, str]:
    own = {
        "PYTHONPATH": str(SOURCE),
        "OMP_NUM_THREADS": "1",
        "TERM": "xterm-256color",
        "CAUSERIE_DATA": DATA,
        "CAUSERIE_CACHE": DATA,
    }
    # The size of a pseudoterminal is its own, not that of the terminal that the tests were started in.
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**inherited, **own, **settings}


@pytest.fixture(scope="session")
def model_name() -> str:
    """A real model, small enough for every test."""
    if not (Path(causerie.builtin_model_path()) / "config.json").is_file():
        pytest.skip("the built-in model is not in this tree")
    return "builtin"


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """`command(*words, stdin=b"")`: the finished process of a `causerie` command."""

    def run(*words: str, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [*COMMAND, *words], input=stdin, capture_output=True, timeout=120, env=environment(**settings)
        )

    return run


class Pseudoterminal:
    """A process that believes it is in a terminal. `wait_for` reads what it shows until a pattern is there."""

    def __init__(self, words: list[str], columns: int = 80, **settings: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self._process = subprocess.Popen(
            words, stdin=slave, stdout=slave, stderr=slave, env=environment(**settings), start_new_session=True
        )
        os.close(slave)
        self._seen = ""
        self.text = ""
        """All that was shown, without escape sequences and carriage returns."""

    def wait_for(self, pattern: str, seconds: float = 60.0) -> str:
        """What was shown up to the end of the first match after the last one."""
        begun = time.monotonic()
        while not (match := re.search(pattern, self._seen)):
            left = begun + seconds - time.monotonic()
            assert left > 0 and self._read(left), f"no {pattern!r} in {self._seen!r}"
        self._seen, shown = self._seen[match.end() :], self._seen[: match.end()]
        return shown

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def interrupt(self) -> None:
        """Ctrl-C while no line is being edited: the terminal would send the signal."""
        self._process.send_signal(signal.SIGINT)

    def end(self, seconds: float = 60.0) -> int:
        """The exit code, once the process has ended by itself."""
        while self._read(seconds):
            pass
        return self._process.wait(seconds)

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._master)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux says so when the other side is closed
            return False
        if b"\x1b[6n" in data:  # the line editor asks where the cursor is
            os.write(self._master, b"\x1b[1;1R")
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", data.decode("utf-8", "replace"))
        self._seen += shown
        self.text += shown
        return bool(data)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Pseudoterminal]]:
    """`terminal(*words, columns=80)`: a `causerie` command in a terminal; it is ended with the test."""
    with ExitStack() as opened:

        def start(*words: str, columns: int = 80, **settings: str) -> Pseudoterminal:
            made = Pseudoterminal([*COMMAND, *words], columns, **settings)
            opened.callback(made.close)
            return made

        yield start

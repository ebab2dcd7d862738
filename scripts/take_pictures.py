#!/usr/bin/env python3
"""Makes the pictures of the documentation: the chat in a terminal (SVG) and the page in Chromium (PNG).

    python scripts/take_pictures.py      writes docs/pictures/

The terminal chat is the real one with the built-in model; only what is typed comes from here. The page is opened from a
real server, which needs Chromium and what tests need.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
COLUMNS = 88
TYPED = ("How do I start a chat?", "And with another model?", "/retry temperature=0.7 seed=3", "/branch", "/status")


class Typist:
    """A keyboard whose lines are written here, shown as a person's would be."""

    def __init__(self, out: io.StringIO) -> None:
        self._out = out
        self._lines = list(TYPED)

    def read(self) -> str:
        """See cli.keyboard.Keyboard."""
        if not self._lines:
            raise EOFError
        line = self._lines.pop(0)
        self._out.write(f"\x1b[1;32m> \x1b[0m{line}\n")
        return line

    def edit(self, text: str) -> str:
        """See cli.keyboard.Keyboard."""
        return text

    @contextmanager
    def silent(self) -> Iterator[None]:
        """See cli.keyboard.Keyboard."""
        yield


def terminal_picture() -> None:
    """The chat as SVG."""
    from rich.console import Console
    from rich.text import Text

    from causerie.api.generation.config import GenerationConfig
    from causerie.chat.chat_files import ChatFolder
    from causerie.cli.chat.terminal import Terminal
    from causerie.cli.conversation.model_conversation import ModelChoice, open_conversation
    from causerie.cli.screen.screen import Screen

    out = io.StringIO()
    screen = Screen(out, color=True, live=True, columns=lambda: COLUMNS)
    with open_conversation(ModelChoice("builtin", progress=False), GenerationConfig(), None) as conversation:
        header = (f"Causerie · {conversation.description}", "Write a message. help lists the commands, exit leaves.")
        Terminal(conversation, Typist(out), screen, header, ChatFolder(Path(tempfile.mkdtemp()))).run()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(_taken_back(out.getvalue())))
    drawn = console.export_svg(title="causerie chat")
    # Without fonts from elsewhere: the reader's own monospace will do.
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL).replace("Fira Code", "monospace")
    (PICTURES / "terminal.svg").write_text(drawn, encoding="utf-8")


def _taken_back(text: str) -> str:
    """What a terminal shows of words that were taken back to the next line, and of lines that were cleared."""
    while moved := re.search(r"\x1b\[(\d+)D\x1b\[K", text):
        text = text[: moved.start() - int(moved[1])] + text[moved.end() :]
    return re.sub(r"[^\n]*\r\x1b\[K", "", text)


def page_pictures() -> None:
    """The page, wide and light, narrow and dark."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT))
    from tests.page.chromium import chromium_path, launched
    from tests.page.test_page import open_page, say, whole
    from tests.server.server_process import start

    if chromium_path() is None:
        raise SystemExit("There is no Chromium here: apt-get install chromium.")
    server = start(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = launched(playwright)
            page = browser.new_page(viewport={"width": 1100, "height": 700})
            open_page(page, server.url)
            for text in ("How do I start a chat?", "What is a token?"):
                say(page, text)
            page.click(".turn.last [aria-label='Answer again']")
            page.wait_for_selector(".turn.last [aria-label='Earlier version']")
            whole(page)
            time.sleep(0.3)
            page.screenshot(path=PICTURES / "page.png")
            page.keyboard.press("Alt+s")
            page.screenshot(path=PICTURES / "page-settings.png")
            page.keyboard.press("Escape")
            page.set_viewport_size({"width": 390, "height": 700})
            page.evaluate("() => { document.activeElement.blur(); document.documentElement.dataset.theme = 'dark'; }")
            time.sleep(0.3)
            page.screenshot(path=PICTURES / "page-phone.png")
            browser.close()
    finally:
        server.stop()


def main() -> None:
    """Writes all pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    terminal_picture()
    page_pictures()
    if optimizer := shutil.which("optipng"):
        subprocess.run([optimizer, "-quiet", *map(str, PICTURES.glob("*.png"))], check=True)


if __name__ == "__main__":
    main()

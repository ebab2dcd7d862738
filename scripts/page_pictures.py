#!/usr/bin/env python3
"""Takes a picture of each state of the page, in light, in dark and as wide as a phone, from a server whose answers are
written in tests/page/states.py.

    python scripts/page_pictures.py FOLDER [STATE …]      writes FOLDER/STATE-light.png, -dark.png, -phone.png

Needs Chromium and what tests need.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from tests.page.chromium import launched  # noqa: E402
from tests.page.scripted import ScriptedServer  # noqa: E402
from tests.page.states import LOOKS, MODEL, STATES  # noqa: E402


def picture(browser: Browser, look: str, name: str, folder: Path) -> None:
    """One state in one look, from a server of its own."""
    server = ScriptedServer()
    server.models = [dict(MODEL)]
    server.start()
    shown = browser.new_context(**LOOKS[look])
    page = shown.new_page()
    page.set_default_timeout(20_000)
    page.goto(server.url)
    page.wait_for_selector("body[data-ready]")
    STATES[name](page, server)
    page.wait_for_timeout(400)
    page.screenshot(path=folder / f"{name}-{look}.png")
    shown.close()
    if name != "error":
        server.stop()


def main() -> None:
    """Takes the pictures of the states that are named, or of all."""
    folder, names = Path(sys.argv[1]), sys.argv[2:] or list(STATES)
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launched(playwright)
        for name in names:
            for look in LOOKS:
                picture(browser, look, name, folder)
        browser.close()


if __name__ == "__main__":
    main()

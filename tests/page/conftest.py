"""Chromium, and the servers that the page is opened from."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.page.chromium import chromium_path, launched
from tests.page.scripted import ScriptedServer
from tests.server.server_process import Server, serving


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser. CI may not go without: there CAUSERIE_TEST_CHROMIUM is set. It ends with its module, since what drives
    it keeps an event loop running in this thread, where other tests run theirs."""
    path = chromium_path()
    if path is None and not os.environ.get("CAUSERIE_TEST_CHROMIUM"):
        pytest.skip("no Chromium on this machine; install the package chromium")
    assert path is not None, "Chromium must be there: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = launched(playwright, path)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of its own, with storage of its own. What goes wrong in its script, or is asked for from elsewhere, fails
    the test."""
    context = chromium.new_context(viewport={"width": 1100, "height": 800})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    faults: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda request: _from_here(request.url) or faults.append(f"asked for {request.url}"))
    opened.set_default_timeout(10_000)
    yield opened
    context.close()
    assert not faults, faults


def _from_here(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "blob:", "data:"))


@pytest.fixture
def scripted() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`causerie serve` with the built-in model and a key."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "keys").write_text("open sesame\n")
    with serving(folder, "--api-key-file", str(folder / "keys")) as started:
        yield started

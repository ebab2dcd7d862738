"""Chats that the server keeps, in the pages of two devices: the same ones, whatever each did apart from the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from causerie.server.http.kept_chats import KeptChats
from tests.page.scripted import ScriptedServer
from tests.page.test_chat_list import choose, titles
from tests.page.test_page import open_page, say

ROUTES = re.compile(r":\d+/chats")
LOOK = "document.dispatchEvent(new Event('visibilitychange'))"


class Device:
    """A page with storage of its own, and whether it reaches the server's chats."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.context = browser.new_context(viewport={"width": 1100, "height": 800})
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        open_page(self.page, url)

    def leave(self) -> None:
        self.page.route(ROUTES, lambda route: route.abort())

    def come_back(self) -> None:
        self.page.unroute(ROUTES)
        self.look()

    def look(self) -> None:
        self.page.evaluate(LOOK)


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    server.chats = KeptChats(tmp_path / "chats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def device(chromium: Browser, keeper: ScriptedServer) -> Iterator[Callable[[], Device]]:
    made: list[Device] = []

    def make() -> Device:
        made.append(Device(chromium, keeper.url))
        return made[-1]

    yield make
    for each in made:
        each.context.close()


def trees(keeper: ScriptedServer) -> list[dict[str, Any]]:
    """The chats in the server's folder."""
    assert keeper.chats is not None
    chats = [keeper.chats.read(row["id"]) for row in keeper.chats.rows()[0]]
    return [chat.tree for chat in chats if chat is not None]


def wait(device: Device, keeper: ScriptedServer, told: dict[str, int], pinned: bool = False) -> None:
    """Until the server's folder has these chats, with so many messages each, and one is pinned or none."""
    for _ in range(200):
        chats = trees(keeper)
        counts = {tree["title"]: len(tree["nodes"]) for tree in chats}
        if counts == told and any(tree["pinned"] for tree in chats) == pinned:
            return
        device.page.wait_for_timeout(50)
    raise AssertionError(trees(keeper))


def test_two_devices_have_the_same_chats(keeper: ScriptedServer, device: Callable[[], Device]) -> None:
    desk = device()
    say(desk.page, "from the desk")
    wait(desk, keeper, {"from the desk": 2})
    (tree,) = trees(keeper)
    assert [node["text"] for node in tree["nodes"].values()] == ["from the desk", "Hello."]
    phone = device()
    expect(titles(phone.page)).to_have_text(["from the desk"])
    titles(phone.page).click()
    say(phone.page, "and from the phone")
    choose(phone.page, "from the desk", "Pin")
    wait(phone, keeper, {"from the desk": 4}, pinned=True)
    desk.look()
    expect(desk.page.locator(".bubble")).to_have_text(["from the desk", "and from the phone"])
    expect(desk.page.locator(".chats h3")).to_have_text(["Pinned"])
    choose(desk.page, "from the desk", "Delete")
    wait(desk, keeper, {})
    phone.look()
    expect(titles(phone.page)).to_have_count(0)
    expect(phone.page.locator(".turn")).to_have_count(0)
    desk.page.click(".toast button")
    wait(desk, keeper, {"from the desk": 4}, pinned=True)
    phone.look()
    expect(titles(phone.page)).to_have_text(["from the desk"])


def test_what_both_said_apart_is_all_there(keeper: ScriptedServer, device: Callable[[], Device]) -> None:
    """One is away and goes on with what it has; the other too. A chat that one deleted, and in which the other said
    something, comes back."""
    desk = device()
    say(desk.page, "first")
    desk.page.keyboard.press("Alt+n")
    say(desk.page, "second")
    wait(desk, keeper, {"first": 2, "second": 2})
    phone = device()
    expect(titles(phone.page)).to_have_text(["second", "first"])
    phone.leave()
    titles(phone.page).nth(1).click()
    say(phone.page, "on the phone, away")
    choose(phone.page, "second", "Delete")
    choose(phone.page, "first", "Rename")
    phone.page.fill(".chats .name", "renamed")
    phone.page.keyboard.press("Enter")
    say(desk.page, "more of the second")
    titles(desk.page).nth(1).click()
    say(desk.page, "at the desk, later")
    wait(desk, keeper, {"first": 4, "second": 4})
    phone.come_back()
    expect(titles(phone.page)).to_have_text(["renamed", "second"])
    desk.look()
    expect(titles(desk.page)).to_have_text(["renamed", "second"])
    for page in (phone.page, desk.page):
        chats = page.evaluate("import('/page/scripts/store.js').then((m) => m.allChats())")
        said = {
            chat["title"]: {node["text"] for node in chat["nodes"].values() if node["role"] == "user"} for chat in chats
        }
        both = {"first", "on the phone, away", "at the desk, later"}
        assert said == {"renamed": both, "second": {"second", "more of the second"}}
    wait(desk, keeper, {"renamed": 6, "second": 4})


def test_another_folder_takes_no_chat_away(
    keeper: ScriptedServer, device: Callable[[], Device], tmp_path: Path
) -> None:
    desk = device()
    say(desk.page, "kept")
    wait(desk, keeper, {"kept": 2})
    keeper.stop()
    keeper.chats = KeptChats(tmp_path / "other")
    keeper.start()
    desk.page.reload()
    desk.page.wait_for_selector("body[data-ready]")
    wait(desk, keeper, {"kept": 2})
    expect(titles(desk.page)).to_have_text(["kept"])


def test_what_the_server_refuses_stays_in_the_browser(keeper: ScriptedServer, device: Callable[[], Device]) -> None:
    desk = device()
    full = {"error": {"message": "There is no room.", "code": "chats_full"}}
    answered: list[Route] = []

    def refuse(route: Route) -> None:
        answered.append(route)
        route.fulfill(status=507, json=full)

    desk.page.route(re.compile(r":\d+/chats/"), refuse)
    say(desk.page, "Hi")
    notice = desk.page.locator(".notice")
    expect(notice).to_have_text("The server does not keep “Hi”, this browser does: There is no room.")
    notice.locator("button").click()
    asked = len(answered)
    desk.look()
    desk.page.wait_for_timeout(500)
    assert len(answered) == asked  # the same again is not asked again
    desk.page.reload()
    expect(titles(desk.page)).to_have_text(["Hi"])

"""The page for everybody: the rules of axe-core on its states, in light and in dark, and the way by keys alone."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.states import LOOKS, MODEL, STATES
from tests.page.test_page import open_page, say

RULES = (files("axe_playwright_python") / "axe.min.js").read_text()
USUAL = ("empty", "chat", "full", "settings", "select")  # the others take longer to come about
EVERY = [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in STATES]

# Colours are judged when they have come: buttons and rows change theirs in a moment.
JUDGE = """async () => {
  const changes = document.getAnimations().filter((each) => each instanceof CSSTransition);
  await Promise.allSettled(changes.map((each) => each.finished));
  return (await axe.run(document, { resultTypes: ["violations"] })).violations
  .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}"""
PLACES = (".skip", ".side", ".bar", ".log", ".dock", ".panel")
PLACE = """(places) => places.find((place) => document.activeElement.closest(place)) ?? ''"""
FLOATS = "() => Boolean(document.activeElement.closest('.pop'))"


def judged(page: Page) -> list[str]:
    """What axe-core has against the page, in light and in dark."""
    faults: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        faults += [f"{scheme}: {fault}" for fault in page.evaluate(JUDGE)]
    return faults


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("look", ["light", pytest.param("phone", marks=pytest.mark.slow)])
def test_a_state_keeps_the_rules(chromium: Browser, scripted: ScriptedServer, name: str, look: str) -> None:
    scripted.models = [dict(MODEL)]
    fields: dict[str, Any] = LOOKS[look]
    context = chromium.new_context(**fields)
    page = context.new_page()
    page.set_default_timeout(20_000)
    open_page(page, scripted.url)
    STATES[name](page, scripted)
    page.evaluate(RULES)
    assert judged(page) == []
    context.close()
    if name == "error":  # which has stopped the server
        scripted.start()


def test_tab_goes_from_the_list_to_the_settings(page: Page, scripted: ScriptedServer) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    open_page(page, scripted.url)
    say(page, "Hi")
    page.keyboard.press("Alt+s")
    expect(page.locator(".panel")).to_be_visible()
    page.locator(".skip").focus()
    order = [page.evaluate(PLACE, PLACES)]
    for _ in range(80):
        page.keyboard.press("Tab")
        place = page.evaluate(PLACE, PLACES)
        if not place:
            break
        if place != order[-1]:
            order.append(place)
    assert order == list(PLACES)


def test_what_floats_takes_the_focus_keeps_it_and_gives_it_back(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "Hi")
    for opener in (".pick", ".ring", ".speed", ".chats .more", "[aria-label='Language']"):
        page.locator(opener).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".pop")).to_have_count(1)
        for _ in range(6):
            assert page.evaluate(FLOATS), opener
            page.keyboard.press("Tab")
        for _ in range(3):
            page.keyboard.press("Shift+Tab")
            assert page.evaluate(FLOATS), opener
        page.keyboard.press("Escape")
        expect(page.locator(".pop")).to_have_count(0)
        expect(page.locator(opener)).to_be_focused()


def test_keys_with_alt_open_models_settings_and_a_new_chat(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "Hi")
    page.keyboard.press("Alt+m")
    expect(page.get_by_role("searchbox", name="Search models")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.press("Alt+s")
    expect(page.locator(".panel")).to_be_visible()
    page.keyboard.press("Alt+n")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_have_accessible_name("New chat")


def test_where_chats_go_is_said_truly(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    expect(page.locator(".under")).to_contain_text("Nothing leaves this machine")
    said = """async (hosts) => { const { whereChatsGo } = await import("/page/scripts/composer/destination.js");
      return hosts.map(whereChatsGo); }"""
    here, away = ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"], ["192.168.1.20", "desk.local", "127.example.org"]
    assert page.evaluate(said, here) == ["Nothing leaves this machine"] * len(here)
    assert page.evaluate(said, away) == [f"Your chats go to {host} alone" for host in away]


def test_text_is_copied_where_the_browser_gives_no_clipboard(page: Page, scripted: ScriptedServer) -> None:
    page.add_init_script("window.clip = navigator.clipboard; Object.defineProperty(navigator, 'clipboard', {});")
    open_page(page, scripted.url)
    say(page, "Hi")
    page.keyboard.press("Alt+c")
    expect(page.locator("[data-slot=announcements]")).to_have_text("Copied")
    assert page.evaluate("window.clip.readText()") == "Hello."
    expect(page.locator("#text")).to_be_focused()


def test_a_page_that_has_no_key_asks_for_one_thing(page: Page, scripted: ScriptedServer) -> None:
    asked: list[str] = []
    page.route("**/v1/models", lambda route: route.fulfill(status=401, json={"error": {"message": "a key"}}))
    page.on("response", lambda response: asked.append(response.url) if response.status >= 400 else None)
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/downloads") else None)
    open_page(page, scripted.url)
    expect(page.get_by_label("API key").last).to_be_visible()
    assert asked == [f"{scripted.url}v1/models"]
    page.unroute("**/v1/models")
    page.fill("[aria-label='API key'] input", "open sesame")
    with page.expect_response("**/library/downloads"):
        page.click("text=Use it")

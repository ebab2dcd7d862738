"""The list of chats at the side: pins, folders, search, names, several chosen, deletion with a way back; by pointer,
keys and touch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import ask, open_page, say

SAVE = """async (chats) => {
  const store = await import("/page/scripts/store.js");
  for (const [place, fields] of chats.entries()) {
    const chat = { ...store.newChat("scripted"), ...fields, updated: Date.now() - place * 1000 };
    for (const text of [fields.text ?? fields.title].flat()) store.add(chat, chat.leaf, "user", { text });
    delete chat.text;
    await store.saveChat(chat);
  }
}"""


@pytest.fixture
def listed(page: Page, scripted: ScriptedServer) -> Callable[..., Page]:
    """Opens the page with these chats kept, the newest first."""

    def opened(*chats: dict[str, object] | str) -> Page:
        open_page(page, scripted.url)
        page.evaluate(SAVE, [{"title": chat} if isinstance(chat, str) else chat for chat in chats])
        page.reload()
        page.wait_for_selector("body[data-ready]")
        return page

    return opened


def titles(page: Page) -> Locator:
    return page.locator(".chats .open")


def choose(page: Page, name: str, entry: str) -> None:
    page.locator(".chats li", has_text=name).hover()
    page.click(f"[aria-label='More for {name}']")
    page.click(f"role=menuitem[name='{entry}']")


def kept(page: Page) -> list[dict[str, object]]:
    chats: list[dict[str, object]] = page.evaluate("import('/page/scripts/store.js').then((m) => m.allChats())")
    return chats


def test_pins_and_folders(listed: Callable[..., Page]) -> None:
    page = listed("one", "two", "three")
    choose(page, "three", "Pin")
    expect(page.locator(".chats h3")).to_have_text(["Pinned", "Today"])
    choose(page, "two", "Move to a folder")
    page.fill("[aria-label='Name of the new folder']", "House")
    page.keyboard.press("Enter")
    expect(page.locator(".chats h3")).to_have_text(["Pinned", "Folders", "Today"])
    folder = page.locator("role=button[name='House'][expanded=false]")
    expect(page.locator(".chats .folder .count")).to_have_text("1")
    folder.click()
    expect(titles(page)).to_have_text(["three", "House", "two", "one"])
    choose(page, "one", "Move to a folder")
    page.click("role=menuitem[name='House']")
    kept(page)  # read when all is written
    page.reload()
    expect(titles(page)).to_have_text(["three", "House", "one", "two"])
    page.locator(".chats .folder").hover()
    page.click("[aria-label='More for the folder House']")
    page.click("role=menuitem[name='Rename']")
    page.fill(".chats .name", "Garden")
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["three", "Garden", "one", "two"])
    expect(titles(page).nth(1)).to_be_focused()
    page.locator(".chats .folder").hover()
    page.click("[aria-label='More for the folder Garden']")
    page.click("role=menuitem[name='Remove, keep its chats']")
    expect(page.locator(".chats h3")).to_have_text(["Pinned", "Today"])
    page.click(".toast button")
    expect(page.locator(".chats h3")).to_have_text(["Pinned", "Folders"])
    kept(page)  # read when all is written
    page.reload()
    expect(titles(page)).to_have_text(["three", "Garden", "one", "two"])


def test_a_search_shows_the_hit_and_opens_its_branch(listed: Callable[..., Page]) -> None:
    page = listed("one", {"title": "two", "text": "nothing but apples, <b>pears</b> and plums"}, "apples")
    page.focus(".log")
    page.keyboard.press("/")
    expect(page.locator(".find input")).to_be_focused()
    page.keyboard.type("apples")
    expect(page.locator(".chats h3")).to_have_text("2 chats")
    expect(page.locator("[data-slot=announcements]")).to_have_text("2 chats")
    expect(page.locator(".chats .open > .cut")).to_have_text(["apples", "two"])
    expect(page.locator(".chats mark")).to_have_text(["apples", "apples"])
    expect(page.locator(".chats .hit small")).to_have_text("nothing but apples, <b>pears</b> and plums")
    page.fill(".find input", "applesauce")
    expect(page.locator(".chats h3")).to_have_text("No chat has these words")
    page.fill(".find input", "PLUMS two")
    expect(page.locator(".chats h3")).to_have_text("1 chat")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text("nothing but apples, <b>pears</b> and plums")
    page.focus(".find input")
    page.keyboard.press("Escape")
    expect(titles(page)).to_have_text(["one", "two", "apples"])


def test_a_search_leads_to_the_message(listed: Callable[..., Page]) -> None:
    texts = ["the needle", *(f"hay {straw}" for straw in range(40)), "nothing"]
    page = listed("one", {"title": "two", "text": texts})
    titles(page).nth(1).click()
    expect(page.locator(".bubble").last).to_be_in_viewport()
    page.fill(".find input", "needle")
    page.click(".chats .hit .open")
    expect(page.locator(".bubble").first).to_be_in_viewport()
    page.wait_for_timeout(200)
    expect(page.locator(".bubble").first).to_be_in_viewport()


def test_the_list_is_walked_through_by_keys(listed: Callable[..., Page]) -> None:
    page = listed("one", "two", "three")
    page.focus(".find input")
    page.keyboard.press("ArrowDown")
    expect(titles(page).nth(0)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    expect(titles(page).nth(1)).to_be_focused()
    page.keyboard.press("F2")
    page.keyboard.type("second")
    page.keyboard.press("Escape")
    expect(titles(page)).to_have_text(["one", "two", "three"])
    page.keyboard.press("F2")
    page.keyboard.type("second")
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["one", "second", "three"])
    expect(titles(page).nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[aria-label='More for second']")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("role=menuitem[name='Rename']")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("role=menuitem[name='Delete']")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[aria-label='More for second']")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Delete")
    expect(titles(page)).to_have_text(["one", "three"])
    expect(titles(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".chats [aria-current=page]")).to_have_text("three")
    expect(page.locator(".bubble")).to_have_text("three")


def test_what_is_deleted_comes_back_within_ten_seconds_and_not_later(listed: Callable[..., Page]) -> None:
    page = listed("one", "two", "three")
    page.clock.install()
    choose(page, "two", "Delete")
    expect(page.locator(".toast")).to_contain_text("“two” is deleted")
    assert [chat["title"] for chat in kept(page)] == ["one", "three"]
    page.clock.fast_forward(9_500)
    page.click(".toast button")
    expect(titles(page)).to_have_text(["one", "two", "three"])
    choose(page, "two", "Delete")
    page.mouse.move(600, 300)
    page.clock.fast_forward(10_500)
    expect(page.locator(".toast")).to_have_count(0)
    kept(page)  # read when all is written
    page.reload()
    expect(titles(page)).to_have_text(["one", "three"])


def test_an_answer_that_comes_does_not_bring_a_deleted_chat_back(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": f"w{place} "} for place in range(200)], 0.05
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".answer")).to_contain_text("w3")
    choose(page, "Hi", "Delete")
    expect(page.locator(".turn")).to_have_count(0)
    page.wait_for_timeout(300)
    expect(titles(page)).to_have_count(0)
    assert kept(page) == []
    page.click(".toast button")
    expect(titles(page)).to_have_text(["Hi"])
    titles(page).click()
    expect(page.locator(".answer")).to_contain_text("w3")


def test_several_are_chosen_moved_and_deleted(listed: Callable[..., Page]) -> None:
    page = listed("one", "two", "three", "four", "five")
    page.click("[aria-label='Choose several chats']")
    group = page.locator(".many")
    expect(group).to_have_attribute("aria-label", "0 chats chosen")
    expect(group.locator("text=Delete")).to_be_disabled()
    page.check("[aria-label='Choose two']")
    page.click("[aria-label='Choose four']", modifiers=["Shift"])
    expect(group).to_have_attribute("aria-label", "3 chats chosen")
    page.uncheck("[aria-label='Choose three']")
    group.locator("text=Move").click()
    page.fill("[aria-label='Name of the new folder']", "Numbers")
    page.keyboard.press("Enter")
    expect(group).to_be_hidden()
    expect(titles(page)).to_have_text(["Numbers", "one", "three", "five"])
    titles(page).nth(1).click(modifiers=["Control"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Control+a")
    expect(group).to_have_attribute("aria-label", "3 chats chosen")
    group.locator("text=Delete").click()
    expect(titles(page)).to_have_text(["Numbers"])
    expect(page.locator(".toast")).to_contain_text("3 chats deleted")
    page.click(".toast button")
    expect(titles(page)).to_have_count(4)
    page.click("[aria-label='Choose several chats']")
    page.focus("[aria-label='Choose one']")
    page.keyboard.press("Escape")
    expect(group).to_be_hidden()


def test_tabs_hear_of_each_other(listed: Callable[..., Page]) -> None:
    """What one tab says in a chat is in the other, and neither overwrites it."""
    page = listed("one", "two")
    other = page.context.new_page()
    open_page(other, page.url)
    titles(page).nth(0).click()
    titles(other).nth(0).click()
    say(page, "from the first tab")
    expect(other.locator(".bubble")).to_have_text(["one", "from the first tab"])
    say(other, "from the second tab")
    expect(page.locator(".bubble")).to_have_text(["one", "from the first tab", "from the second tab"])
    choose(other, "two", "Delete")
    expect(titles(page)).to_have_text(["one"])
    other.close()


def test_on_a_phone_the_list_is_a_drawer(chromium: Browser, scripted: ScriptedServer) -> None:
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, reduced_motion="reduce"
    )
    page = context.new_page()
    open_page(page, scripted.url)
    say(page, "Hi")
    drawer = page.locator("role=navigation[name='Chats']")
    expect(drawer).to_be_hidden()
    page.click("[aria-label='Chats'][aria-expanded]")
    expect(page.locator("[aria-label='Close the list of chats']")).to_be_focused()
    assert page.evaluate(
        "[document.querySelector('.log').inert, document.querySelector('#text').closest('[inert]') !== null]"
    ) == [True, True]
    sizes = page.evaluate(
        "[...document.querySelectorAll('.side button:not(.more), .side li')].filter((e) => e.offsetParent)"
        ".map((e) => e.offsetHeight)"
    )
    assert min(sizes) >= 44
    page.tap("[aria-label='More for Hi']")
    page.tap("role=menuitem[name='Delete']")
    page.tap(".toast button")
    page.tap("[aria-label='More for Hi']")
    assert page.locator(".pop").bounding_box() == page.evaluate(
        "(({ x, y, width, height }) => ({ x: 0, y: innerHeight - height, width: innerWidth, height }))"
        "(document.querySelector('.pop').getBoundingClientRect())"
    )
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.locator("[aria-label='Chats'][aria-expanded]")).to_be_focused()
    page.tap("[aria-label='Chats'][aria-expanded]")
    page.tap("role=button[name='Hi']")
    expect(drawer).to_be_hidden()
    assert not page.evaluate("document.querySelector('.log').inert")
    context.close()

"""Two models side by side: both get every message, each goes on with its own answers, one of them is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page

ALLOWED = {"models": [], "suggested": [], "measuring": False, "may_choose": False, "may_download": False}


@pytest.fixture
def two(scripted: ScriptedServer, page: Page) -> Iterator[ScriptedServer]:
    """A server of two models; the second says other things."""
    scripted.models.append({"id": "org/other-2B-Instruct", "status": "loaded", "context": 500, "format": "int4"})
    scripted.by_model = {"org/other-2B-Instruct": [{"content": "Good day."}]}
    page.route("**/library", lambda route: route.fulfill(json=ALLOWED))
    yield scripted


def compare(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    page.click("[aria-label='Compare two models']")
    page.click("[aria-label='Compare with other 2B Instruct']")
    expect(page.locator(".pick .cut")).to_have_text("Two models")


def ask(page: Page, text: str, rounds: int) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")
    expect(page.locator(".round")).to_have_count(rounds)
    expect(page.locator("[aria-label='Stop']")).to_be_hidden()


def said(body: dict[str, Any]) -> list[str]:
    return [message["content"] for message in body["messages"]]


def test_both_are_asked_and_one_is_gone_on_with(page: Page, two: ScriptedServer) -> None:
    compare(page, two)
    expect(page.locator("#text")).to_have_attribute("placeholder", "Ask both")
    ask(page, "Hi", 1)
    columns = page.locator(".pair .turn.answer")
    expect(columns.locator(".prose")).to_have_text(["Hello.", "Good day."])
    expect(columns.locator(".voice")).to_have_text(["scripted", "other 2Bint4"])
    ask(page, "And you?", 2)
    assert [(body["model"], said(body)) for body in sorted(two.asked[2:], key=lambda body: body["model"])] == [
        ("org/other-2B-Instruct", ["Hi", "Good day.", "And you?"]),
        ("scripted", ["Hi", "Hello.", "And you?"]),
    ]
    page.click(".round.last [title='Go on with other 2B']")
    expect(page.locator(".pair")).to_have_count(0)
    expect(page.locator(".turn.answer .prose")).to_have_text(["Good day.", "Good day."])
    expect(page.locator(".pick")).to_have_attribute("title", "org/other-2B-Instruct")
    expect(page.locator(".versions .num").first).to_have_text("2 of 2")
    page.click("[aria-label='Earlier version']")
    expect(page.locator(".turn.answer .prose")).to_have_text(["Hello.", "Hello."])
    page.reload()
    expect(page.locator(".turn.answer .prose")).to_have_text(["Hello.", "Hello."])


def test_one_is_stopped_and_the_other_goes_on(page: Page, two: ScriptedServer) -> None:
    two.by_model["org/other-2B-Instruct"] = [{"content": f"{number} "} for number in range(500)]
    two.pause = 0.05
    compare(page, two)
    page.fill("#text", "Count")
    page.keyboard.press("Enter")
    other = page.get_by_role("article", name="other 2B")
    expect(other.locator(".prose")).to_contain_text("3 4")
    expect(page.locator("[title='Go on with scripted']")).to_be_enabled()
    expect(page.locator("[title='Go on with other 2B']")).to_be_disabled()
    page.click("[aria-label='Stop other 2B']")
    expect(other).to_contain_text("You stopped here.")
    expect(page.locator("[title='Go on with other 2B']")).to_be_enabled()
    expect(page.locator("[aria-label='Send']")).to_be_visible()


def test_another_chat_ends_it(page: Page, two: ScriptedServer) -> None:
    compare(page, two)
    ask(page, "Hi", 1)
    page.keyboard.press("Alt+N")
    expect(page.locator(".pair")).to_have_count(0)
    expect(page.locator(".pick .cut")).to_have_text("scripted")
    expect(page.locator("[aria-label='Compare two models']")).to_have_attribute("aria-pressed", "false")
    page.fill("#text", "Alone")
    page.keyboard.press("Enter")
    expect(page.locator(".turn.answer .prose")).to_have_text(["Hello."])
    assert len(two.asked) == 3


def test_on_a_phone_there_are_tabs(page: Page, two: ScriptedServer) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, two.url)
    page.click(".pick")
    page.click("text=Compare two models")
    page.click("[aria-label='Compare with other 2B Instruct']")
    ask(page, "Hi", 1)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_text(["scripted", "other 2B"])
    shown = page.locator(".pair .turn:visible .prose")
    expect(shown).to_have_text(["Hello."])
    tabs.first.press("ArrowRight")
    expect(shown).to_have_text(["Good day."])
    expect(tabs.last).to_be_focused()
    expect(tabs.last).to_have_attribute("aria-selected", "true")


def test_a_server_of_one_model_says_what_to_do(page: Page, scripted: ScriptedServer) -> None:
    page.route("**/library", lambda route: route.fulfill(json=ALLOWED))
    open_page(page, scripted.url)
    page.click("[aria-label='Compare two models']")
    expect(page.get_by_role("dialog", name="Compare two models")).to_contain_text("causerie serve A B")
    page.keyboard.press("Escape")
    expect(page.locator("[aria-label='Compare two models']")).to_be_focused()

"""How likely each word of an answer was, in the page: walked through by keys, and gone on from another word."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.odds import in_bytes, piece
from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page, say, whole, with_key
from tests.server.server_process import Server

ACTION = "[aria-label='Show how likely each word was']"
ANSWER = [
    {"reasoning_content": "Hm.", "logprobs": piece("Hm.", 0.9)["logprobs"]},
    piece("</think>", 1.0) | {"content": ""},
    piece("Bread", 0.9),
    piece(" needs", 0.5, (" needs", 0.5), (" takes", 0.3)),
    piece(" long", 0.19, (" a", 0.46), (" long", 0.19), ("long", 0.1), (" hours", 0.06)),
    *in_bytes("é", 0.5),
    piece(".\n\nSo", 0.97),
    piece("<end>", 0.99) | {"content": ""},
]


@pytest.fixture
def answered(page: Page, scripted: ScriptedServer) -> Page:
    scripted.deltas = ANSWER
    open_page(page, scripted.url)
    say(page, "What does bread need?")
    return page


def word(page: Page, text: str) -> Locator:
    return page.locator(".tok").get_by_text(text, exact=True)


def test_the_words_are_those_of_the_answer_and_the_unlikely_have_lines(answered: Page) -> None:
    answered.click(ACTION)
    expect(answered.locator(".tok")).to_have_text(["Bread", "needs", "long", "é", ".↵↵So"])
    labels = [each.get_attribute("aria-label") for each in answered.locator(".tok").all()]
    assert labels == ["Bread, 90 %", "needs, 50 %", "long, 19 %", "é, 25 %", ".↵↵So, 97 %"]
    lines = answered.locator(".tok").evaluate_all("all => all.map(e => getComputedStyle(e).borderBottomColor)")
    seen = [not line.endswith((" 0)", "/ 0)")) for line in lines]
    assert seen == [False, True, True, True, False]
    answered.click(ACTION)
    expect(answered.locator(".turn.answer .prose")).to_have_text("Bread needs longé.\nSo", use_inner_text=True)
    assert answered.locator(ACTION).get_attribute("aria-pressed") == "false"


def test_keys_walk_open_choose_and_go_back(answered: Page) -> None:
    press = answered.keyboard.press
    answered.click(ACTION)
    expect(word(answered, "needs")).to_be_focused()  # the first unlikely one
    press("ArrowRight")
    expect(word(answered, "long")).to_be_focused()
    assert answered.locator(".tok[tabindex='0']").count() == 1
    press("Enter")
    expect(answered.get_by_role("dialog", name="What could have come here")).to_be_visible()
    rows = answered.locator(".odds li button")
    # Two that would look the same show their spaces.
    expect(rows).to_have_text(["a46 %", "␣long19 %drawn", "long10 %", "hours6 %"])
    expect(rows.nth(0)).to_be_focused()
    press("ArrowDown")
    expect(answered.locator(".odds .main")).to_have_text("Go on anew after “␣long”")
    expect(answered.locator(".odds .hint")).to_have_text("All others together 19 %.")
    press("Escape")
    expect(word(answered, "long")).to_be_focused()
    press("Escape")
    expect(answered.locator(".tok")).to_have_count(0)
    expect(answered.locator(ACTION)).to_be_focused()


def test_a_branch_goes_on_from_the_chosen_word_as_another_version(answered: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [piece(" of", 0.9), piece(" sleep", 0.6)]
    answered.click(ACTION)
    word(answered, "long").click()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):
        answered.keyboard.press(key)
    whole(answered)
    asked = scripted.asked[-1]
    assert asked["continue_final_message"] is True
    expected = {"role": "assistant", "content": "Bread needs hours", "reasoning_content": "Hm."}
    assert asked["messages"][-1] == expected
    expect(answered.locator(".turn.answer .prose")).to_have_text("Bread needs hours of sleep", use_inner_text=True)
    expect(answered.locator(".versions")).to_contain_text("2 of 2")
    answered.reload()  # what is known of it is kept
    answered.click(ACTION)
    expect(answered.locator(".tok")).to_have_text(["Bread", "needs", "hours", "of", "sleep"])
    word(answered, "hours").click()
    expect(answered.locator(".odds [aria-current]")).to_contain_text("hours6 %")


def test_an_answer_without_them_offers_none(page: Page, scripted: ScriptedServer) -> None:
    mute: list[dict[str, Any]] = [{"content": "Hello."}]
    torn = [piece("One", 0.9), {"content": " (not a token)"}, piece("two", 0.9)]  # what the tokens do not make
    open_page(page, scripted.url)
    for deltas in (mute, torn):
        scripted.deltas = deltas
        say(page, "Hi")
    expect(page.locator(ACTION)).to_have_count(0)


def test_the_real_server_goes_on_after_the_chosen_word(page: Page, real: Server) -> None:
    """What it says is what it says after that beginning to anybody: no token of it is other than its text."""
    open_page(page, real.url)
    with_key(page, "open sesame")
    expect(page.locator(".pick")).to_contain_text("builtin")
    say(page, "What is a token?")
    first = words(page)
    page.locator(".tok").nth(2).click()
    other = page.locator(".odds li:not(.drawn)").first
    chosen = other.locator("b").inner_text()
    other.locator("button").press("Enter")
    whole(page)
    expect(page.locator(".versions")).to_contain_text("2 of 2")
    branch = words(page)
    assert branch[:2] == first[:2] and branch[2].strip() == chosen and branch != first
    question = {"role": "user", "content": "What is a token?"}
    messages = [question, {"role": "assistant", "content": "".join(branch[:3])}]
    asked = {"model": "builtin", "messages": messages, "continue_final_message": True}
    rest = real.post("/v1/chat/completions", asked, headers={"Authorization": "Bearer open sesame"}).json()
    assert "".join(branch[3:]) == rest["choices"][0]["message"]["content"]


def words(page: Page) -> list[str]:
    """The texts of the answer's tokens, which the page shows from now on."""
    page.click(ACTION)
    expect(page.locator(".tok").first).to_be_visible()
    texts: list[str] = page.locator(".tok").evaluate_all("all => all.map(e => e.dataset.text)")
    return texts

"""What stands below the box of a new chat: the model's card, and beginnings that suit it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page, say

LOADED: dict[str, Any] = {
    "id": "Qwen/Qwen2.5-1.5B-Instruct",
    "status": "loaded",
    "context": 32768,
    "format": "int8",
    "weight_bytes": 1_600_000_000,
    "expected_tokens_per_second": {"low": 18.0, "usual": 21.3, "high": 22.0},
    "expected_read_tokens_per_second": 612.0,
    "chats": True,
}
TOO_LARGE = {
    "id": "Qwen/Qwen2.5-1.5B-Instruct",
    "fits": "too_large",
    "format": "int4",
    "needed_bytes": 39_700_000_000,
    "missing_bytes": 31_200_000_000,
    "context": 131072,
    "expected_tokens_per_second": None,
    "expected_read_tokens_per_second": None,
}


def figures(page: Page) -> list[str]:
    return page.locator(".card dd").all_inner_texts()


def test_a_loaded_model_says_what_it_takes_and_gives(page: Page, scripted: ScriptedServer) -> None:
    scripted.models = [LOADED]
    open_page(page, scripted.url)
    expect(page.locator(".card header")).to_contain_text("Qwen2.5 1.5B Instruct")
    expect(page.locator(".pick .cut")).to_have_text("Qwen2.5 1.5B")
    assert figures(page) == ["1.6 GB int8", "21 tokens/s", "32k tokens, 60 pages", "610 tokens/s"]
    expect(page.locator(".card .badge")).to_have_text("Fits this machine")


def test_a_speed_that_was_measured_takes_the_place_of_the_expected_one(page: Page, scripted: ScriptedServer) -> None:
    scripted.models = [LOADED]
    scripted.deltas = [{"content": f"{number} "} for number in range(60)]
    scripted.pause = 0.02
    open_page(page, scripted.url)
    say(page, "Count")
    told = float(page.locator(".turn.answer .speed").inner_text().split()[0])
    page.keyboard.press("Alt+N")
    measured = page.locator(".card dd").nth(1).inner_text()
    assert float(measured.split()[0]) == pytest.approx(told, abs=1)
    page.click(".pick")
    expect(page.locator(".model small").first).to_contain_text(f"32k context · {measured}")


def test_a_model_that_is_not_loaded_says_what_it_would_be(page: Page, scripted: ScriptedServer) -> None:
    scripted.models = [{"id": LOADED["id"], "status": "unloaded"}]
    allowed = {"suggested": [], "measuring": False, "may_choose": False, "may_download": False}
    page.route("**/library", lambda route: route.fulfill(json={"models": [TOO_LARGE], **allowed}))
    open_page(page, scripted.url)
    expect(page.locator(".card .badge")).to_have_text("Too large for this machine")
    assert figures(page) == ["39.7 GB int4", "128k tokens, 240 pages"]
    expect(page.locator(".card")).to_contain_text("It needs 31.2 GB of memory more than there are.")


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ({"id": "org/plain"}, "Read a file with me"),
        ({"id": "Qwen/Qwen2.5-Coder-7B"}, "Explain this error"),
        ({"id": "org/plain", "thinking_budget": True}, "Solve a puzzle"),
        ({"id": "org/plain", "chats": False}, "Begin a story"),
        ({"id": "builtin"}, "How do I begin?"),
    ],
)
def test_the_beginnings_suit_the_model(page: Page, scripted: ScriptedServer, model: dict[str, Any], first: str) -> None:
    scripted.models = [{"status": "loaded", "context": 1000, **model}]
    open_page(page, scripted.url)
    buttons = page.locator(".starts button")
    expect(buttons).to_have_count(4)
    expect(buttons.first).to_contain_text(first)
    buttons.first.click()
    expect(page.locator("#text")).to_be_focused()
    assert len(page.input_value("#text")) > 15
    expect(page.locator(".card .hint")).to_be_visible(visible=model.get("chats") is False)

"""Where the time of an answer went, in the page: what the server told, or the page's own clock."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import ask, open_page, say, whole

TIMINGS = {
    "cache_n": 1020,
    "prompt_n": 194,
    "reasoning_n": 132,
    "predicted_n": 437,
    "loading_ms": 2000,
    "shortening_ms": 0,
    "template_ms": 10,
    "waiting_ms": 10,
    "prompt_ms": 600,
    "reasoning_ms": 6100,
    "predicted_ms": 20300,
    "reasons": ["The model had to be loaded first."],
}
ROWS = [
    "Loaded the model 2.0 s",
    "Read 194 tokens, 1,020 remembered 0.6 s",
    "Thought 132 tokens 6.1 s",
    "Wrote 305 tokens, 21.4 a second 14.2 s",
]


def test_a_press_on_the_speed_shows_where_the_time_went(page: Page, scripted: ScriptedServer) -> None:
    scripted.ending["timings"] = TIMINGS
    generation = {"temperature": 0.7, "top_k": 20, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
    scripted.models = [
        {"id": "org/small", "status": "loaded", "context": 1000, "format": "int8", "generation": generation}
    ]
    open_page(page, scripted.url)
    say(page, "Hi")
    assert scripted.asked[-1]["return_timings"] is True
    speed = page.locator(".speed")
    expect(speed).to_have_text("21.5 tokens/s")
    speed.click()
    shown = page.get_by_role("dialog", name="Where the time went")
    expect(shown.locator("h2")).to_have_text("This answer 22.9 s")
    expect(shown.locator("li:not(.rest)")).to_have_text(ROWS)
    seed = scripted.asked[-1]["seed"]
    expect(shown.locator(".rest")).to_have_text(f"small · int8 · temperature 0.7 · seed {seed}")
    expect(shown.locator(".why")).to_have_text("The model had to be loaded first.")
    widths = shown.locator(".stack span").evaluate_all("all => all.map(e => e.getBoundingClientRect().width)")
    assert [round(width / sum(widths), 1) for width in widths] == [0.1, 0.0, 0.3, 0.6]
    page.keyboard.press("Escape")
    expect(shown).to_have_count(0)
    expect(speed).to_be_focused()


def test_an_answer_that_was_gone_on_with_has_the_time_of_both_pieces(page: Page, scripted: ScriptedServer) -> None:
    scripted.ending = {"finish_reason": "length", "timings": TIMINGS}
    open_page(page, scripted.url)
    say(page, "Hi")
    page.click("text=Continue")
    whole(page)
    page.click(".speed")
    expect(page.locator(".time li").nth(1)).to_have_text("Read 388 tokens, 1,020 remembered 1.2 s")


def test_a_stopped_answer_has_the_time_by_the_clock_here(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": "on "}] * 2000, 0.01
    open_page(page, scripted.url)
    ask(page, "Hi")
    page.wait_for_selector("text=on on on")
    page.keyboard.press("Escape")
    whole(page)
    page.click(".speed")
    rows = page.locator(".time li b")
    expect(rows).to_have_text(["Read", "Wrote"])
    expect(page.locator(".time .why")).to_have_count(0)


def test_an_answer_that_asked_a_tool_has_the_time_of_all_its_pieces(page: Page, scripted: ScriptedServer) -> None:
    empty = {"text": "", "reasoning": "", "calls": [], "files": []}
    call = {"id": "1", "name": "clock", "arguments": "{}", "result": {"text": "noon", "seconds": 0.4}}
    nodes = {
        "a": {**empty, "id": "a", "parent": None, "role": "user", "text": "What time is it?"},
        "b": {**empty, "id": "b", "parent": "a", "role": "assistant", "calls": [call], "timings": TIMINGS},
        "c": {**empty, "id": "c", "parent": "b", "role": "assistant", "text": "Noon.", "speed": "9 tokens/s"},
    }
    nodes["c"]["timings"] = {**TIMINGS, "loading_ms": 0, "cache_n": 1700}
    chat = {"id": "x", "title": "Time", "updated": 1, "settings": {}, "nodes": nodes, "leaf": "c", "system": ""}
    open_page(page, scripted.url)
    page.evaluate(
        """async chat => { const { saveChat } = await import("/page/scripts/store.js"); await saveChat(chat);
        sessionStorage.setItem("chat", chat.id); }""",
        chat,
    )
    page.reload()
    page.click(".speed")
    rows = [ROWS[0], "Read 388 tokens, 1,020 remembered 1.2 s", "Thought 264 tokens 12.2 s", "Tool clock 0.4 s"]
    expect(page.locator(".time li:not(.rest)")).to_have_text([*rows, "Wrote 610 tokens, 21.4 a second 28.4 s"])

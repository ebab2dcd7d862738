"""What the page shows of a model that loads, a prompt that is read and an answer that comes; what stays after Stop."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.scripted import Delta, ScriptedServer
from tests.page.test_page import ask, open_page, say, whole

LOADING = {"status": "loading", "share": 0.6, "read_bytes": 600_000_000, "total_bytes": 1_000_000_000}


def use(page: Page, model: str) -> None:
    page.click(".pick")
    page.click(f"[aria-label='Use {model}'], [aria-label='Load {model}']")


def progress(processed: int, cached: int = 0) -> Delta:
    return {"prompt_progress": {"total": 300, "cache": cached, "processed": processed, "time_ms": 10}}


def test_the_first_message_shows_how_much_of_the_model_is_loaded(page: Page, scripted: ScriptedServer) -> None:
    scripted.models[0]["status"] = "unloaded"
    open_page(page, scripted.url)
    expect(page.locator(".pick .dot.off")).to_be_visible()
    scripted.paused = True
    ask(page, "Hi")
    scripted.models[0] = {"id": "scripted", **LOADING}
    expect(page.locator(".turn.answer .wait")).to_contain_text("0.6 of 1.0 GB")
    expect(page.locator(".pick small")).to_have_text("loading 0.6 of 1.0 GB")
    assert page.get_attribute(".turn.answer [role=progressbar]", "aria-valuenow") == "60"
    scripted.models[0] = {"id": "scripted", "status": "loaded", "context": 1000}
    scripted.paused = False
    whole(page)
    expect(page.locator(".turn.answer .wait")).to_be_hidden()
    expect(page.locator(".pick small")).to_have_text("")
    expect(page.locator(".pick .dot:not(.off)")).to_be_visible()


def test_choosing_a_model_loads_it_and_shows_how_far_it_is(page: Page, scripted: ScriptedServer) -> None:
    scripted.models.append({"id": "other", "status": "unloaded"})
    open_page(page, scripted.url)
    scripted.paused = True
    use(page, "other")
    page.wait_for_timeout(800)  # the first looks find it not begun yet
    scripted.models[1] = {"id": "other", **LOADING, "total_bytes": 900_000_000}
    expect(page.locator(".pick small")).to_have_text("loading 600 of 900 MB")
    assert scripted.loaded == ["other"]
    scripted.models[1] = {"id": "other", "status": "loaded", "context": 500}
    scripted.paused = False
    expect(page.locator(".pick small")).to_have_text("")
    use(page, "scripted")
    say(page, "Hi")
    assert scripted.loaded == ["other"]  # what is loaded is not loaded again


def test_reading_a_prompt_is_shown(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [progress(100, 100), progress(220, 100), {"content": "Hello."}]
    scripted.pause = 0.7
    open_page(page, scripted.url)
    ask(page, "Hi")
    waiting = page.locator(".turn.answer .wait")
    expect(waiting).to_contain_text("Reading100 of 300 tokensThe first 100 it still had in mind.")
    expect(waiting).to_contain_text("220 of 300 tokens")
    assert page.get_attribute(".turn.answer [role=progressbar]", "aria-valuenow") == "73"
    assert scripted.asked[-1]["return_progress"] is True
    expect(page.locator(".turn.answer .prose")).to_contain_text("Hello.")
    expect(waiting).to_be_hidden()
    whole(page)


def test_tokens_per_second_while_it_is_written_and_afterwards(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": f"w{place} "} for place in range(30)], 0.05
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".voice small")).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))
    whole(page)
    expect(page.locator(".voice small")).to_have_text("")
    speed = page.locator(".turn.answer .speed")
    expect(speed).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))
    expect(page.locator(".ring")).to_have_attribute("aria-label", "Context: 33 %, 330 of 1,000 tokens")
    page.reload()
    expect(speed).to_have_text(re.compile(r"^\d+\.\d tokens/s$"))


def test_stop_keeps_gauge_and_figures(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": f"w{place} "} for place in range(200)], 0.05
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".turn.answer .prose")).to_contain_text("w12 ")
    page.keyboard.press("Escape")
    whole(page)
    told = page.get_attribute(".ring", "aria-label") or ""
    figures = re.fullmatch(r"Context: \d+ %, (\d+) of 1,000 tokens", told)
    assert figures and 312 < int(figures[1]) < 400
    page.reload()
    expect(page.locator(".ring")).to_have_attribute("aria-label", told)
    scripted.paused = True
    ask(page, "More")
    page.wait_for_timeout(100)
    page.keyboard.press("Escape")  # before anything came: the figures of the chat so far stay
    whole(page)
    expect(page.locator(".ring")).to_have_attribute("aria-label", told)
    scripted.paused = False


def test_an_answer_that_was_ended_for_repeating_itself_says_so(page: Page, scripted: ScriptedServer) -> None:
    scripted.ending = {"finish_reason": "stop", "stop_reason": "repetition_detected"}
    open_page(page, scripted.url)
    say(page, "Hi")
    assert scripted.asked[-1]["repetition_detection"] is True
    expect(page.locator(".turn.answer .ended")).to_contain_text("repeated itself and was ended")
    page.click("[aria-label='Settings of this chat']")
    page.uncheck("#set-repetition")
    say(page, "Hi")
    assert scripted.asked[-1]["repetition_detection"] is False


def test_no_word_in_a_tables_head_is_broken(page: Page, scripted: ScriptedServer) -> None:
    """On a phone the columns of a wide table were so narrow that "Name" became "Nam" and "e"."""
    page.set_viewport_size({"width": 360, "height": 640})
    head = ["Name", "Parameters", "Quantization", "Memory", "Tokens per second"]
    row = ["Qwen2.5-0.5B-Instruct", "494 million", "int4", "0.4 GB", "as quick as the memory of this machine can be"]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * 5, row, row))
    scripted.deltas = [{"content": table}]
    open_page(page, scripted.url)
    say(page, "Hi")
    broken = page.evaluate(
        """() => [...document.querySelectorAll('.turn th')].filter((cell) => {
          const text = cell.firstChild, range = document.createRange();
          return [...text.data.matchAll(/\\S+/g)].some((word) => {
            range.setStart(text, word.index);
            range.setEnd(text, word.index + word[0].length);
            return range.getClientRects().length > 1;
          });
        }).map((cell) => cell.textContent)"""
    )
    assert broken == []
    assert page.evaluate("document.documentElement.scrollWidth <= 360")


def test_a_long_chat_is_rendered_in_requests_that_the_server_takes(page: Page, scripted: ScriptedServer) -> None:
    """Six answers of 60,000 characters are more than one request may have."""
    scripted.deltas = [{"content": "*word* " + "word " * 12_000}]
    open_page(page, scripted.url)
    for _ in range(6):
        say(page, "Hi")
    refused: list[int] = []
    page.on("response", lambda each: refused.append(each.status) if each.url.endswith("/render") and not each.ok else 0)
    page.reload()
    expect(page.locator(".turn.answer em")).to_have_count(6, timeout=30_000)
    assert not refused

"""The page in Chromium, against the real server and against one whose answers are written here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.hostile import PAYLOADS
from tests.page.scripted import ScriptedServer
from tests.server.server_process import Server

TEXTS = {"user": ".turn.you .bubble", "assistant": ".turn.answer .prose"}


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("body[data-ready]")


def ask(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Enter")


def say(page: Page, text: str) -> None:
    """Sends a message and waits for the whole answer: for its place first, as the one before it is whole already."""
    answers = page.locator(".turn.answer")
    earlier = answers.count()
    ask(page, text)
    expect(answers).to_have_count(earlier + 1)
    whole(page)


def whole(page: Page) -> None:
    page.wait_for_selector("[aria-label='Send']", state="visible")
    page.wait_for_selector(".turn.answer:last-child .acts button", state="attached")


def bodies(page: Page, role: str) -> list[str]:
    return [text.strip() for text in page.locator(TEXTS[role]).all_inner_texts()]


def with_key(page: Page, key: str) -> None:
    page.fill("[aria-label='API key'] input", key)
    page.click("text=Use it")


def shows(page: Page, asked: str, said: str) -> None:
    """Waits until the page shows this one message and this one answer."""
    for role, text in (("user", asked), ("assistant", said)):
        expect(page.locator(TEXTS[role])).to_have_text([text], use_inner_text=True)


def test_a_chat_with_the_real_server(page: Page, real: Server) -> None:
    """A key is asked for, the answer is the model's own, its Markdown is shown, and the gauge moves."""
    open_page(page, real.url)
    with_key(page, "open sesame")
    expect(page.locator(".pick .cut")).to_have_text("builtin")
    say(page, "How do I start a chat?")
    asked = {"model": "builtin", "messages": [{"role": "user", "content": "How do I start a chat?"}]}
    answer = real.post("/v1/chat/completions", asked, headers={"Authorization": "Bearer open sesame"}).json()
    text = answer["choices"][0]["message"]["content"]
    assert bodies(page, "assistant") == [text.replace("`", "").strip()]
    assert page.locator(".turn.answer code").first.inner_text() == "causerie chat"
    told = re.compile(rf"^Context: \d+ %, {answer['usage']['total_tokens']} of 2,048 tokens$")
    expect(page.locator(".ring")).to_have_attribute("aria-label", told)
    assert page.locator(".chats li").inner_text().startswith("How do I start a chat?")


def test_stop_keeps_what_came_and_continue_goes_on(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": f"w{place} "} for place in range(200)], 0.05
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".turn.answer .prose")).to_contain_text("w5 ")
    page.keyboard.press("Escape")
    whole(page)
    (said,) = bodies(page, "assistant")
    assert said.startswith("w0 w1") and "w100" not in said
    scripted.deltas, scripted.pause = [{"content": "and the rest"}], 0
    page.click("text=Continue")
    whole(page)
    (more,) = bodies(page, "assistant")
    assert more == f"{said} and the rest"
    assert scripted.asked[-1]["continue_final_message"] and scripted.asked[-1]["messages"][-1]["role"] == "assistant"


def test_branches(page: Page, scripted: ScriptedServer) -> None:
    """Edited messages and further answers stay beside the first ones."""
    open_page(page, scripted.url)
    say(page, "first wording")
    scripted.deltas = [{"content": "Another."}]
    page.click(".turn.answer >> [aria-label='Answer again']")
    whole(page)
    shows(page, "first wording", "Another.")
    page.click(".turn.you >> [aria-label='Edit']")
    page.fill(".turn.you textarea", "second wording")
    scripted.deltas = [{"content": "To the second."}]
    page.click(".turn.you >> text=Send")
    whole(page)
    shows(page, "second wording", "To the second.")
    assert scripted.asked[-1]["messages"] == [{"role": "user", "content": "second wording"}]
    page.click(".turn.you >> [aria-label='Earlier version']")
    shows(page, "first wording", "Another.")
    page.click(".turn.answer >> [aria-label='Earlier version']")
    shows(page, "first wording", "Hello.")
    page.reload()
    shows(page, "first wording", "Hello.")


def test_a_reload_in_mid_stream_loses_nothing_that_was_kept(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"content": f"w{place} "} for place in range(400)], 0.02
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".turn.answer .prose")).to_contain_text("w80 ")
    page.reload()
    page.wait_for_selector(".turn.answer >> text=Continue")
    assert "w30" in bodies(page, "assistant")[0]


def test_a_server_that_goes_away_and_comes_back(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.break_after, scripted.pause = [{"content": "half of "}, {"content": "it"}], 1, 0.2
    open_page(page, scripted.url)
    say(page, "Hi")
    assert page.inner_text(".turn.answer .ended span") == "The answer broke off here. It is kept."
    assert bodies(page, "assistant") == ["half of"]
    scripted.stop()
    page.click("[aria-label='Answer again']")
    expect(page.locator(".notice")).to_contain_text("The server does not answer")
    expect(page.locator(".pick small")).to_have_text("away")
    ask(page, "And then?")
    assert page.input_value("#text") == "And then?"
    scripted.break_after = None
    scripted.start()
    page.click("text=Try now")
    whole(page)  # what was asked for is answered, and then what waited
    expect(page.locator(".turn.answer .prose")).to_have_text(["half of it", "half of it"])
    assert scripted.asked[-1]["messages"][-1]["content"] == "And then?"
    expect(page.locator(".notice")).to_have_count(0)


def test_reasoning_calls_and_code(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [
        {"reasoning_content": "let me see"},
        {"content": "Look:\n\n```python\nprint(1)\n"},
        {"content": "```\n"},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "weather", "arguments": '{"city": "Gent"}'}}]},
    ]
    open_page(page, scripted.url)
    say(page, "Hi")
    assert page.locator(".turn.answer details").first.get_attribute("open") is None
    page.click("text=Thought")
    assert page.inner_text(".turn.answer details >> nth=0").endswith("let me see")
    assert page.inner_text("summary:has-text('Calls')") == "Calls weather"
    assert page.locator("pre code .nb").inner_text() == "print"
    page.click("[aria-label='Copy this code']")
    assert page.evaluate("navigator.clipboard.readText()") == "print(1)\n"


def test_hostile_answers_do_nothing(page: Page, scripted: ScriptedServer) -> None:
    """300 texts that would run a script or ask another host: in answers, reasoning, calls, messages and titles."""
    assert len(PAYLOADS) == 300
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; }")
    page.on("dialog", lambda dialog: pytest.fail(dialog.turn))
    open_page(page, scripted.url)
    for first in range(0, len(PAYLOADS), 50):
        some = PAYLOADS[first : first + 50]
        call = {"index": 0, "id": some[0], "function": {"name": some[1], "arguments": some[2]}}
        scripted.deltas = [{"reasoning_content": some[3]}, *({"content": f"{each}\n\n"} for each in some)]
        scripted.deltas.append({"tool_calls": [call]})
        say(page, some[4])
        page.mouse.move(600, 400)
    page.reload()
    page.wait_for_selector(".turn.answer .acts button")
    page.wait_for_timeout(300)
    assert page.evaluate("window.hits") == 0
    attributes = page.evaluate(
        "[...document.querySelectorAll('.log *')].flatMap(e => [...e.attributes].map(a => a.name + '=' + a.value))"
    )
    assert not [each for each in attributes if each.startswith("on") or "javascript:" in each.lower()]
    assert not page.query_selector_all(".log :is(img, iframe, script, style, object, form)")


def test_settings_and_files_reach_the_server(page: Page, scripted: ScriptedServer, tmp_path: Path) -> None:
    open_page(page, scripted.url)
    page.click("[aria-label='Settings of this chat']")
    page.fill("[name=system]", "Be brief.")
    page.fill("[name=temperature]", "0.3")
    page.fill("[name=max_tokens]", "40")
    (tmp_path / "notes.txt").write_text("three apples")
    with page.expect_file_chooser() as chooser:
        page.click("[aria-label='Attach files']")
    chooser.value.set_files(tmp_path / "notes.txt")
    expect(page.locator(".box .chip")).to_have_count(1)
    say(page, "How many?")
    body = scripted.asked[-1]
    assert (body["temperature"], body["max_tokens"]) == (0.3, 40)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["messages"][1]["content"] == "notes.txt:\n```\nthree apples\n```\n\nHow many?"


def test_a_chat_that_no_longer_fits(page: Page, real: Server, tmp_path: Path) -> None:
    """What shall go is asked once; a line shows where the model's memory begins, and a reload keeps it."""
    nodes: dict[str, Any] = {}
    for place in range(120):
        role, words = (("user", "rivers and lakes " * 8), ("assistant", "Noted. " * 8))[place % 2]
        parent = str(place - 1) if place else None
        nodes[f"{place}"] = {"id": f"{place}", "parent": parent, "role": role, "text": f"{place}: {words}"}
    (tmp_path / "long.json").write_text(json.dumps({"chats": [{"title": "long", "nodes": nodes, "leaf": "119"}]}))
    open_page(page, real.url)
    with_key(page, "open sesame")
    page.click("[aria-label='Import or export chats']")
    with page.expect_file_chooser() as chooser:
        page.click("role=menuitem[name='Import chats']")
    chooser.value.set_files(tmp_path / "long.json")
    expect(page.locator(".turn")).to_have_count(120)
    ask(page, "What is a token?")
    expect(page.locator(".choice")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(121)
    page.reload()  # who decides later asks for the answer again
    page.click("[aria-label='Get an answer']")
    page.click("text=Forget the oldest")
    whole(page)
    expect(page.locator(".turn")).to_have_count(122)
    assert bodies(page, "assistant")[-1]
    expect(page.locator(".memory")).to_have_text(re.compile("remembers from here.* no longer"))
    first = page.locator(".memory + .turn .bubble")
    begins = int((first.text_content() or "").split(":")[0])
    assert 40 < begins < 110 and begins % 2 == 0
    page.reload()
    expect(first).to_have_text(re.compile(f"^{begins}:"))
    page.click("[aria-label='Settings of this chat']")
    expect(page.get_by_role("radio", name="Forget")).to_be_checked()
    page.get_by_role("radio", name="Summarise").check(force=True)
    say(page, "What is a model?")
    expect(page.locator(".memory")).to_contain_text("a summary of the")
    page.click(".memory summary")
    assert len(page.locator(".memory details div").inner_text()) > 3


def test_a_narrow_window_and_themes(page: Page, scripted: ScriptedServer) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    open_page(page, scripted.url)
    say(page, "Hi")
    assert page.evaluate("document.documentElement.scrollWidth <= 360")
    expect(page.locator(".chats")).to_be_hidden()
    page.click("[aria-label='Chats'] >> visible=true")
    expect(page.locator(".chats")).to_be_visible()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[aria-label^='Theme']")
    page.click("[aria-label^='Theme']")
    assert page.get_attribute("[aria-label^='Theme']", "aria-label") == "Theme: dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_every_control_has_a_name(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "Hi")
    unnamed = page.evaluate(
        "[...document.querySelectorAll('button, input, select, textarea')].filter(e => !e.hidden && "
        "!(e.ariaLabel || e.textContent.trim() || e.title || e.labels?.length)).map(e => e.outerHTML)"
    )
    assert unnamed == []


def test_the_page_is_guarded(real: Server) -> None:
    for path in ("/", "/page/scripts/app.js", "/page/style/tokens.css", "/page/fonts/OFL.txt"):
        response = real.get(path)
        assert response.status_code == 200
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
    assert real.get("/page/..%2fapp.py").status_code == 404
    assert (
        real.get("/page/secret.js").status_code == real.get("/page/scripts/..%2f..%2f..%2fpage.py").status_code == 404
    )
    assert real.post("/render", {"texts": ["x"]}).status_code == 401
    html = real.get("/").text
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|https?://", html)
    many = real.post("/render", {"texts": ["x"] * 100}, headers={"Authorization": "Bearer open sesame"})
    assert many.status_code == 400 and json.loads(many.text)["error"]["param"] == "texts"

"""Chats as files: Markdown, JSON, and a web page that shows a chat by itself and in which nothing runs."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.page.hostile import PAYLOADS
from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page, say

HIT = "window.hits = 0; window.hit = () => { window.hits += 1; }"


def exported(page: Page, words: str, folder: Path) -> Path:
    """The file of the chat that is listed first."""
    page.locator(".chats .more").first.click()
    page.click("role=menuitem[name='Export']")
    with page.expect_download() as download:
        page.click(f"role=menuitem[name='{words}']")
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_markdown_has_what_is_shown(page: Page, scripted: ScriptedServer, tmp_path: Path) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "weather", "arguments": '{"city": "Gent"}'}}
    scripted.deltas = [{"reasoning_content": "so\n```\nso"}, {"content": "Look:\n\n- *one*"}, {"tool_calls": [call]}]
    open_page(page, scripted.url)
    say(page, "What of # this_one?")
    file = exported(page, "As Markdown", tmp_path)
    assert file.name == "What of this_one.md"
    today = page.evaluate("import('/page/scripts/chats/markdown.js').then((m) => m.day(Date.now()))")
    assert file.read_text() == (
        f"# What of \\# this\\_one?\n\nscripted, {today}\n\n## You\n\nWhat of # this_one?\n\n## scripted\n\n"
        "<details>\n<summary>Thought</summary>\n\n````text\nso\n```\nso\n````\n\n</details>\n\n"
        'Look:\n\n- *one*\n\nAsked **weather**\n\n```json\n{"city": "Gent"}\n```\n'
    )
    answered = """async () => {
      const { allAsMarkdown } = await import("/page/scripts/chats/markdown.js");
      const { state } = await import("/page/scripts/state.js");
      Object.values(state.chat.nodes)[1].calls[0].result = { text: "rain" };
      return allAsMarkdown([state.chat]);
    }"""
    assert page.evaluate(answered) == file.read_text() + "\n```text\nrain\n```\n"


def test_a_web_page_shows_the_chat_alone(
    page: Page, scripted: ScriptedServer, tmp_path: Path, chromium: Browser
) -> None:
    scripted.deltas = [
        {"reasoning_content": "let me see"},
        {"content": "Two **bold** words\n\n```python\nprint(1)\n```\n"},
    ]
    open_page(page, scripted.url)
    say(page, "Hi <b>there</b>")
    file = exported(page, "As a web page", tmp_path)
    asked: list[str] = []
    alone = chromium.new_page()
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    expect(alone.locator(".bubble")).to_have_text("Hi <b>there</b>")
    expect(alone.locator(".prose strong")).to_have_text("bold")
    assert alone.title() == "Hi <b>there</b>"
    assert alone.locator("details div").text_content() == "let me see"
    ground, text = alone.evaluate(
        "[document.body, document.querySelector('.bubble')].map((e) => getComputedStyle(e).backgroundColor)"
    )
    assert ground != text and "rgba(0, 0, 0, 0)" not in (ground, text)
    assert asked == [file.as_uri()]
    alone.close()


def test_nothing_that_a_model_wrote_runs_in_a_web_page(
    page: Page, scripted: ScriptedServer, tmp_path: Path, chromium: Browser
) -> None:
    """300 texts that would run a script or ask another host; and a script that did get in would not run."""
    open_page(page, scripted.url)
    for first in range(0, len(PAYLOADS), 100):
        call = {"index": 0, "id": "c", "function": {"name": PAYLOADS[first], "arguments": PAYLOADS[first + 1]}}
        scripted.deltas = [
            {"reasoning_content": PAYLOADS[first]},
            {"content": "\n\n".join(PAYLOADS[first : first + 100])},
            {"tool_calls": [call]},
        ]
        say(page, PAYLOADS[first + 2])
    file = exported(page, "As a web page", tmp_path)
    asked: list[str] = []
    alone = chromium.new_page()
    alone.add_init_script(HIT)
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    assert alone.locator(".turn").count() == 6
    bad = (
        "[...document.body.querySelectorAll('*')].filter((e) => e.matches('script, style, img, iframe, object, embed, "
        "link, meta, form, base') || [...e.attributes].some((a) => a.name.startsWith('on') || "
        "a.value.includes('javascript:'))).map((e) => e.outerHTML)"
    )
    assert alone.evaluate(bad) == []
    file.write_text(file.read_text().replace("</body>", "<script>hit()</script></body>"))
    alone.goto(file.as_uri())
    alone.wait_for_timeout(100)
    assert alone.evaluate("[document.querySelectorAll('script').length, window.hits]") == [1, 0]
    assert asked == [file.as_uri()] * 2
    alone.close()


def test_json_of_all_chats_comes_back_as_it_was(page: Page, scripted: ScriptedServer, tmp_path: Path) -> None:
    open_page(page, scripted.url)
    say(page, "about apples")
    page.keyboard.press("Alt+n")
    say(page, "about pears")
    page.click("[aria-label='Import or export chats']")
    page.click("role=menuitem[name='Export all chats']")
    with page.expect_download() as download:
        page.click("role=menuitem[name='As JSON, to import again']")
    file = tmp_path / "chats.json"
    download.value.save_as(file)
    chats = json.loads(file.read_text())["chats"]
    assert [chat["title"] for chat in chats] == ["about pears", "about apples"]
    chats[1] |= {"pinned": True, "folder": "Fruit", "updated": 1000}
    file.write_text(json.dumps({"causerie": 1, "chats": chats[1:]}))
    (tmp_path / "bad.json").write_text('{"chats": [{"nodes": {"a": {"role": "root"}}}]}')
    page.click("[aria-label='Import or export chats']")
    with page.expect_file_chooser() as chooser:
        page.click("role=menuitem[name='Import chats']")
    chooser.value.set_files([file, tmp_path / "bad.json"])
    expect(page.locator(".notice")).to_contain_text(
        "bad.json was not imported: The file holds a message of no known role."
    )
    expect(page.locator(".chats h3")).to_have_text(["Pinned", "Today"])
    imported = page.evaluate("import('/page/scripts/store.js').then((m) => m.allChats())")[-1]
    forgotten = {"id", "model", "nodes"}
    assert {k: v for k, v in imported.items() if k not in forgotten} == {
        k: v for k, v in chats[1].items() if k not in forgotten
    }
    assert [node["text"] for node in imported["nodes"].values()] == ["about apples", "Hello."]

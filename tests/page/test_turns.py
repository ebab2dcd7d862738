"""Turns as they come: where they stand, what follows the end, reasoning that is ended early, a chat that is full."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import ask, bodies, open_page, say, whole

LONG = [{"content": f"Paragraph {place}.\n\n"} for place in range(120)]
ANNOUNCED = "[data-slot=announcements]"


def distance(page: Page) -> int:
    """From what is shown to the end of the chat, in pixels."""
    return int(page.locator(".log").evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight"))


def top_of(page: Page, selector: str) -> float:
    """Below the top of the sheet's log, in pixels."""
    box, log = page.locator(selector).bounding_box(), page.locator(".log").bounding_box()
    assert box and log
    return box["y"] - log["y"]


def test_a_message_that_is_sent_stands_near_the_top(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = LONG
    open_page(page, scripted.url)
    say(page, "First")
    scripted.deltas = [{"content": "Short."}]
    say(page, "Second")
    assert 0 <= top_of(page, ".turn.you >> nth=1") < 40
    expect(page.locator(".turn.answer").last).to_contain_text("Short.")
    assert 0 <= top_of(page, ".turn.you >> nth=1") < 40  # nothing moves when the answer is whole


def test_the_end_is_followed_only_while_its_reader_is_there(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = LONG, 0.02
    open_page(page, scripted.url)
    ask(page, "Hi")
    expect(page.locator(".turn.answer .prose")).to_contain_text("Paragraph 40.")
    assert distance(page) < 80
    to_end = page.get_by_role("button", name="To the end")
    expect(to_end).to_be_hidden()
    page.locator(".log").hover()
    page.mouse.wheel(0, -300)
    expect(to_end).to_be_visible()
    page.wait_for_timeout(500)  # the browser scrolls smoothly
    before = page.evaluate("document.querySelector('.log').scrollTop")
    expect(page.locator(".turn.answer .prose")).to_contain_text("Paragraph 80.")
    assert page.evaluate("document.querySelector('.log').scrollTop") == before
    to_end.click()
    whole(page)
    assert distance(page) < 80
    expect(to_end).to_be_hidden()


def test_reasoning_is_folded_when_the_answer_begins_unless_it_was_touched(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [*([{"reasoning_content": "Hm. "}] * 8), *({"content": f"w{place} "} for place in range(20))]
    scripted.pause = 0.1
    open_page(page, scripted.url)
    ask(page, "Hi")
    fold = page.locator(".turn.answer .reasoning details")
    expect(fold).to_have_attribute("open", "")
    expect(fold.locator("summary")).to_have_text(re.compile(r"^Thinking, 1 s$"))
    expect(page.locator(".turn.answer .prose")).to_contain_text("w1 ")
    expect(fold).not_to_have_attribute("open", "")
    expect(page.get_by_role("button", name="Stop thinking")).to_be_hidden()
    whole(page)
    expect(fold.locator("summary")).to_have_text("Thought for 1 s")
    page.click("[aria-label='Answer again']")
    fold.locator("summary").click()
    fold.locator("summary").click()
    expect(page.locator(".turn.answer .prose")).to_contain_text("w1 ")
    expect(fold).to_have_attribute("open", "")


def test_reasoning_that_is_ended_is_kept_and_gone_on_from(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas, scripted.pause = [{"reasoning_content": "Hm. "}] * 2000, 0.05
    open_page(page, scripted.url)
    ask(page, "Hi")
    page.wait_for_selector("text=Stop thinking")
    scripted.deltas = [{"content": "So it is."}]
    page.click("text=Stop thinking")
    expect(page.locator(".turn.answer .prose")).to_have_text("So it is.")
    whole(page)
    assert len(scripted.asked) == 2 and scripted.asked[1]["continue_final_message"]
    last = scripted.asked[1]["messages"][-1]
    assert last["role"] == "assistant" and last["content"] == "" and last["reasoning_content"].startswith("Hm. Hm.")


def test_whether_to_think_is_asked_of_models_that_let_one_choose(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    think = page.get_by_role("button", name="Think", exact=True)
    expect(think).to_be_hidden()
    scripted.models[0]["thinks_by_default"] = True
    page.reload()
    expect(think).to_have_attribute("aria-pressed", "true")
    say(page, "Hi")
    assert "chat_template_kwargs" not in scripted.asked[-1]
    think.click()
    say(page, "Hi")
    assert scripted.asked[-1]["chat_template_kwargs"] == {"enable_thinking": False}
    page.reload()
    expect(think).to_have_attribute("aria-pressed", "false")


def test_a_full_chat_begins_anew_with_a_summary(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "About rivers")
    scripted.refusal = {"message": "too long", "code": "context_length_exceeded"}
    ask(page, "Which is the longest?")
    choice = page.get_by_role("group", name="The model cannot hold all of this chat")
    expect(choice.get_by_role("button")).to_have_count(3)
    scripted.deltas = [{"content": "They talked about rivers."}]
    choice.get_by_text("Begin a new chat").click()
    expect(page.locator(".chats li")).to_have_count(2)
    whole(page)
    assert scripted.asked[-2]["context_policy"] == "summarize"
    assert "Summarise" in scripted.asked[-2]["messages"][-1]["content"]
    (message,) = scripted.asked[-1]["messages"]
    assert "They talked about rivers." in message["content"] and message["content"].endswith("Which is the longest?")
    expect(choice).to_have_count(0)


def test_the_memory_line_and_what_lies_before_it(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "First")
    scripted.context = {"dropped": 2, "summary": "They greeted each other."}
    say(page, "Second")
    expect(page.locator(".memory")).to_contain_text(
        "The model remembers from here, and a summary of the 2 messages above"
    )
    assert page.locator(".faded").count() == 2
    expect(page.locator(".memory + .turn .bubble")).to_have_text("Second")


def test_what_is_written_stays_in_its_chat(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "First")
    page.fill("#text", "half a")
    page.keyboard.press("Alt+n")
    expect(page.locator("#text")).to_have_value("")
    page.click(".chats .open")
    expect(page.locator("#text")).to_have_value("half a")
    page.reload()
    expect(page.locator("#text")).to_have_value("half a")


def test_readers_of_screens_are_told_whole_paragraphs(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [{"content": piece} for piece in ("The first ", "paragraph.\n\n", "The ", "second one")]
    scripted.pause = 0.3
    open_page(page, scripted.url)
    page.evaluate(
        f"""() => {{ window.told = []; const region = document.querySelector("{ANNOUNCED}");
        new MutationObserver(() => window.told.push(region.textContent)).observe(region, {{ childList: true }}); }}"""
    )
    ask(page, "Hi")
    whole(page)
    expect(page.locator(ANNOUNCED)).to_contain_text("The second one Finished, 4 tokens")
    told = page.evaluate("window.told")
    assert told[0] == "The first paragraph." and len(told) == 2
    assert page.get_attribute(".log", "aria-live") == "off"


def test_roles_and_names_of_turns(page: Page, scripted: ScriptedServer) -> None:
    scripted.models[0]["id"] = "org/Scripted-1B"
    open_page(page, scripted.url)
    say(page, "Hi")
    expect(page.get_by_role("article", name="You")).to_have_text("Hi")
    answer = page.get_by_role("article", name="Scripted 1B")
    expect(answer.get_by_role("heading", name="Scripted 1B")).to_be_visible()
    expect(page.get_by_role("log", name="Chat")).to_be_visible()
    for place, direction in enumerate(("auto", "auto")):
        assert page.locator(".bubble, .prose > p").nth(place).get_attribute("dir") == direction


def test_keys(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    say(page, "Hi")
    page.keyboard.press("Alt+c")
    expect(page.locator(ANNOUNCED)).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Hello."
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("textbox", name="New wording")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".bubble")).to_have_text("Hi")
    page.locator(".log").focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    assert dialog.get_by_text("Copy the last answer").is_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator(".log")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search chats")).to_be_focused()
    page.keyboard.press("?")
    expect(dialog).to_have_count(0)  # it is written
    scripted.deltas = [{"content": "Another."}]
    page.click("[aria-label='Answer again']")
    whole(page)
    expect(page.locator(".versions")).to_contain_text("2 of 2")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator(".versions")).to_contain_text("1 of 2")
    assert bodies(page, "assistant") == ["Hello."]


def test_a_tap_shows_what_can_be_done_with_a_turn(page: Page, scripted: ScriptedServer) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    open_page(page, scripted.url)
    say(page, "Hi")
    copy = page.get_by_role("article", name="You").get_by_role("button", name="Copy")
    expect(copy).to_be_hidden()
    page.click(".bubble")
    expect(copy).to_be_visible()
    page.click(".turn.answer .prose")
    expect(copy).to_be_hidden()


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("1. one\n\n2. two\n\n   more of it\n\n10. ten\n\nAfter it.", "ol(li,li,li) p"),
        ("- one\n\n- two\n\nBetween.\n\n- three", "ul(li,li) p ul(li)"),
        ("```\na\n\n- b\n```\n\n- c", "figure ul(li)"),
        ("See [it].\n\nMore.\n\n[it]: https://example.org", "p(a) p"),
    ],
)
def test_an_answer_that_grew_is_what_it_is_after_a_reload(
    page: Page, scripted: ScriptedServer, text: str, shape: str
) -> None:
    scripted.deltas = [{"content": f"{part}\n\n"} for part in text.split("\n\n")]
    scripted.pause = 0.2  # each part is shown before the next one comes
    open_page(page, scripted.url)
    say(page, "Hi")
    blocks = """(prose) => { const names = (of) => [...of.children].map((each) => each.tagName.toLowerCase());
      return [...prose.children].map((block) => block.tagName.toLowerCase() +
        (block.matches("ul, ol, p") && block.children.length ? `(${names(block)})` : "")).join(" "); }"""
    prose = page.locator(".turn.answer .prose")
    assert prose.evaluate(blocks) == shape
    page.reload()
    expect(prose.locator("> *").last).to_be_visible()
    assert prose.evaluate(blocks) == shape

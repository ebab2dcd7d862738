"""Tools on the page: a call is asked about in the answer, made, gone on from; what holds for a tool is switched."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer

NAME = "kitchen.temperature"
TOOL = {
    "name": NAME,
    "server": "kitchen",
    "description": "Reads the thermometer in one room.",
    "parameters": {"type": "object", "properties": {"room": {"type": "string"}}},
    "reads_only": True,
}
OTHER = {**TOOL, "name": "calculator.add", "server": "calculator", "description": "Adds.", "reads_only": False}


def calling(*texts: str, name: str = NAME, number: int = 1) -> list[dict[str, Any]]:
    """An answer that calls a tool."""
    function = {"name": name, "arguments": '{"room": "kitchen", "deep": 2}'}
    call = {"index": 0, "id": f"call{number}", "type": "function", "function": function}
    return [*({"content": text} for text in texts), {"tool_calls": [call]}]


@pytest.fixture
def chat(page: Page, scripted: ScriptedServer) -> Page:
    """The page of a server that lends two tools."""
    scripted.tools = [TOOL, OTHER]
    page.goto(scripted.url)
    page.wait_for_selector("body[data-ready]")
    return page


def send(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def roles(scripted: ScriptedServer) -> list[str]:
    """Of the messages that were sent last."""
    return [message["role"] for message in scripted.asked[-1]["messages"]]


def test_a_card_asks_and_the_answer_goes_on(chat: Page, scripted: ScriptedServer) -> None:
    scripted.turns = [calling("That depends on how warm it is."), [{"content": "Seven hours."}]]
    send(chat, "How long?")
    card = chat.get_by_role("region", name=NAME)
    expect(card).to_contain_text("waits for you")
    expect(card).to_contain_text("Reads the thermometer in one room. It can read, and changes nothing.")
    assert card.locator("dt").all_inner_texts() == ["room", "deep"]
    assert card.locator("dd").all_inner_texts() == ['"kitchen"', "2"]
    expect(chat.get_by_role("button", name="Allow once")).to_be_focused()
    announced = chat.locator("[data-slot=announcements]")
    expect(announced).to_have_text(f"The model wants to call {NAME}. Shall it be allowed?")
    assert not scripted.called
    chat.keyboard.press("Enter")
    expect(chat.locator(".turn").last).to_contain_text("Seven hours.")
    assert scripted.called == [{"name": NAME, "arguments": {"room": "kitchen", "deep": 2}}]
    assert [tool["function"]["name"] for tool in scripted.asked[0]["tools"]] == [NAME, "calculator.add"]
    assert roles(scripted) == ["user", "assistant", "tool"]
    told = scripted.asked[1]["messages"][2]
    assert told == {"role": "tool", "tool_call_id": "call1", "name": NAME, "content": '{"celsius": 19.2}'}
    fold = chat.locator("details", has_text=f"Asked {NAME}, 0.4 s")
    fold.locator("summary").click()
    expect(fold).to_contain_text('{"room": "kitchen", "deep": 2} → {"celsius": 19.2}')
    # One answer in two parts: one name above it, one row of actions below.
    assert chat.locator(".answer .voice:visible").count() == 1
    assert chat.locator(".answer .acts:visible").count() == 1
    chat.reload()
    expect(chat.locator("details", has_text=f"Asked {NAME}, 0.4 s")).to_be_visible()
    # The result is a message of the request: these four are three turns.
    scripted.context = {"dropped": 4, "summary": ""}
    send(chat, "And salt?")
    expect(chat.locator(".memory + .turn")).to_contain_text("And salt?")


def test_never_and_always_hold_and_are_taken_back(chat: Page, scripted: ScriptedServer) -> None:
    scripted.turns = [each for _ in range(4) for each in (calling(), [{"content": "Done."}])]

    def answered(count: int) -> None:
        expect(chat.locator(".prose", has_text="Done.")).to_have_count(count)

    send(chat, "one")
    chat.get_by_role("button", name="Never").click()
    answered(1)
    assert scripted.asked[-1]["messages"][-1]["content"] == "The user did not allow this call."
    send(chat, "two")
    answered(2)
    assert not scripted.called

    tools = chat.get_by_role("button", name="Tools: 2 on")
    tools.click()
    dialog = chat.get_by_role("dialog", name="Tools")
    expect(dialog).to_contain_text("never allowed")
    dialog.get_by_role("button", name="ask again").click()
    expect(dialog).not_to_contain_text("never allowed")
    dialog.get_by_role("switch", name="calculator.add").click()
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("button", name="Tools: 1 on")).to_be_focused()
    send(chat, "three")
    chat.get_by_role("button", name="Always in this chat").click()
    answered(3)
    assert [tool["function"]["name"] for tool in scripted.asked[-1]["tools"]] == [NAME]
    send(chat, "four")
    answered(4)
    assert len(scripted.called) == 2

    chat.keyboard.press("Alt+n")  # another chat asks again
    scripted.turns = [calling()]
    send(chat, "five")
    expect(chat.get_by_role("region", name=NAME)).to_be_visible()
    assert len(scripted.called) == 2


def test_a_call_can_be_stopped_and_written_past(chat: Page, scripted: ScriptedServer) -> None:
    scripted.turns = [calling(), calling(number=2), [{"content": "As you like."}]]
    send(chat, "How long?")
    chat.get_by_role("button", name="Allow once").wait_for()
    scripted.paused = True
    chat.get_by_role("button", name="Allow once").click()
    expect(chat.locator(".answer")).to_contain_text(f"Asking {NAME}")
    chat.get_by_role("button", name="Stop").click()
    expect(chat.locator(".answer")).to_contain_text("You stopped here.")
    scripted.paused = False
    send(chat, "Again")
    chat.get_by_role("button", name="Allow once").wait_for()
    chat.reload()
    chat.get_by_role("button", name="Allow once").wait_for()
    chat.get_by_label("Message", exact=True).fill("Never mind.")
    chat.keyboard.press("Enter")
    expect(chat.locator(".turn").last).to_contain_text("As you like.")
    contents = [message["content"] for message in scripted.asked[-1]["messages"] if message["role"] == "tool"]
    assert contents == ["The user stopped this call.", "The user did not say whether this may be called."]
    assert len(scripted.called) == 1 and chat.get_by_role("button", name="Allow once").count() == 0


def test_many_calls_in_a_row_ask_whether_they_go_on(chat: Page, scripted: ScriptedServer) -> None:
    scripted.turns = [*(calling(number=number) for number in range(4)), [{"content": "Done."}]]
    send(chat, "Go")
    chat.get_by_role("button", name="Always in this chat").click()
    chat.get_by_role("button", name="Let it go on").click()
    expect(chat.locator(".turn").last).to_contain_text("Done.")
    assert len(scripted.called) == 4


def test_without_tools_there_is_no_button_and_nothing_is_offered(page: Page, scripted: ScriptedServer) -> None:
    page.goto(scripted.url)
    page.wait_for_selector("body[data-ready]")
    send(page, "Hello")
    expect(page.locator(".turn").last).to_contain_text("Hello.")
    assert page.get_by_role("button", name="Tools").count() == 0 and "tools" not in scripted.asked[0]

    scripted.tools = [TOOL]
    scripted.models = [{"id": "scripted", "status": "loaded", "context": 1000, "tools": False}]
    page.reload()
    page.get_by_role("button", name="Tools: this model knows none").click()
    expect(page.get_by_role("dialog", name="Tools")).to_contain_text("The model that answers knows no tools.")
    page.keyboard.press("Escape")
    send(page, "Hello")
    expect(page.locator(".turn").last).to_contain_text("Hello.")
    assert "tools" not in scripted.asked[-1]

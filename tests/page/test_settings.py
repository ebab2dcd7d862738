"""The settings of a chat, a second sheet: the model's own values, changed ones, presets, and what a request says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page, say

OPEN = "[aria-label='Settings of this chat'][aria-expanded]"
GENERATION = {
    "temperature": 0.7,
    "top_p": 0.8,
    "top_k": 20,
    "min_p": 0.0,
    "repetition_penalty": 1.1,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "max_new_tokens": None,
}
DRAWING = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "max_tokens", "thinking_budget")


def served(**more: Any) -> dict[str, Any]:
    model = {"id": "scripted", "status": "loaded", "context": 1000, "generation": GENERATION, "thinking_budget": True}
    return model | more


@pytest.fixture
def opened(page: Page, scripted: ScriptedServer) -> Page:
    scripted.models = [served(), served(id="other")]
    open_page(page, scripted.url)
    page.click(OPEN)
    return page


def figure(page: Page, name: str, value: str) -> None:
    page.fill(f"[name={name}]", value)
    page.keyboard.press("Enter")


def asked(page: Page, scripted: ScriptedServer) -> dict[str, Any]:
    """What a request says of drawing."""
    say(page, "Hi")
    return {name: value for name, value in scripted.asked[-1].items() if name in DRAWING}


def test_own_values_show_and_are_not_sent_and_changed_ones_go_back(opened: Page, scripted: ScriptedServer) -> None:
    row = opened.locator(".set", has=opened.locator("[name=temperature]"))
    assert opened.input_value("[name=temperature]") == "0.7" and opened.input_value("[name=top_k]") == "20"
    expect(row.locator(".own-value")).to_have_text("its own")
    figure(opened, "temperature", "0.4")
    expect(row).to_have_class("set changed")
    expect(opened.locator(".seg + .hint").first).to_have_text("As its makers set it; changed here: 1.")
    assert opened.locator("#set-temperature").input_value() == "0.4"
    assert asked(opened, scripted) == {"temperature": 0.4}
    opened.reload()
    opened.click(OPEN)
    assert opened.input_value("[name=temperature]") == "0.4"  # it was kept as it changed
    opened.click("text=back to 0.7")
    assert opened.input_value("[name=temperature]") == "0.7"
    expect(opened.locator("#set-temperature")).to_be_focused()  # and not nowhere, as the button has gone
    assert asked(opened, scripted) == {}


def test_a_slider_moves_its_number_and_numbers_keep_within_what_is_possible(
    opened: Page, scripted: ScriptedServer
) -> None:
    opened.focus("#set-top_p")
    opened.keyboard.press("ArrowRight")
    assert opened.input_value("[name=top_p]") == "0.81"
    figure(opened, "temperature", "9")
    assert opened.input_value("[name=temperature]") == "2"
    figure(opened, "max_tokens", "40")
    figure(opened, "thinking_budget", "512")
    assert asked(opened, scripted) == {"top_p": 0.81, "temperature": 2, "max_tokens": 40, "thinking_budget": 512}
    figure(opened, "temperature", "")
    assert opened.input_value("[name=temperature]") == "0.7"


def test_at_temperature_0_nothing_is_drawn_and_that_is_said(page: Page, scripted: ScriptedServer) -> None:
    scripted.models = [served(generation={**GENERATION, "temperature": 0.0}, thinking_budget=False)]
    open_page(page, scripted.url)
    page.click(OPEN)
    expect(page.locator("text=top p, top k and min p do nothing")).to_be_visible()
    expect(page.locator("[name=thinking_budget]")).to_be_hidden()
    figure(page, "top_p", "0.5")
    assert asked(page, scripted) == {"top_p": 0.5, "temperature": 0}  # and does not begin to draw by itself


def test_a_model_that_is_not_loaded_has_no_known_values(page: Page, scripted: ScriptedServer) -> None:
    scripted.models = [{"id": "scripted", "status": "unloaded"}]
    open_page(page, scripted.url)
    page.click(OPEN)
    assert page.input_value("[name=temperature]") == ""
    expect(page.locator("text=shows once the model is loaded")).to_be_visible()
    figure(page, "temperature", "0.4")
    expect(page.locator(".reset:visible")).to_have_text("back to its own")


def test_given_presets_say_how_words_are_chosen_and_nothing_else(opened: Page, scripted: ScriptedServer) -> None:
    opened.fill("#system", "Be brief.")
    figure(opened, "max_tokens", "40")
    opened.get_by_role("radio", name="Exact").check(force=True)
    assert asked(opened, scripted) == {"temperature": 0, "max_tokens": 40}
    opened.get_by_role("radio", name="Lively").check(force=True)
    assert asked(opened, scripted) == {"temperature": 1, "top_p": 0.95, "min_p": 0.05, "max_tokens": 40}
    assert scripted.asked[-1]["messages"][0] == {"role": "system", "content": "Be brief."}
    opened.get_by_role("radio", name="Its own").check(force=True)
    assert asked(opened, scripted) == {"max_tokens": 40}


def test_presets_are_saved_used_exported_deleted_and_imported(
    opened: Page, scripted: ScriptedServer, tmp_path: Path
) -> None:
    opened.fill("#system", "You bake.")
    figure(opened, "temperature", "0.2")
    opened.click("text=Save as mine")
    opened.fill("#preset-name", "Baker")
    opened.keyboard.press("Enter")
    expect(opened.locator(".presets .open")).to_have_text("Baker")
    with opened.expect_download() as download:
        opened.click("[aria-label='Export Baker']")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    preset = {"name": "Baker", "system": "You bake.", "model": "scripted", "flags": {"temperature": 0.2}}
    assert json.loads(path.read_text()) == {"causerie": 1, "presets": [preset]}
    opened.click("[aria-label='Delete Baker']")
    expect(opened.locator(".presets li")).to_have_count(0)
    opened.click("text=Undo")
    expect(opened.locator(".presets .open")).to_have_text("Baker")
    opened.click("[aria-label='Delete Baker']")
    other = {**preset, "name": "Other", "model": "other", "flags": {"temperature": 0.3, "evil": 1, "top_k": "x"}}
    path.write_text(json.dumps({"presets": [other]}))
    with opened.expect_file_chooser() as chooser:
        opened.click(".panel button:has-text('Import')")
    chooser.value.set_files(path)
    expect(opened.locator(".presets [aria-pressed=true]")).to_have_text("Other")
    assert asked(opened, scripted) == {"temperature": 0.3} and scripted.asked[-1]["model"] == "other"
    opened.keyboard.press("Alt+n")
    opened.get_by_role("radio", name="Mine").check(force=True)  # the only one, so it is taken
    assert opened.input_value("#system") == "You bake."


def test_a_file_that_holds_no_presets_is_refused_with_a_sentence(opened: Page, tmp_path: Path) -> None:
    (tmp_path / "chats.json").write_text('{"chats": []}')
    opened.get_by_role("radio", name="Mine").check(force=True)
    with opened.expect_file_chooser() as chooser:
        opened.click(".panel button:has-text('Import')")
    chooser.value.set_files(tmp_path / "chats.json")
    expect(opened.get_by_role("alert")).to_contain_text(
        "chats.json was not imported: It holds no presets of this page."
    )


def test_policy_repetition_and_seed_reach_the_server(opened: Page, scripted: ScriptedServer) -> None:
    opened.get_by_role("radio", name="Summarise").check(force=True)
    opened.click("text=Ends an answer that repeats itself")
    figure(opened, "seed", "7")
    say(opened, "Hi")
    body = scripted.asked[-1]
    assert (body["context_policy"], body["repetition_detection"], body["seed"]) == ("summarize", False, 7)


def test_the_sheet_stands_beside_or_above_and_tab_leaves_it(page: Page, scripted: ScriptedServer) -> None:
    for width, beside in ((1088, True), (1087, False)):
        page.set_viewport_size({"width": width, "height": 800})
        open_page(page, scripted.url)
        page.keyboard.press("Alt+s")
        expect(page.locator("[aria-label='Close the settings']")).to_be_focused()
        sheet, panel = page.locator(".sheet").bounding_box(), page.locator(".panel").bounding_box()
        assert sheet is not None and panel is not None
        assert (sheet["x"] + sheet["width"] <= panel["x"]) == beside
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("!document.activeElement.closest('.panel')")
        page.focus(".panel button")
        page.keyboard.press("Escape")
        expect(page.locator(".panel")).to_be_hidden()
        expect(page.locator(OPEN)).to_be_focused()

"""The page's dialog of models: what is here is taken, what the hub has is downloaded, told, cancelled, and used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from causerie.builtin import LARGER
from tests.page.scripted import ScriptedServer
from tests.page.test_page import bodies, open_page, say
from tests.server.library_server import GATED, NAME, LibraryServer, library_serving


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryServer]:
    with library_serving(tmp_path_factory.mktemp("library"), "--allow-downloads") as made:
        yield made


def test_a_model_is_found_downloaded_and_talked_to(page: Page, place: LibraryServer) -> None:
    open_page(page, place.server.url)
    page.click("#models-open")
    expect(page.locator("#models-here tr", has_text="builtin")).to_be_visible()
    page.fill("#hub-words", "org")
    page.keyboard.press("Enter")
    expect(page.locator("#models-there tr")).to_have_count(2)
    place.gate.clear()
    page.click(f"[aria-label='Download {NAME}']")
    running = page.locator("#downloads li", has_text=NAME)
    expect(running).to_contain_text("of 11 MB")
    page.click(f"[aria-label='Cancel the download of {NAME}']")
    expect(running).to_contain_text("cancelled; what came is kept")
    page.click(f"[aria-label='Download {NAME}']")
    page.reload()  # it goes on, and whoever looks is told
    page.wait_for_selector("body[data-ready]")
    page.click("#models-open")
    expect(running).to_contain_text("of 11 MB")
    place.gate.set()
    expect(running).to_contain_text("is here")
    page.click(f"[aria-label='Use {NAME}']")
    expect(page.locator("#models")).to_be_hidden()
    assert page.input_value("#model") == NAME
    say(page, "What is a token?")
    assert bodies(page, "assistant") == [place.server.said("What is a token?", model=NAME).replace("`", "").strip()]


def test_what_goes_wrong_is_said(page: Page, place: LibraryServer) -> None:
    open_page(page, place.server.url)
    page.click("#models-open")
    page.fill("#hub-words", GATED)
    page.click("#hub-search")
    page.click(f"[aria-label='Download {GATED}']")
    expect(page.locator("#downloads li", has_text=GATED)).to_contain_text("accept")
    page.fill("#hub-words", "no such thing")
    page.click("#hub-search")
    expect(page.locator("#models-notice")).to_have_text("The hub has no such model. Fewer words give more.")
    place.hub.fault = lambda exchange: exchange.answer(503, b"")
    page.click("#hub-search")
    expect(page.locator("#models-notice")).to_contain_text("The hub gave no models")
    place.hub.fault = place.wait


def test_speeds_come_when_the_machine_is_measured(page: Page, place: LibraryServer) -> None:
    """The model of the hub has them too, before it is fetched."""
    answer = place.server.get("/library").json()
    unmeasured = {
        **answer,
        "measuring": True,
        **{
            key: [{**row, "expected_tokens_per_second": None} for row in answer[key]] for key in ("models", "suggested")
        },
    }
    asked: list[Route] = []

    def library(route: Route) -> None:
        asked.append(route)
        if len(asked) == 1:
            route.fulfill(json=unmeasured)

    page.route("**/library", library)
    open_page(page, place.server.url)
    page.click("#models-open")
    cells = page.locator("#models-here tr", has_text=LARGER).locator("td")
    expect(cells).to_have_text([LARGER, "494 M", "988 MB", "yes", "…", "Download"])
    while len(asked) < 2:
        page.wait_for_timeout(10)
    asked[1].fulfill(json=answer)
    usual = answer["suggested"][0]["expected_tokens_per_second"]["usual"]
    expect(cells.nth(4)).to_have_text(f"{usual:.0f}")
    assert "…" not in page.locator("#models-here").inner_text()


def test_where_nobody_may_choose_there_is_no_button(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    expect(page.locator("#models-open")).to_be_hidden()

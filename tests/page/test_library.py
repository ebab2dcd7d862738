"""The page's models: what is here is taken, what the hub has is downloaded, told, cancelled, and used."""

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
    page.click(".pick")
    expect(page.locator("[aria-label='Models of this machine'] .model", has_text="builtin")).to_be_visible()
    page.fill(".models [type=search]", "org")
    page.keyboard.press("Enter")
    expect(page.locator("[aria-label='Models of the hub'] .model")).to_have_count(2)
    place.gate.clear()
    page.click(f"[aria-label='Download {NAME}']")
    running = page.locator("[aria-label='Downloads'] .model", has_text=NAME)
    expect(running).to_contain_text("of 11 MB")
    page.click(f"[aria-label='Cancel the download of {NAME}']")
    expect(running).to_contain_text("cancelled; what came is kept")
    page.click(f"[aria-label='Download {NAME}']")
    page.reload()  # it goes on, and whoever looks is told
    page.wait_for_selector("body[data-ready]")
    page.click(".pick")
    expect(running).to_contain_text("of 11 MB")
    place.gate.set()
    expect(running).to_contain_text("is here")
    page.click(f"[aria-label='Use {NAME}']")
    expect(page.locator(".models")).to_have_count(0)
    expect(page.locator(".pick")).to_have_attribute("title", NAME)
    say(page, "What is a token?")
    assert bodies(page, "assistant") == [place.server.said("What is a token?", model=NAME).replace("`", "").strip()]


def test_what_goes_wrong_is_said(page: Page, place: LibraryServer) -> None:
    open_page(page, place.server.url)
    page.click(".pick")
    page.fill(".models [type=search]", GATED)
    page.press(".models [type=search]", "Enter")
    page.click(f"[aria-label='Download {GATED}']")
    expect(page.locator("[aria-label='Downloads'] .model", has_text=GATED)).to_contain_text("accept")
    page.fill(".models [type=search]", "no such thing")
    page.press(".models [type=search]", "Enter")
    expect(page.locator(".models [role=alert]")).to_have_text("The hub has no such model. Fewer words give more.")
    place.hub.fault = lambda exchange: exchange.answer(503, b"")
    page.press(".models [type=search]", "Enter")
    expect(page.locator(".models [role=alert]")).to_contain_text("The hub gave no models")
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
    page.click(".pick")
    figures = page.locator("[aria-label='Models of this machine'] .model", has_text=LARGER).locator("small")
    expect(figures).to_have_text("494 M parameters · 988 MB · fits · … tokens/s")
    while len(asked) < 2:
        page.wait_for_timeout(10)
    asked[1].fulfill(json=answer)
    usual = answer["suggested"][0]["expected_tokens_per_second"]["usual"]
    expect(figures).to_have_text(f"494 M parameters · 988 MB · fits · about {usual:.0f} tokens/s")


def test_where_nobody_may_choose_there_is_nothing_to_search(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    page.click(".pick")
    expect(page.locator(".model")).to_have_count(1)
    expect(page.locator(".models [type=search]")).to_be_hidden()

"""The page's models: what is here is loaded and unloaded, what the hub has is downloaded, told, paused, and used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from causerie.builtin import LARGER
from tests.page.scripted import ScriptedServer
from tests.page.test_page import bodies, open_page, say
from tests.server.library_server import GATED, NAME, LibraryServer, huge_model, library_serving

SEARCH = ".models [type=search]"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryServer]:
    folder = tmp_path_factory.mktemp("library")
    huge_model(folder / "models" / "huge-70b")
    with library_serving(folder, "--allow-downloads", "--models-dir", str(folder / "models")) as made:
        yield made


def group(page: Page, heading: str) -> Locator:
    return page.get_by_role("group", name=heading, exact=True).locator(".model")


def open_models(page: Page, url: str) -> None:
    open_page(page, url)
    page.click(".pick")
    expect(page.get_by_text("Looking at the models of this machine")).to_be_hidden(timeout=30_000)


def test_a_model_is_found_downloaded_and_talked_to(page: Page, place: LibraryServer) -> None:
    open_models(page, place.server.url)
    expect(group(page, "In memory").filter(has_text="builtin")).to_be_visible()
    page.fill(SEARCH, "org")
    page.keyboard.press("Enter")
    expect(group(page, "On the Hub")).to_have_count(2)
    place.gate.clear()
    page.click(f"[aria-label='Download {NAME}']")
    running = group(page, "On the way").filter(has_text="copy")
    expect(running).to_contain_text("of 11 MB")
    expect(running.get_by_role("progressbar")).to_have_attribute("aria-valuemax", "100")
    page.click("[aria-label='Pause the download of copy']")
    expect(running).to_contain_text("paused")
    page.click("[aria-label='Go on with the download of copy']")
    page.reload()  # it goes on, and whoever looks is told
    page.wait_for_selector("body[data-ready]")
    page.click(".pick")
    expect(running).to_contain_text("of 11 MB")
    place.gate.set()
    expect(group(page, "On this disk").filter(has_text="copy")).to_be_visible()
    expect(running).to_have_count(0)
    page.click("[aria-label='Load copy']")
    expect(page.locator(".models")).to_have_count(0)
    expect(page.locator(".pick")).to_have_attribute("title", NAME)
    say(page, "What is a token?")
    assert bodies(page, "assistant") == [place.server.said("What is a token?", model=NAME).replace("`", "").strip()]


def test_what_goes_wrong_is_said(page: Page, place: LibraryServer) -> None:
    open_models(page, place.server.url)
    page.fill(SEARCH, GATED)
    page.press(SEARCH, "Enter")
    page.click(f"[aria-label='Download {GATED}']")
    expect(group(page, "On the way").filter(has_text="secret")).to_contain_text("accept")
    page.fill(SEARCH, "no such thing")
    page.press(SEARCH, "Enter")
    expect(page.locator(".models .list > .hint:not([role])")).to_have_text(
        "The Hub has no such model. Fewer words give more."
    )
    place.hub.fault = lambda exchange: exchange.answer(503, b"")
    page.fill(SEARCH, "something")
    page.press(SEARCH, "Enter")
    expect(page.locator(".models [role=alert]")).to_contain_text("The hub gave no models")
    place.hub.fault = place.wait


def test_memory_is_shown_and_a_model_is_unloaded(page: Page, place: LibraryServer) -> None:
    open_models(page, place.server.url)
    expect(page.locator(".legend")).to_contain_text("Models 0.0")
    row = group(page, "In memory").filter(has_text="builtin")
    expect(row.locator("small")).to_contain_text("bfloat16 · 2k context · about ")
    row.get_by_role("button", name="Unload builtin").click()
    expect(group(page, "On this disk").filter(has_text="builtin")).to_be_visible()
    assert place.server.get("/v1/models/builtin").json()["status"] == "unloaded"
    page.click("[aria-label='Load builtin']")
    place.server.wait(lambda: place.server.get("/v1/models/builtin").json()["status"] == "loaded")


def test_what_is_too_large_says_what_is_missing(page: Page, place: LibraryServer) -> None:
    open_models(page, place.server.url)
    row = group(page, "On this disk").filter(has_text="huge 70b")
    expect(row.locator(".badge")).to_have_text("too large")
    expect(row.locator("small")).to_contain_text("GB of memory missing")
    expect(row.get_by_role("button")).to_be_disabled()
    expect(group(page, "On this disk").last).to_contain_text("huge")  # what fits comes first
    page.fill(SEARCH, "huge nothing")
    expect(group(page, "On this disk")).to_have_count(0)
    page.fill(SEARCH, "70B HUGE")
    expect(group(page, "On this disk")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".models")).to_have_count(0)
    expect(page.locator(".pick")).to_be_focused()


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
    open_models(page, place.server.url)
    here, there = group(page, "On this disk").filter(has_text="smollm2"), group(page, "On the Hub")
    expect(here.locator("small")).to_contain_text("8k context · … tokens/s")
    expect(there.locator("b")).to_have_text(LARGER)
    expect(there.locator("small")).to_have_text("988 MB to download · 494 million parameters · 32k context")
    while len(asked) < 2:
        page.wait_for_timeout(10)
    asked[1].fulfill(json=answer)
    expect(there.locator("small")).to_contain_text("32k context · about 1")
    expect(here.locator("small")).to_contain_text("8k context · about ")


def test_where_nobody_may_choose_it_says_so(page: Page, scripted: ScriptedServer) -> None:
    served = {"models": [], "suggested": [], "measuring": False, "may_choose": False, "may_download": False}
    page.route("**/library", lambda route: route.fulfill(json=served))
    open_models(page, scripted.url)
    expect(page.locator(".model")).to_have_count(1)
    expect(page.locator(SEARCH)).to_have_attribute("placeholder", "Search models")
    expect(page.locator(".models")).to_contain_text("This server has the models that were named when it was started.")
    page.fill(SEARCH, "else")
    expect(page.locator(".models")).to_contain_text("No model here has such a name.")
    expect(page.get_by_text("Search the Hub")).to_be_hidden()

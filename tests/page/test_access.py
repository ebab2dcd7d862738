"""The page on a phone: the key that comes in its address, and what makes it a program of its own."""

from __future__ import annotations

import json
import struct

from playwright.sync_api import Page, expect

from tests.page.test_page import open_page, with_key
from tests.server.server_process import Server


def served(page: Page) -> None:
    expect(page.locator(".pick .cut")).to_have_text("builtin")


def test_the_key_of_the_address_is_kept_and_no_longer_shown(page: Page, real: Server) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_page(page, real.url + "/#key=open%20sesame")
    served(page)
    assert page.url == real.url + "/"
    assert "sesame" not in "".join(asked)
    page.evaluate("sessionStorage.clear()")  # as when the browser was closed
    open_page(page, real.url)
    served(page)
    assert page.locator("[aria-label='API key']").count() == 0


def test_another_key_takes_the_place_of_one_that_no_longer_opens(page: Page, real: Server) -> None:
    open_page(page, real.url + "/#key=of%20yesterday")
    with_key(page, "open sesame")
    served(page)
    page.evaluate("sessionStorage.clear()")
    page.reload()
    served(page)


def test_an_open_page_takes_the_key_too(page: Page, real: Server) -> None:
    open_page(page, real.url)
    expect(page.locator("[aria-label='API key'] input")).to_be_visible()
    page.evaluate("location.hash = 'key=open%20sesame'")
    served(page)
    assert page.url == real.url + "/"


def test_a_typed_key_stays_in_its_tab(page: Page, real: Server) -> None:
    open_page(page, real.url)
    with_key(page, "open sesame")
    served(page)
    assert page.evaluate("[sessionStorage.getItem('key'), localStorage.getItem('key')]") == ["open sesame", None]


def test_it_can_be_installed(page: Page, real: Server) -> None:
    open_page(page, real.url)
    browser = page.context.new_cdp_session(page)
    manifest = browser.send("Page.getAppManifest")
    assert manifest["url"] == real.url + "/page/app.webmanifest" and manifest["errors"] == []
    faults = [each["errorId"] for each in browser.send("Page.getInstallabilityErrors")["installabilityErrors"]]
    assert faults in ([], ["in-incognito"])  # as a context of a test is
    for icon in json.loads(manifest["data"])["icons"]:
        response = real.get(icon["src"])
        assert response.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            width, height = struct.unpack(">II", response.content[16:24])  # of its first chunk
            assert icon["sizes"] == f"{width}x{height}"

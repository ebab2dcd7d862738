"""Attached files: PDFs whose text the server takes, and texts that do not fit the model, which is said and mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import ask, bodies, open_page, say, with_key
from tests.server.pdf_files import encrypted, pdf_of
from tests.server.server_process import Server


@pytest.fixture
def asked(page: Page, real: Server) -> Iterator[list[Any]]:
    """What the page asks of the real server to answer."""
    posts: list[Any] = []
    page.on("request", lambda each: each.url.endswith("completions") and posts.append(each.post_data_json))
    open_page(page, real.url)
    with_key(page, "open sesame")
    yield posts


def attach(page: Page, *files: tuple[str, bytes]) -> None:
    with page.expect_file_chooser() as chooser:
        page.click("[aria-label='Attach files']")
    chooser.value.set_files([{"name": name, "mimeType": "", "buffer": data} for name, data in files])


def test_a_pdf_goes_with_a_message(page: Page, asked: list[Any]) -> None:
    attach(page, ("apples.pdf", pdf_of("Four apples.", "", "Five pears.")), ("notes.txt", b"three plums"))
    chips = page.locator(".box .chip")
    expect(chips).to_contain_text(["3 pages, 1 without text, 25 characters", "11 characters"])
    told = "apples.pdf is attached: 3 pages, 1 without text, 25 characters."
    expect(page.locator("[data-slot=announcements]")).to_have_text(told)
    say(page, "How many?")
    sent = "apples.pdf:\n```\nFour apples.\n\nFive pears.\n```\n\nnotes.txt:\n```\nthree plums\n```\n\nHow many?"
    assert asked[-1]["messages"] == [{"role": "user", "content": sent}]
    expect(chips).to_have_count(0)


def test_a_pdf_without_text_is_said(page: Page, asked: list[Any]) -> None:
    for data, words in ((pdf_of(""), "holds pictures of pages"), (encrypted(pdf_of("x"), "secret"), "is encrypted")):
        attach(page, ("scan.pdf", data))
        expect(page.locator(".notice")).to_have_text(re.compile(f"^scan.pdf was not attached: The PDF {words}"))
        expect(page.locator(".box .chip")).to_have_count(0)


def test_a_file_that_is_still_read_is_waited_for(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    page.route("**/text-of-file", lambda _: None)
    attach(page, ("slow.pdf", pdf_of("x")))
    expect(page.locator(".box .chip")).to_contain_text("reading its text")
    ask(page, "Well?")
    expect(page.locator(".notice")).to_contain_text("still being read")
    page.click("[aria-label='Remove slow.pdf']")
    say(page, "Well?")
    assert scripted.asked[-1]["messages"] == [{"role": "user", "content": "Well?"}]


def test_what_does_not_fit_is_said_and_cut(page: Page, asked: list[Any], real: Server) -> None:
    long = " ".join(f"river {number}" for number in range(2000))
    attach(page, ("short.txt", b"three apples"), ("long.txt", long.encode()))
    line = page.locator(".fit")
    expect(line).to_have_text(re.compile(r"^These files have [\d,]+ tokens; this chat has room for 1,536"))
    page.click("text=Cut to what fits")
    expect(line).to_be_hidden()
    expect(page.locator(".box .chip")).to_contain_text(["12 characters", re.compile(r"[\d,]+ characters, cut to fit")])
    page.click(".toast >> text=Undo")
    expect(line).to_be_visible()
    page.click("text=Cut to what fits")
    expect(line).to_be_hidden()
    say(page, "How many apples?")
    content = asked[-1]["messages"][0]["content"]
    assert content.startswith("short.txt:\n```\nthree apples\n```\n")
    kept = re.search(
        r"long.txt:\n```\n(.*)\n\n\[Cut here to fit: this is the first (\d+) % of the text.\]\n", content, re.S
    )
    assert kept and long.startswith(kept[1]) and int(kept[2]) == len(kept[1]) * 100 // len(long)
    tokens = real.post(
        "/tokenize", {"model": "builtin", "prompt": content}, headers={"Authorization": "Bearer open sesame"}
    ).json()["count"]
    assert 1300 < tokens < 1650  # as much as there is room for, and the question
    assert bodies(page, "assistant")[-1]

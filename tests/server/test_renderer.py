"""Markdown of the page, rendered in a process of its own: what takes long is stopped, and nobody else waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from causerie.server.http.page import MOST_CHARACTERS as MOST_TOGETHER
from causerie.server.processes.markdown.renderer import MOST_CHARACTERS, Renderer, plain
from tests.server.server_process import Server

SLOW = "[" * MOST_CHARACTERS  # takes markdown-it some tenths of a second for each of these
SLOWEST = "\\[ x\n" * (MOST_CHARACTERS // 5)


def with_renderer(use: Callable[[Renderer], Awaitable[Any]], seconds: float = 0.25) -> Any:
    async def run() -> Any:
        renderer = Renderer(seconds)
        try:
            return await use(renderer)
        finally:
            await renderer.close()

    return asyncio.run(run())


def test_what_takes_too_long_is_shown_as_it_is() -> None:
    """What was rendered before it stays, and the next texts find another process."""

    async def use(renderer: Renderer) -> None:
        slow = await renderer.html(["*a*", *[SLOWEST] * 4, "*b*"])
        assert slow == ["<p><em>a</em></p>\n", *[plain(SLOWEST)] * 4, plain("*b*")]
        assert await renderer.html(["*b*"]) == ["<p><em>b</em></p>\n"]

    with_renderer(use)


def test_who_waits_behind_one_that_takes_long_waits_no_longer_than_it() -> None:
    async def use(renderer: Renderer) -> None:
        await renderer.html(["begin"])
        pages = await asyncio.gather(renderer.html([SLOWEST] * 8), *(renderer.html([f"*{n}*"]) for n in range(3)))
        assert pages[0] == [plain(SLOWEST)] * 8
        assert all(html[0] in (f"<p><em>{n}</em></p>\n", plain(f"*{n}*")) for n, html in enumerate(pages[1:]))

    with_renderer(use)


def test_a_text_that_is_too_long_is_shown_as_it_is() -> None:
    async def use(renderer: Renderer) -> list[str]:
        return await renderer.html(["*a*", "*" * (MOST_CHARACTERS + 1), "*b* & <i>"])

    first, long, last = with_renderer(use, 20.0)
    assert (first, last) == ("<p><em>a</em></p>\n", "<p><em>b</em> &amp; &lt;i&gt;</p>\n")
    assert long == plain("*" * (MOST_CHARACTERS + 1))


def test_a_process_that_was_killed_is_started_again() -> None:
    async def use(renderer: Renderer) -> None:
        await renderer.html(["a"])
        assert renderer._child is not None
        renderer._child.process.kill()
        await renderer._child.process.wait()
        assert await renderer.html(["*a*"]) == [plain("*a*")]
        assert await renderer.html(["*a*"]) == ["<p><em>a</em></p>\n"]
        assert await renderer.html(["*a*"]) == ["<p><em>a</em></p>\n"]

    with_renderer(use, 20.0)


def test_rendering_never_keeps_the_server_from_answering(server: Server) -> None:
    """Eight texts of 180 KB took 15 s of everybody's time: now they are too many, and what may come is stopped."""
    many = server.post("/render", {"texts": ["[" * 180_000] * 8})
    assert many.status_code == 400 and many.json()["error"]["param"] == "texts"
    assert str(MOST_TOGETHER) in many.json()["error"]["message"]
    server.post("/render", {"texts": ["begin"]})
    with ThreadPoolExecutor() as pool:
        rendering = [pool.submit(server.post, "/render", {"texts": [SLOW] * 4}) for _ in range(3)]
        answered = 0
        while not all(each.done() for each in rendering):
            assert server.get("/health").status_code == 200
            answered += 1
    assert answered > 3
    for each in rendering:
        assert all(html in (f"<p>{SLOW}</p>\n", plain(SLOW)) for html in each.result().json()["html"])
    server.wait(lambda: server.post("/render", {"texts": ["*a*"]}).json() == {"html": ["<p><em>a</em></p>\n"]})


def test_after_its_end_nothing_is_started_again() -> None:
    """A page that asked while the server ended left a process behind."""

    async def ask() -> None:
        renderer = Renderer()
        assert await renderer.html(["*a*"]) == ["<p><em>a</em></p>\n"]
        late = asyncio.create_task(renderer.html(["*b*"]))
        await asyncio.sleep(0)
        await renderer.close()
        assert (await late)[0]
        assert await renderer.html(["*c*"]) == [plain("*c*")]
        assert renderer._child is None

    asyncio.run(ask())

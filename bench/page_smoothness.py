"""How smooth the page is: frames while an answer of 10,000 tokens comes, and in a chat of 500 messages.

    python bench/page_smoothness.py [TOKENS [MESSAGES]]

Opens the page in Chromium from a server whose answers are written here, and prints times between frames and the work of
the page's thread for each tenth of the answer. Needs Chromium and what tests need.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.page.chromium import launched
from tests.page.scripted import ScriptedServer

FRAMES = """() => { window.frames_ = []; let last = performance.now();
  const frame = (now) => { window.frames_.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame); }"""
TAKEN = "() => window.frames_.splice(0)"
PIECES = (
    "The river **runs** from the hills to the plain and `turns` there, as rivers do. ",
    "Nobody has *measured* it for years, and so it goes on as before.\n\n",
    "- one thing\n- another thing\n- a third, with `code`\n\n",
    "```python\ndef depth(at: float) -> float:\n    return 2 * at  # metres\n```\n\n",
    "| place | depth |\n|---|--:|\n| mill | 2.5 |\n| bridge | 4 |\n\n",
)
EVERY = 0.005  # seconds between two pieces of two tokens: 400 tokens a second


def pieces(tokens: int) -> list[dict[str, Any]]:
    """A text with all that Markdown has, two tokens a piece."""
    words: list[str] = []
    while len(words) < tokens:
        for text in PIECES:
            words += [f"{word} " for word in text.split(" ") if word] if "\n" not in text else _lines(text)
    words = words[:tokens]
    return [{"content": "".join(words[place : place + 2])} for place in range(0, len(words), 2)]


def _lines(text: str) -> list[str]:
    parts = text.replace(" ", " \0").split("\0")
    return [part for part in parts if part]


def told(label: str, frames: list[float], work: float, seconds: float) -> None:
    """One line of figures."""
    ordered = sorted(frames)
    of = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99)}
    over = sum(each > 17.5 for each in frames) / len(frames)
    print(
        f"{label:24} {len(frames):5} frames  median {of[0.5]:5.1f}  p95 {of[0.95]:5.1f}  p99 {of[0.99]:5.1f}  "
        f"max {ordered[-1]:6.1f} ms  late {over:5.1%}  thread busy {work / seconds:4.0%}  "
        f"a frame's work {1000 * work / len(frames):4.1f} ms",
        flush=True,
    )


def busy(session: CDPSession) -> float:
    """Seconds that the page's thread has worked."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))


def long_answer(page: Page, session: CDPSession, server: ScriptedServer, tokens: int) -> None:
    """The answer, tenth by tenth."""
    server.deltas, server.pause = pieces(tokens), EVERY
    page.fill("#text", "Tell me about the river.")
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn.answer .prose > *")
    page.evaluate(TAKEN)
    medians: list[float] = []
    tenth = len(server.deltas) * EVERY / 10
    for place in range(10):
        before, began = busy(session), time.monotonic()
        page.wait_for_timeout(1000 * tenth)
        frames = page.evaluate(TAKEN)
        work, seconds = busy(session) - before, time.monotonic() - began
        medians.append(1000 * work / max(1, len(frames)))
        told(f"answer, tenth {place + 1}", frames, work, seconds)
    print(
        f"work a frame, last fifth to first fifth: {statistics.mean(medians[-2:]) / statistics.mean(medians[:2]):.2f}"
    )
    page.wait_for_selector("[aria-label='Send']", state="visible", timeout=120_000)
    page.wait_for_timeout(500)
    told("the end of it", page.evaluate(TAKEN), 0, 1)


def long_chat(page: Page, session: CDPSession, server: ScriptedServer, messages: int) -> None:
    """A chat of many messages: opened, scrolled through, and answered in."""
    nodes = {
        str(place): {
            "id": str(place),
            "parent": str(place - 1) if place else None,
            "reasoning": "",
            "calls": [],
            "files": [],
            "role": ("user", "assistant")[place % 2],
            "text": "".join(PIECES) if place % 2 else f"Message {place}: and then?",
        }
        for place in range(messages)
    }
    script = """async (nodes) => { const store = await import("/page/scripts/store.js");
      const chats = await import("/page/scripts/chats/chats.js");
      const chat = { ...store.newChat(""), title: "long", nodes, leaf: String(Object.keys(nodes).length - 1) };
      const began = performance.now(); chats.openChat(chat);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return performance.now() - began; }"""
    page.evaluate(TAKEN)
    opened = page.evaluate(script, nodes)
    while page.evaluate("[...document.querySelectorAll('.turn.answer .prose')].some((each) => !each.children.length)"):
        page.wait_for_timeout(20)
    print(f"chat of {messages} messages: shown after {opened:.0f} ms")
    told("  while it is rendered", page.evaluate(TAKEN), 0, 1)
    page.locator(".log").hover()
    before, began = busy(session), time.monotonic()
    for _ in range(60):
        page.mouse.wheel(0, -400)
        page.wait_for_timeout(16)
    told("  scrolled", page.evaluate(TAKEN), busy(session) - before, time.monotonic() - began)
    server.deltas, server.pause = pieces(800), EVERY
    page.fill("#text", "And then?")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.evaluate(TAKEN)
    before, began = busy(session), time.monotonic()
    page.wait_for_selector("[aria-label='Send']", state="visible", timeout=60_000)
    told("  an answer in it", page.evaluate(TAKEN), busy(session) - before, time.monotonic() - began)


def main() -> None:
    """Measures both."""
    tokens, messages = (int(each) for each in [*sys.argv[1:], *("10000", "500")[len(sys.argv) - 1 :]])
    server = ScriptedServer()
    server.start()
    with sync_playwright() as playwright:
        browser = launched(playwright)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        page.goto(server.url)
        page.wait_for_selector("body[data-ready]")
        page.evaluate(FRAMES)
        long_answer(page, session, server, tokens)
        long_chat(page, session, server, messages)
        browser.close()
    server.stop()


if __name__ == "__main__":
    main()

"""The text of answers as a browser shows it: formulas, tables, code, tasks, notes, and the direction of each block."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page, say

FORMULA = "\\[\n\\int_0^1 x^2\\,dx\n\n= \\frac{1}{3}\n\\]"


WATCH = """() => {
  window.drawn = new Set();
  const written = (each) => window.drawn.add(each.getAttribute("alttext"));
  const watch = new MutationObserver(() => document.querySelectorAll("math").forEach(written));
  watch.observe(document.body, { childList: true, subtree: true });
}"""
DIRECTIONS = (
    "(prose) => [...prose.querySelectorAll('p, li, blockquote, table, pre')].map((e) => getComputedStyle(e).direction)"
)
MIXED = "One.\n\nراقب العجين\n\n- راقب\n- two\n\n> راقب\n\n| الاسم | b |\n|---|---|\n| c | d |\n\n```\nراقب\n```"


def test_formulas_come_whole_and_are_drawn(page: Page, scripted: ScriptedServer) -> None:
    """Those that are read; another stays as it was written."""
    text = f"With \\(a^2\\) and $\\oddmacro{{x}}$:\n\n{FORMULA}\n\nDone: \\(b^3\\)."
    scripted.deltas = [{"content": character} for character in text]
    scripted.pause = 0.005
    open_page(page, scripted.url)
    page.evaluate(WATCH)
    say(page, "Hi")
    assert page.locator(".turn.answer .maths").all_text_contents() == ["$\\oddmacro{x}$"]
    assert page.evaluate("[...window.drawn]") == ["a^2", FORMULA[2:-2].strip(), "b^3"]
    fraction = page.locator(".turn.answer math mfrac")
    above, below = (fraction.locator("> *").nth(place).bounding_box() for place in (0, 1))
    assert above and below and above["y"] + above["height"] <= below["y"] + 1
    expect(page.locator("[data-slot=announcements]")).to_contain_text("Done: b^3. Finished")


def test_what_is_wide_scrolls_by_itself(page: Page, scripted: ScriptedServer) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    head = " | ".join(f"Column {place}" for place in range(12))
    table = f"| {head} |\n|{'---|' * 12}\n| {' | '.join(['1,500'] * 12)} |"
    scripted.deltas = [{"content": f"{table}\n\n$$\n{' + '.join(['x_{100}'] * 40)}\n$$\n\n```c\n{'int ' * 40}\n```"}]
    open_page(page, scripted.url)
    say(page, "Hi")
    region = page.get_by_role("region", name="Table: Column 0")
    for wide in (region, page.locator("math"), page.locator("pre")):
        assert wide.evaluate(
            "(e) => e.scrollWidth > e.clientWidth && e.getBoundingClientRect().right <= innerWidth + 1"
        )
    assert page.locator(".log").evaluate("(e) => e.scrollWidth") <= 390
    region.focus()
    page.keyboard.press("ArrowRight")
    expect(region).not_to_have_js_property("scrollLeft", 0)


def test_tasks_and_notes(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [{"content": "- [x] Feed the *starter*\n- [ ] Rest\n\nWatch[^1] it.\n\n[^1]: The dough."}]
    open_page(page, scripted.url)
    for _ in range(2):
        say(page, "Hi")
    for name, done in (("Feed the starter", True), ("Rest", False)):
        box = page.get_by_role("checkbox", name=name).last
        expect(box).to_be_checked(checked=done)
        expect(box).to_be_disabled()
    address = page.url
    answer = page.locator(".turn.answer").last
    answer.get_by_role("link", name="Note 1").click()
    expect(answer.locator(".footnote-item")).to_be_focused()
    answer.get_by_role("link", name="Back to the text").click()
    expect(answer.get_by_role("link", name="Note 1")).to_be_focused()
    assert page.url == address
    assert (
        page.evaluate(
            "(() => { const ids = [...document.querySelectorAll('[id]')].map((e) => e.id); "
            "return ids.length - new Set(ids).size; })()"
        )
        == 0
    )


def test_each_block_runs_in_the_direction_of_its_words(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [{"content": MIXED}]
    open_page(page, scripted.url)
    say(page, "Hi")
    directions = page.locator(".prose").evaluate(DIRECTIONS)
    assert directions == ["ltr", "rtl", "rtl", "ltr", "rtl", "rtl", "rtl", "ltr"]


def test_code_wraps_everywhere_once_it_is_asked_for(page: Page, scripted: ScriptedServer) -> None:
    scripted.deltas = [{"content": "```python\nprint(1)\n```\n\n```\nb\n```"}]
    open_page(page, scripted.url)
    say(page, "Hi")
    expect(page.locator("figcaption").first).to_have_text("Python")
    page.get_by_role("button", name="Wrap lines").first.click()
    page.reload()
    wrap = page.get_by_role("button", name="Wrap lines")
    for place in range(2):
        expect(wrap.nth(place)).to_have_attribute("aria-pressed", "true")
        expect(page.locator("figure pre").nth(place)).to_have_css("white-space", "pre-wrap")

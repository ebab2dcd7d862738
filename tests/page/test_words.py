"""The words of the page in each language: whole, used, shown where the browser asks for it, and chosen by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import causerie.server
from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page

WEB = Path(causerie.server.__file__).parent / "web"
QUESTIONS = {
    "de": "Worüber reden wir?",
    "fr": "De quoi parlons-nous\N{NO-BREAK SPACE}?",
    "es": "¿De qué hablamos?",
    "zh": "想聊点什么？",
}
SETTINGS = {
    "de": "Einstellungen dieses Chats",
    "fr": "Réglages de cette discussion",
    "es": "Ajustes de esta conversación",
    "zh": "本对话的设置",
}
LOCALES = {"de": "de-AT", "fr": "fr-CA", "es": "es-MX", "zh": "zh-CN"}

# Of each text what it is: a text, a list's length, or of how many values it is made.
KINDS = """async (language) => {
  const { phrases } = await import(`/page/words/${language}.js`);
  const counted = (value) => (typeof value === "string" ? "text" : `${typeof value} of ${value.length}`);
  return Object.fromEntries(Object.entries(phrases).map(([name, value]) => [name, counted(value)]));
}"""
FIGURES = """async () => {
  const { amounts, seconds, count } = await import("/page/scripts/figures.js");
  return [amounts(6e8, 1e9), seconds(400), count(1650)].map((figure) => figure.replace(/\\s/g, " "));
}"""


@contextmanager
def speaking(chromium: Browser, locale: str) -> Iterator[Page]:
    context = chromium.new_context(locale=locale, viewport={"width": 1100, "height": 800})
    faults: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert not faults, faults


def used() -> set[str]:
    """The names of the words that the page's scripts and its frame ask for."""
    scripts = "\n".join(path.read_text() for path in sorted((WEB / "scripts").rglob("*.js")))
    frame = (WEB / "index.html").read_text()
    return {*re.findall(r"\bphrases\.(\w+)", scripts), *re.findall(r'data-(?:words|label)="(\w+)"', frame)}


def test_each_language_has_all_words_and_each_word_is_used(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    english = page.evaluate(KINDS, "en")
    assert set(english) == used()
    for language in QUESTIONS:
        kinds = page.evaluate(KINDS, language)
        missing = sorted(set(english) - set(kinds))
        assert not missing, f"words/{language}.js lacks {', '.join(missing)}"
        assert kinds == english, language


@pytest.mark.parametrize("language", QUESTIONS)
def test_the_page_speaks_the_browsers_language(language: str, chromium: Browser, scripted: ScriptedServer) -> None:
    with speaking(chromium, LOCALES[language]) as page:
        files: list[str] = []
        page.on("request", lambda request: files.append(request.url.rpartition("/page/words/")[2]))
        open_page(page, scripted.url)
        assert {name for name in files if name.endswith(".js") and "/" not in name} == {
            "counting.js",
            "en.js",
            f"{language}.js",
        }
        assert page.evaluate("document.documentElement.lang").startswith(language)
        expect(page.locator(".greet span")).to_have_text(QUESTIONS[language])
        page.keyboard.press("Alt+s")
        expect(page.locator(".panel h2")).to_have_text(SETTINGS[language])


def test_a_language_is_chosen_at_the_lists_foot_and_stays(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    page.fill("#text", "Noch nicht gesendet")
    page.click("[aria-label='Language']")
    page.click("[role='menuitem'] >> text=Deutsch")
    expect(page.locator(".greet span")).to_have_text(QUESTIONS["de"])
    expect(page.locator("#text")).to_have_value("Noch nicht gesendet")
    page.reload()
    expect(page.locator(".greet span")).to_have_text(QUESTIONS["de"])
    page.click("[aria-label='Sprache']")
    page.click("[role='menuitem'] >> text=Wie der Browser")
    expect(page.locator(".greet span")).to_have_text("What shall we talk about?")


def test_figures_are_written_as_the_language_writes_them(chromium: Browser, scripted: ScriptedServer) -> None:
    with speaking(chromium, "fr-FR") as page:
        open_page(page, scripted.url)
        assert page.evaluate(FIGURES) == ["0,6 sur 1,0 Go", "0,4 s", "1 650"]

"""What the page's list of chats is made of, called by itself: groups by day, search, merging, the database of an
earlier version."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from playwright.sync_api import Page

from tests.page.scripted import ScriptedServer
from tests.page.test_page import open_page

NOW = datetime(2026, 3, 30, 0, 30)  # the clock went forward the day before, where it does


def milliseconds(time: datetime) -> float:
    return time.timestamp() * 1000


def chat(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "title": name, "pinned": False, "folder": "", "updated": 0, "nodes": {}, "leaf": None, **fields}


def node(name: str, text: str, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": name, "parent": parent, "role": "user", "text": text, **fields}


def called(page: Page, module: str, body: str, value: Any) -> Any:
    """What `body` gives with the module as `m` and the value as `v`."""
    return page.evaluate(f"async (v) => {{ const m = await import('/page/scripts/chats/{module}'); {body} }}", value)


def test_chats_stand_under_pins_folders_and_days(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    ages = {"now": 0.01, "evening": 1, "before": 24, "week": 24 * 7, "month": 24 * 30, "autumn": 24 * 150}
    some = [chat(name, updated=milliseconds(NOW - timedelta(hours=hours))) for name, hours in ages.items()]
    some += [
        chat("pin", pinned=True, folder="B"),
        chat("b", folder="B"),
        chat("a10", folder="a 10"),
        chat("a9", folder="a 9"),
    ]
    groups = called(page, "groups.js", "return m.groups(v[0], v[1])", [some, milliseconds(NOW)])
    told = {
        group["heading"]: [each["id"] for each in group["chats"]]
        if "chats" in group
        else [(each["name"], [one["id"] for one in each["chats"]]) for each in group["folders"]]
        for group in groups
    }
    assert list(told.items()) == [
        ("Pinned", ["pin"]),
        ("Folders", [("a 9", ["a9"]), ("a 10", ["a10"]), ("B", ["b"])]),
        ("Today", ["now"]),
        ("Yesterday", ["evening", "before"]),
        ("Last week", ["week"]),
        ("Last month", ["month"]),
        ("October 2025", ["autumn"]),
    ]


def test_a_search_finds_all_words_and_shows_where(page: Page, scripted: ScriptedServer) -> None:
    open_page(page, scripted.url)
    text = "Yeast doubles its pace with every eight degrees, (roughly) said.\nMore " * 3
    bread = chat("Bread", nodes={"a": node("a", "nothing"), "b": node("b", text)})
    search = (
        "const p = m.patterns(v[1]), h = m.hit(v[0], p);"
        "return h && [h.node?.id ?? null, h.text, m.pieces(h.text ?? v[0].title, p)]"
    )

    def sought(words: str) -> Any:
        return called(page, "search.js", search, [bread, words])

    assert sought("bread") == [None, None, [["Bread", True]]]
    assert sought("bread yeast nowhere") is None
    name, excerpt, pieces = sought("READ (roughly) doubles")
    assert name == "b" and excerpt.startswith("Yeast doubles its pace") and len(excerpt) <= 142 and "\n" not in excerpt
    assert [piece for piece, is_hit in pieces if is_hit][:2] == ["doubles", "(roughly)"]
    name, excerpt, pieces = sought("degrees,")
    assert excerpt.startswith("… pace with every eight degrees, (roughly) said. More Yeast")


def test_merging_two_copies_loses_nothing(page: Page, scripted: ScriptedServer) -> None:
    """One device wrote on in one branch and renamed; the other has another branch, and an answer that is whole."""
    open_page(page, scripted.url)
    first = node("q", "question")
    half = node("r", "half", "q", role="assistant", partial=True)
    mine = chat(
        "c", title="mine", changed=5, updated=10, leaf="m", nodes={"q": first, "r": half, "m": node("m", "more", "r")}
    )
    theirs = chat("c", title="theirs", changed=3, updated=20, leaf="t", folder="F", tools={"a": "always"})
    theirs["nodes"] = {"q": first, "r": {**half, "text": "ha", "partial": False}, "t": node("t", "other", "r")}
    both = "const grows = v[2] ? v[0].nodes.r : null; m.merge(v[0], v[1], grows); return v[0]"
    merged = called(page, "merging.js", both, [mine, theirs, False])
    assert set(merged["nodes"]) == {"q", "r", "m", "t"}
    assert (merged["title"], merged["folder"], merged["leaf"], merged["updated"]) == ("mine", "", "t", 20)
    assert merged["nodes"]["r"]["text"] == "ha" and not merged["nodes"]["r"]["partial"]
    assert called(page, "merging.js", both, [mine, theirs, True])["nodes"]["r"] == half
    assert "tools" not in merged
    other = called(page, "merging.js", both, [theirs, mine, False])
    assert other["nodes"] == merged["nodes"] and (other["title"], other["leaf"]) == ("mine", "t")


EARLIER = """(chats) => new Promise((done, fail) => {
  const request = indexedDB.open("causerie", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("chats", { keyPath: "id" });
  request.onsuccess = () => {
    const transaction = request.result.transaction("chats", "readwrite");
    for (const chat of chats) transaction.objectStore("chats").put(chat);
    transaction.oncomplete = () => { request.result.close(); done(); };
  };
  request.onerror = () => fail(request.error);
})"""


def test_chats_of_an_earlier_version_are_all_there(page: Page, scripted: ScriptedServer) -> None:
    earlier = []
    for place in range(30):
        asked, said = node("q", f"question {place}", files=[], calls=[]), node("r", "answer", "q", role="assistant")
        fields = {
            "title": f"chat {place}",
            "created": 1,
            "updated": place,
            "model": "scripted",
            "system": "",
            "policy": "ask",
        }
        nodes = {"q": asked, "r": {**said, "reasoning": "", "files": [], "calls": [], "partial": False}}
        earlier.append(
            {"id": f"id{place}", **fields, "repetition": "end", "settings": {"top_k": 3}, "nodes": nodes, "leaf": "r"}
        )
    page.goto(f"{scripted.url}page/icon.svg")
    page.evaluate(EARLIER, earlier)
    open_page(page, scripted.url)
    kept = page.evaluate("import('/page/scripts/store.js').then((m) => m.allChats())")
    expected = [{**each, "pinned": False, "folder": ""} for each in reversed(earlier)]
    assert kept == expected
    assert page.locator(".chats .open").count() == 30

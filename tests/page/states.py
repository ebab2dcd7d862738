"""The states of the page, each come about by what its reader does and what a scripted server says: for pictures of them
(scripts/page_pictures.py), and to be judged by the rules of axe-core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route

from tests.page.odds import piece
from tests.page.scripted import ScriptedServer
from tests.page.test_page import ask, whole

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 1000}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
MODEL = {
    "id": "Qwen/Qwen2.5-1.5B-Instruct",
    "status": "loaded",
    "context": 32768,
    "format": "int8",
    "weight_bytes": 1_640_000_000,
    "thinks_by_default": True,
    "thinking_budget": True,
    "chats": True,
    "expected_tokens_per_second": dict.fromkeys(("low", "usual", "high"), 21.3),
    "expected_read_tokens_per_second": 612.0,
    "generation": {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0, "repetition_penalty": 1.1},
}
MODELS = (
    ("Qwen/Qwen3-4B", 2.6, 32768, 10.2, "fits"),
    ("Qwen/Qwen3-14B", 8.6, 32768, 3.0, "tight"),
    ("meta-llama/Llama-3.3-70B", 39.7, 131072, None, "too_large"),
)
TIMINGS = {
    "cache_n": 1020,
    "prompt_n": 194,
    "prompt_ms": 600,
    "reasoning_n": 132,
    "reasoning_ms": 6100,
    "predicted_n": 436,
    "predicted_ms": 20300,
    "reasons": ["Nothing stands out: it was as fast as this machine allows with the model as it is held."],
}
LOAF = (
    "A .62/ good .71/ loaf .97/ needs .55/ patience .21/ more .48/ than .98/ skill .33/. .84/ Flour .41/, .92"
    "/ water .95/ and .81/ salt .96/ do .28/ the .74/ rest .88/ if .52/ you .9/ leave .37/ them .94/ alone .58/ for .69"
    "/ long .19/ enough .99/. .97"
)  # words with their probabilities
OTHERS = ((" a", 0.46), (" long", 0.19), (" an", 0.14), (" hours", 0.06), (" days", 0.03))
LYON = (
    "Lyon sits between wheat and rye. From the plain to the north came white flour; from the hills to the west, rye, "
    "which keeps longer and was the bread of most days.\n\nBakers here still make the *couronne lyonnaise*, a ring of "
    "small loaves joined by a thin collar of dough. It was shaped to be carried over the arm and to be shared without "
    "a knife, which is"
)
BREAD = """Your kitchen is at 19 °C, so the dough rises a little more than **half as fast** as the recipe assumes.

Give it **seven hours and a quarter**, and look at it after six. For three loaves:

| Ingredient | Share | One loaf | Three loaves |
|---|--:|--:|--:|
| Flour | 100 % | 500 g | 1,500 g |
| Water | 70 % | 350 g | 1,050 g |
| Salt | 2 % | 10 g | 30 g |

If the weather changes, this does the sum again:

```python
def rise(kitchen: float, hours: float = 4, at: float = 26) -> float:
    \"\"\"Hours that a dough needs in a kitchen of so many degrees.\"\"\"
    return hours * 2 ** ((at - kitchen) / 8)  # doubles every eight degrees
```

### For today

- Feed the starter
- Shape at five, then leave it in the `fridge` overnight

> Watch the dough, not the clock.
"""
CHATS = [
    {"title": "Bread in a cold kitchen", "pinned": True},
    {"title": "Reading list for November", "age": 1, "pinned": True},
    {"title": "A letter to the landlord"},
    {"title": "Why does this loop hang?"},
    {"title": "Test, test"},
    {"title": "Names for a grey cat", "age": 1},
    {"title": "Regular expression for dates", "age": 1},
    {"title": "ما الفرق بين الطريقتين؟", "age": 4},
    {"title": "Three days in Lyon, by train and on foot", "age": 5},
    *({"title": f"Roses {bed}", "age": 9, "folder": "House and garden"} for bed in range(6)),
    *({"title": f"Chapter {number}", "age": 9, "folder": "Thesis"} for number in range(14)),
]
KEEP = """async ([chats, text]) => {
  const store = await import("/page/scripts/store.js");
  for (const [place, { age = 0, ...fields }] of chats.entries()) {
    const chat = { ...store.newChat("Qwen/Qwen2.5-1.5B-Instruct"), ...fields };
    chat.updated -= age * 864e5 + place * 1000;
    store.add(chat, null, "user", { text: `${chat.title}: how long should this dough rise in a cold kitchen?` });
    store.add(chat, chat.leaf, "assistant", { text, model: chat.model });
    await store.saveChat(chat);
  }
}"""
State = Callable[[Page, ScriptedServer], None]


def again(page: Page) -> None:
    """Loads the page once more."""
    page.reload()
    page.wait_for_selector("body[data-ready]")


def press(page: Page, button: str, menu: str, entry: str) -> None:
    """Presses a button, or what stands for it in a menu where the page is as narrow as a phone."""
    if page.locator(button).is_visible():
        page.click(button)
    else:
        page.click(menu)
        page.click(f"text={entry}")


def words(text: str) -> list[dict[str, Any]]:
    return [{"content": word + " "} for word in text.split(" ")]


def empty(page: Page, server: ScriptedServer) -> None:
    del page, server


def drop(page: Page, server: ScriptedServer) -> None:
    del server
    page.evaluate(
        """() => { const data = new DataTransfer(); data.items.add(new File(["x"], "x.txt"));
        document.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true })); }"""
    )


def chat(page: Page, server: ScriptedServer) -> None:
    server.deltas = [{"reasoning_content": "The recipe gives four hours at 26 °C. "}, *words(BREAD)]
    server.pause = 0.005
    ask(page, "My kitchen is cold today. How long should this dough rise, and how much of everything do I need?")
    whole(page)


def loading(page: Page, server: ScriptedServer) -> None:
    server.models[0] = {**MODEL, "status": "unloaded"}
    page.reload()
    server.paused = True
    ask(page, "Which of the two flours has more protein?")
    for read in (900_000_000, 1_100_000_000):
        server.models[0] = {**MODEL, "status": "loading", "read_bytes": read, "total_bytes": 2_600_000_000}
        page.wait_for_timeout(700)


def reading(page: Page, server: ScriptedServer) -> None:
    server.deltas = [
        {"prompt_progress": {"total": 12480, "cache": 3072, "processed": done, "time_ms": 10}}
        for done in (3600, 4096, 4600, 5120, 5632, 6144, 6656, 7168)
    ]
    server.pause = 0.6
    ask(page, "What was decided about the oven, and who voted against it?")
    page.wait_for_timeout(2200)


def streaming(page: Page, server: ScriptedServer) -> None:
    server.deltas, server.pause = words(LYON) * 20, 0.02
    ask(page, "Tell me about the bread of Lyon.")
    page.wait_for_timeout(2000)


def thinking(page: Page, server: ScriptedServer) -> None:
    server.deltas, server.pause = [{"reasoning_content": "I should ask for the temperature first. "}] * 200, 0.1
    ask(page, "How long should the dough rise in my kitchen?")
    page.wait_for_timeout(2500)


def stopped(page: Page, server: ScriptedServer) -> None:
    streaming(page, server)
    page.keyboard.press("Escape")
    whole(page)


def end(page: Page, server: ScriptedServer) -> None:
    server.deltas, server.pause = words(LYON) * 8, 0.005
    ask(page, "Tell me about the bread of Lyon.")
    page.wait_for_timeout(2000)
    page.locator(".log").hover()
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(300)


def error(page: Page, server: ScriptedServer) -> None:
    server.deltas, server.break_after, server.pause = words(LYON), 30, 0.01
    ask(page, "Tell me about the bread of Lyon.")
    whole(page)
    server.stop()
    page.wait_for_timeout(200)
    page.evaluate("fetch('/v1/models').catch(() => 0)")
    page.evaluate("import('/page/scripts/models/served.js').then((served) => served.lookAtModels())")
    page.wait_for_timeout(1500)


def context(page: Page, server: ScriptedServer) -> None:
    server.deltas = words("It set the weight of the penny loaf.")
    ask(page, "And what did the first bakers' guild decide?")
    whole(page)
    server.context = {
        "dropped": 2,
        "summary": "The talk was about the bread of Lyon and the rules of the bakers' guild.",
    }
    server.deltas = words("Mostly on paper. The registers list a fine for light loaves nearly every month.")
    ask(page, "Did anybody keep to those rules?")
    page.wait_for_selector(".memory")
    whole(page)
    page.evaluate("document.querySelector('.log').scrollTop = 0")


def full(page: Page, server: ScriptedServer) -> None:
    chat(page, server)
    server.refusal = {"message": "too long", "code": "context_length_exceeded"}
    ask(page, "Did anybody keep to those rules?")
    page.wait_for_selector(".choice")


def told(page: Page) -> None:
    """What the server says of models, downloads and memory; the download comes on from one look to the next."""
    rows = [model_row(*row) for row in MODELS]
    allowed = {"may_choose": True, "may_download": True}
    coming = {"model": "microsoft/Phi-4-mini", "state": "running", "total": 3_800_000_000, "note": "", "fits": "fits"}
    came = [2_300_000_000]

    def downloads(route: Route) -> None:
        came[0] += 41_000_000
        route.fulfill(json={"downloads": [{**coming, "bytes": came[0]}], **allowed})

    memory = {"total": 16.0e9, "other": 6.1e9, "models": 1.6e9, "chats": 0.4e9, "free": 7.9e9}
    answer = {"models": rows, "suggested": [], "measuring": False, **allowed}
    page.route("**/library", lambda route: route.fulfill(json=answer))
    page.route("**/library/downloads", downloads)
    page.route("**/library/serve", lambda route: route.fulfill(json={}))
    page.route("**/memory", lambda route: route.fulfill(json=memory))


def model_row(name: str, gigabytes: float, context: int, speed: float | None, fits: str) -> dict[str, Any]:
    span = None if speed is None else {"low": speed, "usual": speed, "high": speed}
    needed, missing = int(gigabytes * 1e9), int(max(0.0, gigabytes - 9.5) * 1e9)
    figures = {"format": "int4", "needed_bytes": needed, "missing_bytes": missing, "context": context, "fits": fits}
    return {"id": name, "bytes": needed, "parameters": None, **figures, "expected_tokens_per_second": span}


def models(page: Page, server: ScriptedServer) -> None:
    del server
    told(page)
    page.click(".pick")
    page.wait_for_timeout(2500)


def compare(page: Page, server: ScriptedServer) -> None:
    told(page)
    starter = "A sourdough starter is a mixture of flour and water in which wild yeast and bacteria live."
    server.deltas, server.by_model["Qwen/Qwen3-4B"] = words(starter), words(f"{starter} {LYON}")
    server.pause = 0.05
    second = {"id": "Qwen/Qwen3-4B", "status": "loaded", "context": 32768, "format": "int4"}
    server.models.append({**second, "weight_bytes": 2_600_000_000})
    again(page)
    press(page, "[aria-label='Compare two models']", ".pick", "Compare two models")
    page.click("[aria-label='Compare with Qwen3 4B']")
    ask(page, "What is a sourdough starter, in a few sentences?")
    page.wait_for_timeout(2500)


def settings(page: Page, server: ScriptedServer) -> None:
    chat(page, server)
    page.keyboard.press("Alt+s")
    page.fill("#system", "You bake bread, and answer briefly.")
    page.fill("[name=temperature]", "0.4")
    page.locator("[name=temperature]").blur()


def room(page: Page, server: ScriptedServer) -> None:
    settings(page, server)
    page.locator(".panel .body").evaluate("body => { body.scrollTop = body.scrollHeight; }")


def presets(page: Page, server: ScriptedServer) -> None:
    settings(page, server)
    page.click("text=Save as mine")
    page.fill("#preset-name", "Baker")
    page.keyboard.press("Enter")


def details(page: Page, server: ScriptedServer) -> None:
    server.ending["timings"] = TIMINGS
    chat(page, server)
    page.click(".speed")


def probabilities(page: Page, server: ScriptedServer) -> None:
    rated = [(word, float(p)) for word, _, p in (each.rpartition(" ") for each in LOAF.split("/"))]
    server.deltas = [piece(word, p, *(OTHERS if word == " long" else ())) for word, p in rated]
    ask(page, "What does a good loaf need?")
    whole(page)
    press(page, "[title=Probabilities]", "[aria-label=More]", "Probabilities")
    page.click(".tok >> text=long")
    for key in ("ArrowDown", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)


TOOL = {
    "name": "kitchen.temperature",
    "description": "Reads the thermometer in one room.",
    "purpose": "Reads the thermometer in one room.",
    "parameters": {"type": "object", "properties": {"room": {"type": "string"}, "unit": {"type": "string"}}},
    "reads_only": True,
}


def tools(page: Page, server: ScriptedServer) -> None:
    server.tools = [TOOL, {**TOOL, "name": "calculator", "description": "Adds and multiplies."}]
    again(page)
    page.get_by_role("button", name="Tools").wait_for()
    function = {"name": TOOL["name"], "arguments": '{"room": "kitchen", "unit": "celsius"}'}
    server.deltas = [
        {"reasoning_content": "I need the temperature. "},
        *words("That depends on how warm it is. Let me ask the thermometer."),
        {"tool_calls": [{"index": 0, "id": "call00001", "type": "function", "function": function}]},
    ]
    ask(page, "How long should the dough rise in my kitchen?")
    page.get_by_role("button", name="Allow once").wait_for()


def tools_done(page: Page, server: ScriptedServer) -> None:
    tools(page, server)
    server.deltas = words("Your kitchen is at 19 °C, so the dough rises a little more than **half as fast**.")
    page.get_by_role("button", name="Always in this chat").click()
    page.locator("strong", has_text="half as fast").wait_for()
    page.get_by_role("button", name="Tools").click()


def kept(page: Page) -> None:
    """Has the list of chats filled and in sight, and the first of them open."""
    page.evaluate(KEEP, [CHATS, BREAD])
    again(page)
    in_sight(page)
    page.click(".chats .open:has-text('Bread')")
    in_sight(page)


def in_sight(page: Page) -> None:
    drawer = page.locator("[data-slot=drawer] button")
    if drawer.is_visible():
        drawer.click()
        page.wait_for_timeout(300)


def shown_list(page: Page, server: ScriptedServer) -> None:
    del server
    kept(page)


def menu(page: Page, server: ScriptedServer) -> None:
    shown_list(page, server)
    page.locator(".chats li", has_text="Names for a grey cat").hover()
    page.click("[aria-label='More for Names for a grey cat']")


def search(page: Page, server: ScriptedServer) -> None:
    shown_list(page, server)
    page.fill(".find input", "cold kitchen")
    page.wait_for_timeout(300)


def select(page: Page, server: ScriptedServer) -> None:
    shown_list(page, server)
    page.click("[aria-label='Choose several chats']")
    for title in ("Why does this loop hang?", "Test, test", "Regular expression for dates"):
        page.check(f"[aria-label='Choose {title}']")


def undo(page: Page, server: ScriptedServer) -> None:
    select(page, server)
    page.click(".many >> text=Delete")


STATES: dict[str, State] = {
    "empty": empty,
    "drop": drop,
    "chat": chat,
    "loading": loading,
    "reading": reading,
    "thinking": thinking,
    "streaming": streaming,
    "stopped": stopped,
    "end": end,
    "error": error,
    "context": context,
    "full": full,
    "models": models,
    "compare": compare,
    "settings": settings,
    "room": room,
    "presets": presets,
    "details": details,
    "probabilities": probabilities,
    "tools": tools,
    "tools_done": tools_done,
    "list": shown_list,
    "menu": menu,
    "search": search,
    "select": select,
    "undo": undo,
}

"""`causerie models show`: all that is known of one model, here and on the hub."""

from __future__ import annotations

from typing import Any

from causerie.api.library.hub_search import ModelPage, model_page
from causerie.api.machine.abilities import model_memory
from causerie.cli.models import listing
from causerie.cli.models.columns import columns, count, precision, size

_TEMPLATES = ("chat_template.jinja", "chat_template.json")
_MOST_FILES = 40


def gather(name: str) -> dict[str, Any]:
    """The page as JSON has it. Raises CauserieError."""
    page = model_page(name)
    here = None if page.here is None else listing.row_of(page.here, model_memory())
    return {"name": page.name, "url": page.url, "here": here, "hub": _hub(page), "offline": page.offline}


def _hub(page: ModelPage) -> dict[str, Any] | None:
    repository = page.repository
    if repository is None:
        return None
    card, facts = repository.card, repository.facts
    names = [file.name for file in repository.files]
    inner = facts.get("config")
    tokenizer = inner.get("tokenizer_config") if isinstance(inner, dict) else None
    template = any(name in names for name in _TEMPLATES) or (
        isinstance(tokenizer, dict) and "chat_template" in tokenizer
    )
    return {
        "commit": repository.commit,
        "licence": _texts(card.get("license")),
        "languages": _texts(card.get("language")),
        "made_from": _texts(card.get("base_model")),
        "gated": repository.gated,
        "downloads": facts.get("downloads"),
        "likes": facts.get("likes"),
        "chat_template": template,
        "gguf": any(name.lower().endswith(".gguf") for name in names),
        "files": [{"name": file.name, "bytes": file.size, "hash": file.etag} for file in repository.files],
    }


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def as_lines(page: dict[str, Any]) -> str:
    """The page for people."""
    hub, here = page["hub"], page["here"]
    facts = [("model", page["name"]), *([("page", page["url"])] if page["url"] else [])]
    facts += _here_facts(here) if here else [("here", f"no; `causerie models pull {page['name']}` downloads it")]
    if hub is not None:
        facts += _hub_facts(hub, here)
    if page["offline"] is not None:
        facts.append(("hub", page["offline"]))
    text = "".join(f"{name:<14}{value}\n" for name, value in facts)
    return text + (_files(hub["files"]) if hub is not None else "")


def _here_facts(here: dict[str, Any]) -> list[tuple[str, str]]:
    commit = f", commit {here['commit'][:12]}" if here["commit"] else ""
    facts = [
        ("here", f"{here['folder']} ({size(here['bytes'])}{commit})"),
        ("family", f"{here['family'] or '?'}, {count(here['parameters'])} parameters in {here['precision'] or '?'}"),
        ("fits?", precision(here["fits"])),
    ]
    return facts + ([("lacks", here["lacks"])] if here["lacks"] else [])


def _hub_facts(hub: dict[str, Any], here: dict[str, Any] | None) -> list[tuple[str, str]]:
    facts = [
        ("licence", ", ".join(hub["licence"]) or "its page names none"),
        ("languages", ", ".join(hub["languages"]) or "its page names none"),
        *([("made from", ", ".join(hub["made_from"]))] if hub["made_from"] else []),
        ("gated", "yes: its owners want their terms accepted on its page" if hub["gated"] else "no"),
        ("template", _template(hub)),
        ("on the hub", f"commit {hub['commit'][:12]}, {count(hub['downloads'])} downloads a month"),
    ]
    if here is not None and here["commit"] not in (None, hub["commit"]):
        facts.append(("", "what is here is another commit; `causerie models pull` fetches this one"))
    return facts


def _template(hub: dict[str, Any]) -> str:
    if hub["chat_template"]:
        return "for chats"
    if hub["gguf"]:
        return "no file of its own; its GGUF files mostly have one"
    return "no file of its own; tokenizer_config.json may have one"


def _files(files: list[dict[str, Any]]) -> str:
    rows = [(file["name"], size(file["bytes"])) for file in files[:_MOST_FILES]]
    rest = f"and {len(files) - _MOST_FILES} more\n" if len(files) > _MOST_FILES else ""
    return "\n" + columns(("file", "size"), rows, right=(1,)) + rest

"""Writes the documents that are made from the program: docs/cli.md from the parsers, docs/models.md from the registry
and what was recorded of its families.

`generate_docs.py` writes them; `generate_docs.py --check` only says which are out of date, and fails then. Run it with
the Python that has the package. Knows no sentence of its own beyond the headings.
"""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path

from family_figures import figures

from causerie.cli import main
from causerie.models import registry, relatives
from causerie.models.gguf.architecture import gguf_architecture_named, gguf_architectures

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Made by scripts/generate_docs.py; edit the source that it reads. -->"
WIDTH = 88


def cli_reference() -> str:
    """Every verb's help, as the program prints it."""
    parts = [NOTICE, "# The command line", "", fenced(main.help_text())]
    for name, (module, _) in main.VERBS.items():
        parts += [f"## causerie {name}", "", fenced(import_module(module).parser(WIDTH).format_help())]
    return "\n".join(parts)


def supported_models() -> str:
    """One row for each family, from the docstrings of its file."""
    rows = [
        NOTICE,
        "# Supported models",
        "",
        "A checkpoint runs if its `config.json` names one of these families. A key of the config that means arithmetic",
        "in any family of transformers, and that this family does not read, is an error that names it, so a model is",
        "either computed rightly or refused. Other keys that the family does not read are told in one warning;",
        "`strict=True` (`--strict`) refuses them too. A model's context is its `max_position_embeddings`, as in",
        "transformers. Code that comes with a checkpoint (`auto_map`, `trust_remote_code=True`) is never run, and no",
        "family here needs it.",
        "",
        "To add a family: [adding-a-model.md](adding-a-model.md).",
        "",
        "| `model_type` | what it is | models |",
        "|---|---|---|",
    ]
    for name in registry.families():
        known = registry.family({"model_type": name})
        kind = first_sentence(inspect.getdoc(inspect.getmodule(known.build)))
        rows.append(f"| `{name}` | {kind} | {first_sentence(inspect.getdoc(known.build))} |")
    return "\n".join([*rows, "", *figures(), *_gguf_architectures(), *_absent_families()]) + "\n"


def _gguf_architectures() -> list[str]:
    rows = []
    for name in gguf_architectures():
        module = inspect.getmodule(gguf_architecture_named(name).values)
        rows.append(f"| `{name}` | {first_sentence(inspect.getdoc(module))} |")
    return [
        "",
        "## From GGUF files",
        "",
        "A GGUF file says another name for what its model is, its `general.architecture`. These",
        f"{len(rows)} are read; each is computed by one of the families above. What converting did to weights is",
        "undone, and what files do not say is what the published models have ([gguf.md](gguf.md)). Keys of the",
        "metadata that mean arithmetic and that are not read are refused, as those of a config are.",
        "",
        "| `general.architecture` | what it is |",
        "|---|---|",
        *rows,
    ]


def _absent_families() -> list[str]:
    decoders, encoders = relatives.decoders(), relatives.encoders()
    return [
        "",
        "## What is not here",
        "",
        f"Of the families that transformers' `AutoModelForCausalLM` knows, these {len(decoders)} are not built in.",
        "Loading one of their checkpoints is an error that says the same as this table.",
        "",
        "| `model_type` | nearest family here | what that lacks |",
        "|---|---|---|",
        *(f"| `{name}` | `{each.like}` | {each.lacks} |" for name, each in decoders.items()),
        "",
        "These have an encoder, or are one, and do not go on with a text by themselves: "
        + ", ".join(f"`{name}`" for name in encoders)
        + ".",
    ]


def fenced(text: str) -> str:
    return f"```text\n{text.strip()}\n```\n"


def first_sentence(docstring: str | None) -> str:
    return " ".join((docstring or "").split("\n\n")[0].split()).partition(". ")[0].rstrip(".") + "."


DOCUMENTS = {"docs/cli.md": cli_reference, "docs/models.md": supported_models}


def stale() -> list[str]:
    """The documents that differ from what would be written."""
    return [name for name, made in DOCUMENTS.items() if not same(ROOT / name, made())]


def same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if old := stale():
            sys.exit(f"Out of date: {', '.join(old)}. Run .venv/bin/python scripts/generate_docs.py")
    elif sys.argv[1:]:
        sys.exit(f"generate_docs.py takes --check or nothing, not {' '.join(sys.argv[1:])!r}.")
    else:
        for name in stale():
            (ROOT / name).write_text(DOCUMENTS[name](), encoding="utf-8")
            print(f"wrote {name}")

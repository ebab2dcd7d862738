"""Which model to talk to where the user named none and there is more than the built-in one: a list, a question, and a
file that remembers the answer. Loads nothing and asks no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from causerie.api.machine import model_memory
from causerie.api.model_library import LibraryModel, fits, library
from causerie.api.model_names import BUILTIN
from causerie.cli.models.columns import columns, count, precision, size

_MOST = 8
"""Models beside the built-in one."""


def offered_model(memory_file: Path, source: TextIO, out: TextIO) -> str:
    """The name of the model that the user takes; the built-in one where there is no other. `memory_file` has the last
    answer. Raises KeyboardInterrupt where the user ends the input."""
    memory = model_memory()
    models = offers(library(), memory)
    if len(models) == 1:
        return BUILTIN
    names = [model.name for model in models]
    default = _last(memory_file, names)
    out.write("Which model? Enter takes the marked one; `causerie chat MODEL` names it at once.\n")
    rows = [
        (
            f"{'>' if model.name == default else ' '} {number}",
            model.name,
            count(model.parameters),
            size(model.nbytes),
            precision(fits(model, memory)),
        )
        for number, model in enumerate(models, 1)
    ]
    out.write(columns(("", "model", "parameters", "size", "fits?"), rows, right=(2, 3)))
    name = _answer(names, default, source, out)
    try:
        memory_file.parent.mkdir(parents=True, exist_ok=True)
        memory_file.write_text(name, encoding="utf-8")
    except OSError:  # it is asked again then
        pass
    return name


def offers(models: Sequence[LibraryModel], memory: int) -> list[LibraryModel]:
    """Those of the cache that are whole, known and fit, the largest first, and the built-in one last."""
    able = [
        model
        for model in models
        if model.place == "cache" and model.runs and model.lacks is None and fits(model, memory) not in ("no", None)
    ]
    largest = sorted(able, key=lambda model: -(model.parameters or 0))[:_MOST]
    return [*largest, *(model for model in models if model.name == BUILTIN)]


def _last(memory_file: Path, names: list[str]) -> str:
    """What was taken the last time, where it is still there; else the first."""
    try:
        name = memory_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return names[0]
    return name if name in names else names[0]


def _answer(names: list[str], default: str, source: TextIO, out: TextIO) -> str:
    while True:
        out.write(f"1–{len(names)} [{names.index(default) + 1}] ")
        out.flush()
        line = source.readline()
        if not line.endswith("\n"):
            raise KeyboardInterrupt
        word = line.strip()
        if not word:
            return default
        if word in names:
            return word
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(names):
            return names[int(word) - 1]
        out.write(f"A number from 1 to {len(names)}, please, or a name of the list.\n")

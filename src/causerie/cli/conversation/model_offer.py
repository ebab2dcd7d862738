"""Which model to talk to where the user named none and there are more than those of packages: a list, a question, and
a file that remembers the answer; and what to say of a larger one. A machine that was never measured is, before the
list. Loads nothing and asks no network.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TextIO

from causerie.api.fit.fitting import Span
from causerie.api.library.local_models import library
from causerie.api.library.model_names import BUILTIN, LARGER
from causerie.api.library.offer import able, larger_offer, offers
from causerie.api.machine.abilities import model_memory
from causerie.api.machine.measurements import kept_record, machine_record
from causerie.cli.models.columns import columns, count, precision, size
from causerie.errors import BackendUnavailable
from causerie.settings import Settings


def offered_model(memory_file: Path, models_folder: Path | None, source: TextIO, out: TextIO) -> str:
    """The name of the model that the user takes; where only packages have brought models, the one of them to talk to
    first. `memory_file` has the last answer, `models_folder` models beside those that were downloaded. Raises
    KeyboardInterrupt where the user ends the input, UsageError where the folder is none."""
    models, settings = library(models_folder), Settings.from_environment()
    fitting = able(models, model_memory())
    if all(model.place == "package" for model in fitting):
        return next((model.name for model in fitting), BUILTIN)
    _measure(settings, out)
    offered = offers(models, model_memory(), settings)
    names = [offer.model.name for offer in offered]
    default = _last(memory_file, names)
    out.write("Which model? Enter takes the marked one; `causerie chat MODEL` names it at once.\n")
    rows = [
        (
            f"{'>' if offer.model.name == default else ' '} {number}",
            offer.model.name,
            count(offer.model.parameters),
            size(offer.model.nbytes),
            precision(offer.fit),
            _speed(offer.speed),
        )
        for number, offer in enumerate(offered, 1)
    ]
    out.write(columns(("", "model", "parameters", "size", "fits?", "tokens/s"), rows, right=(2, 3, 5)))
    name = _answer(names, default, source, out)
    try:
        memory_file.parent.mkdir(parents=True, exist_ok=True)
        memory_file.write_text(name, encoding="utf-8")
    except OSError:  # it is asked again then
        pass
    return name


def larger_words() -> str:
    """The command that chats with a larger model of the hub, and where this machine was measured what is to be expected
    of it."""
    offer = larger_offer(model_memory(), Settings.from_environment())
    expected = "" if offer.speed is None else f", about {_speed(offer.speed)} tokens/s here"
    return f"causerie chat {LARGER} ({size(offer.nbytes)}{expected})"


def _measure(settings: Settings, out: TextIO) -> None:
    """Measures a machine that never was, so that the list has speeds; where nothing can measure it has none."""
    if kept_record(settings) is not None:
        return
    out.write("Measuring this machine, once, for some seconds …\n")
    out.flush()
    with suppress(BackendUnavailable):
        machine_record(settings)


def _speed(speed: Span | None) -> str:
    """In tokens per second."""
    if speed is None:
        return "?"
    return f"{speed.usual:.0f}" if speed.usual >= 10 else f"{speed.usual:.1f}"


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

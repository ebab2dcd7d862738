"""`causerie models help-me-choose`: three questions, and what to try. Knows no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from causerie.api.library.choice import LENGTHS, PATIENCE, PURPOSES, Choice, Wish
from causerie.cli.models.columns import columns, count, size
from causerie.errors import UsageError

_QUESTIONS: tuple[tuple[str, Mapping[str, tuple[str, Any]]], ...] = (
    ("What is it for?", PURPOSES),
    ("How long are the texts?", LENGTHS),
    ("How fast must answers come?", PATIENCE),
)


def ask(source: TextIO, out: TextIO) -> Wish:
    """Asks on `out` and reads a line for each from `source`: a number or a word, empty for the first. Raises UsageError
    where they end too soon."""
    answers = []
    for question, table in _QUESTIONS:
        out.write(f"{question}\n")
        out.writelines(f"  {number}  {words} ({name})\n" for number, (name, (words, _)) in enumerate(table.items(), 1))
        answers.append(_answer(list(table), source, out))
    return Wish(*answers)


def _answer(names: list[str], source: TextIO, out: TextIO) -> str:
    while True:
        out.write("[1] ")
        out.flush()
        line = source.readline()
        if not line.endswith("\n"):
            raise UsageError("Three questions are asked, and the answers ended before; each is a line, such as 1.")
        word = line.strip().casefold() or "1"
        if word in names:
            return word
        if word.isdigit() and 1 <= int(word) <= len(names):
            return names[int(word) - 1]
        out.write(f"A number from 1 to {len(names)}, please, or one of {', '.join(names)}.\n")


def as_values(wish: Wish, choice: Choice) -> dict[str, Any]:
    """What is recommended, as JSON has it."""
    return {
        "wish": vars(wish),
        "weight_bytes": round(choice.room.weight_bytes),
        "parameters": round(choice.room.parameters),
        "limit": choice.room.limit,
        "hub": [
            {"name": hit.name, "parameters": hit.parameters, "precision": choice.room.precision(hit.parameters or 0)}
            for hit in choice.hits
        ],
        "here": [model.name for model in choice.here],
        "offline": choice.offline,
    }


def as_lines(values: dict[str, Any]) -> str:
    """The same for people."""
    why = "this machine's free memory" if values["limit"] == "memory" else "the speed that you want"
    most = f"{count(values['parameters'])} parameters in int4 ({size(values['weight_bytes'])} of weights)"
    advice = "A larger model in int4 is usually better than a smaller one in 16 bits."
    lines = [f"Up to {most}: {why} sets the limit. {advice}\n"]
    if values["hub"]:
        rows = [(row["name"], count(row["parameters"]), row["precision"]) for row in values["hub"]]
        lines.append("\nTo try, trending on the hub:\n" + columns(("model", "parameters", "take it"), rows, right=(1,)))
        lines.append(f"`causerie fit {rows[0][0]}` says more before anything is downloaded.\n")
    elif values["offline"] is None:
        lines.append("\nThe hub has nothing of that kind and size that is made for chats.\n")
    else:
        lines.append(f"\n{values['offline']}\n")
    lines.append(f"\nHere already: {', '.join(values['here']) or 'nothing'}.\n")
    return "".join(lines)

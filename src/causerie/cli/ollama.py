"""What somebody types who comes from Ollama, and what does that here. Sentences alone; knows no model."""

from __future__ import annotations

from collections.abc import Sequence

from causerie.api.library.model_names import LARGER, hub_id_of_ollama

_VERBS = {
    "run": "`causerie chat {model}` talks to a model; `causerie chat {model} -p TEXT` asks it one thing.",
    "pull": "`causerie models pull {model}` downloads a model; `causerie chat {model}` does where it is not there yet.",
    "list": "`causerie models` lists the models that are here; in a chat, /model and Tab do.",
    "show": "`causerie models show {model}` tells what a model is, `causerie info {model}` how it would be held.",
    "ps": "A model is in memory while a program here runs it; `causerie serve` tells at /v1/models which are loaded.",
    "stop": "A model leaves memory with its program; `causerie serve --unload-after S` frees it sooner.",
    "rm": "`causerie models rm {model}` deletes a downloaded model.",
}
_VERBS["ls"] = _VERBS["list"]

COMMANDS = {
    "bye": "exit leaves, Ctrl-D too.",
    "?": "help lists the commands.",
}
"""Commands of Ollama's chat that are none here, each with what does the same."""


def verb_sentence(verb: str, words: Sequence[str]) -> str | None:
    """What to say to `causerie VERB words…` where VERB is one of Ollama's; None where it is not."""
    if verb not in _VERBS:
        return None
    named = next((word for word in words if not word.startswith("-")), LARGER)
    return f"{verb!r} is a verb of Ollama. Here: {_VERBS[verb].format(model=hub_id_of_ollama(named) or named)}"

"""Every error a user can meet, and the one place that knows how to name the nearest known word.

    CauserieError
    ├── UsageError (ValueError)        what the caller passed cannot be done
    │   ├── UnknownName                an option, flag, field or value that nobody here knows
    │   ├── Unsupported                known in the field, and not something this program does (yet)
    │   ├── MessageError               a chat whose messages are badly formed
    │   ├── TemplateError              a chat template that is missing, refuses, or is wrong
    │   └── ContextLengthError         more tokens than the model's context holds
    ├── CheckpointError (OSError)      a model folder or file that cannot be used
    │   ├── ModelNotFound              no such folder, no such model on the hub, or no network to ask
    │   ├── GatedModel                 the hub wants a licence accepted or a login first
    │   ├── MissingFile                a folder without config.json, weights or tokenizer
    │   ├── PickledWeights             only .bin/.pt weights, which can run code when opened
    │   └── WeightFileError            a safetensors file that is damaged, or tensors missing or unexpected
    ├── ConfigError (ValueError)       config.json that this version cannot compute correctly
    ├── BackendUnavailable             a backend or device that cannot run here, with the reason
    ├── OutOfMemory (MemoryError)      model or cache larger than what is free
    └── EngineError (RuntimeError)     a fault of ours: a request ended because the engine failed

Each message says what happened with the value, what was expected, and what to do. This module knows nothing of the rest
of the program.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher


class CauserieError(Exception):
    """Any failure that this program explains; the terminal prints its sentence without a traceback."""


class UsageError(CauserieError, ValueError):
    """What the caller passed cannot be done."""


class UnknownName(UsageError):
    """An option, flag, field or value that nobody here knows."""


class Unsupported(UsageError):
    """Known in the field, and not something this program does."""


class MessageError(UsageError):
    """A chat whose messages are badly formed."""


class TemplateError(UsageError):
    """A chat template that is missing, refuses this chat, or is itself wrong."""


class ContextLengthError(UsageError):
    """More tokens than the model's context holds."""


class CheckpointError(CauserieError, OSError):
    """A model folder or file that cannot be used."""


class ModelNotFound(CheckpointError):
    """No such folder, no such model on the hub, or no network to ask."""


class GatedModel(CheckpointError):
    """The hub wants a licence accepted or a login first."""


class MissingFile(CheckpointError):
    """A model folder without config.json, weights or tokenizer."""


class PickledWeights(CheckpointError):
    """Only pickled weights, which can run code when they are opened."""


class WeightFileError(CheckpointError):
    """A safetensors file that is damaged, or tensors that are missing or unexpected."""


class ConfigError(CauserieError, ValueError):
    """A config.json that this version cannot compute correctly."""


class BackendUnavailable(CauserieError):
    """A backend or device that cannot run here."""


class OutOfMemory(CauserieError, MemoryError):
    """A model or cache larger than the memory that is free."""


class EngineError(CauserieError, RuntimeError):
    """A fault of the engine; the request it names has ended."""


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """All of `known`, those spelled most like `name` first (ties alphabetical)."""
    folded = name.casefold()

    def distance(candidate: str) -> tuple[float, str]:
        return -SequenceMatcher(None, folded, candidate.casefold()).ratio(), candidate

    return sorted(set(known), key=distance)


def unknown(kind: str, name: object, known: Iterable[str], *, most: int = 12, advice: str = "") -> UnknownName:
    """The error for a `name` that is not one of `known`: it lists them, nearest first, at most `most` of them."""
    ordered = nearest(str(name), known)
    listed = ", ".join(ordered[:most])
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    tail = f" {advice}" if advice else ""
    return UnknownName(f"Unknown {kind} {str(name)!r}. Known, nearest first: {listed}{rest}.{tail}")

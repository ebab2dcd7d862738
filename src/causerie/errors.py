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
    │   ├── HubUnavailable             the hub does not answer, or not rightly, as often as it is asked
    │   ├── MissingFile                a folder without config.json, weights or tokenizer
    │   ├── PickledWeights             only .bin/.pt weights, which can run code when opened
    │   └── WeightFileError            a file of weights that is damaged, or tensors missing or unexpected
    ├── ConfigError (ValueError)       config.json that this version cannot compute correctly
    ├── BackendUnavailable             a backend or device that cannot run here, with the reason
    ├── OutOfMemory (MemoryError)      model or cache larger than what is free
    │   └── ModelTooLarge              its weights are, as it is stored; it may fit in fewer bits
    └── EngineError (RuntimeError)     a fault of ours: a request ended because the engine failed

    ConfigWarning (UserWarning)        what a config.json says and nobody here reads
    DraftWarning (UserWarning)         a model was to guess for another and cannot
    DraftNotice (UserWarning)          a model guesses for another, which nobody named
    KeptCacheWarning (UserWarning)     something of the cache on the disk cannot be read or written
    PlacementNotice (UserWarning)      a model runs elsewhere than where it would be faster
    RevisionWarning (UserWarning)      a model on the hub is no longer what was downloaded of it

Each message says what happened with the value, what was expected, and what to do. This module knows nothing of the rest
of the program.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import SequenceMatcher
from typing import TextIO


class CauserieError(Exception):
    """Any failure that this program explains; the terminal prints its sentence without a traceback."""


class UsageError(CauserieError, ValueError):
    """What the caller passed cannot be done. `field` is the flag, option or field that it is about, where it is one."""

    def __init__(self, *arguments: object, field: str | None = None) -> None:
        super().__init__(*arguments)
        self.field = field


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


class HubUnavailable(CheckpointError):
    """The hub does not answer, or not rightly, as often as it is asked. `reason` and `advice` are parts of the
    sentence; `limited`: it was asked too often."""

    def __init__(self, *arguments: object, reason: str = "", advice: str = "", limited: bool = False) -> None:
        super().__init__(*arguments)
        self.reason = reason
        self.advice = advice
        self.limited = limited


class MissingFile(CheckpointError):
    """A model folder without config.json, weights or tokenizer."""


class PickledWeights(CheckpointError):
    """Only pickled weights, which can run code when they are opened."""


class WeightFileError(CheckpointError):
    """A file of weights that is damaged, or tensors that are missing or unexpected."""


class ConfigError(CauserieError, ValueError):
    """A config.json that this version cannot compute correctly."""


class ConfigWarning(UserWarning):
    """What a config.json says and nobody here reads, passed over."""


class KeptCacheWarning(UserWarning):
    """Of the cache that is kept on the disk something cannot be read or written; answers are the same without it."""


class DraftWarning(UserWarning):
    """A model was to guess for another and cannot; the other goes on without."""


class DraftNotice(UserWarning):
    """A model guesses for another that was found for it."""


class PlacementNotice(UserWarning):
    """A model runs on the CPU that had room on a GPU in fewer bits, and nobody said that it may be quantized."""


class RevisionWarning(UserWarning):
    """A model on the hub is no longer what was downloaded of it; the downloaded one is used."""


class BackendUnavailable(CauserieError):
    """A backend or device that cannot run here."""


class OutOfMemory(CauserieError, MemoryError):
    """A model or cache larger than the memory that is free."""


class ModelTooLarge(OutOfMemory):
    """Weights that are larger than the memory that is free. `precision` is the most exact one in which they would fit,
    with `needed_bytes`; None where none is."""

    def __init__(self, *arguments: object, precision: str | None = None, needed_bytes: int = 0) -> None:
        super().__init__(*arguments)
        self.precision = precision
        self.needed_bytes = needed_bytes


class EngineError(CauserieError, RuntimeError):
    """A fault of the engine; the request it names has ended."""


def failure_of(sentence: str, field: str | None) -> CauserieError:
    """Why a request ended: a mistake of its own about `field`, or without one a fault of the engine."""
    return EngineError(sentence) if field is None else UsageError(sentence, field=field)


@contextmanager
def about(field: str) -> Iterator[None]:
    """A UsageError that leaves this block is about `field`, unless it names another."""
    try:
        yield
    except UsageError as error:
        error.field = error.field or field
        raise


_LONGEST_NAME = 100  # of an unknown name, as it is compared and told: strangers send long ones


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """All of `known`, those spelled most like `name` first (ties alphabetical)."""
    folded = name.casefold()

    def distance(candidate: str) -> tuple[float, str]:
        return -SequenceMatcher(None, folded, candidate.casefold()).ratio(), candidate

    return sorted(set(known), key=distance)


def unknown(kind: str, name: object, known: Iterable[str], *, most: int = 12, advice: str = "") -> UnknownName:
    """The error for a `name` that is not one of `known`: it lists them, nearest first, at most `most` of them."""
    spelling = str(name) if len(str(name)) <= _LONGEST_NAME else f"{str(name)[:_LONGEST_NAME]}…"
    ordered = nearest(spelling, known)
    listed = ", ".join(ordered[:most])
    rest = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    tail = f" {advice}" if advice else ""
    return UnknownName(f"Unknown {kind} {spelling!r}. Known, nearest first: {listed}{rest}.{tail}")


def print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What `warnings.showwarning` is in processes of ours: a warning as a sentence, without the line it came from."""
    print(f"causerie: {message}", file=sys.stderr, flush=True)

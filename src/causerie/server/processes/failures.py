"""Failures between the server's processes: an error's class travels as its name."""

from __future__ import annotations

from causerie import errors
from causerie.errors import CauserieError, EngineError, UsageError


def error_of(kind: str, message: str, field: str | None = None) -> CauserieError:
    """The error that was called `kind` in another process; `field` is what it is about."""
    found = getattr(errors, kind, None)
    if isinstance(found, type) and issubclass(found, UsageError):
        return found(message, field=field)
    if isinstance(found, type) and issubclass(found, CauserieError):
        return found(message)
    return EngineError(message)

"""Failures between the server's processes: an error's class travels as its name."""

from __future__ import annotations

from causerie import errors
from causerie.errors import CauserieError, EngineError, UsageError


def error_of(kind: str, message: str, field: str | None = None) -> CauserieError:
    """The error that was called `kind` in another process; `field` is what it is about."""
    error = getattr(errors, kind, None)
    if isinstance(error, type) and issubclass(error, UsageError):
        return error(message, field=field)
    if isinstance(error, type) and issubclass(error, CauserieError):
        return error(message)
    return EngineError(message)

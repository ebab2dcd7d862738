"""What a process that works on strangers' texts allows itself. Knows no work."""

from __future__ import annotations

import resource
import signal


def limit_addresses(most: int) -> None:
    """Memory beyond so many bytes of addresses is refused from now on, as MemoryError; the system's own limit stays."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def leave_interrupts() -> None:
    """Ctrl-C is the front's to answer, which then closes the connection."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

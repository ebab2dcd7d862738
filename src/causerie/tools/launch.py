"""Becomes a tool server's program, which then ends with the process that wants it, however that ends.

Run by its path, `python launch.py PID COMMAND [ARGUMENT …]`, so that it imports nothing of ours. Where the system knows
no such promise (it is Linux's) the end of its standard input tells the server.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Asks the system for the promise, and becomes the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it has ended before it was asked
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()

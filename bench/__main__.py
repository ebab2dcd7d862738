"""`make bench`: every measurement of this folder, one after the other, each in a process of its own.

    python -m bench                     all of them, as they are
    python -m bench first_token ...     one, with options of its own

Each is a file here and prints a table; what they measure is in their docstrings.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MEASUREMENTS = ("first_token", "compare")


def main(words: list[str]) -> int:
    """Runs the measurement that `words` name, or all; the first exit code that is not 0."""
    if words and words[0] not in MEASUREMENTS:
        print(f"There is no measurement {words[0]!r}; there are {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    chosen = [words] if words else [[name] for name in MEASUREMENTS]
    codes = []
    for name, *options in chosen:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *options]).returncode)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

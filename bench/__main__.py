"""`make bench`: every measurement of this folder, one after the other, each in a process of its own.

    python -m bench                     all of them, as they are
    python -m bench first_token ...     one, with options of its own

Each prints a table and, as its last line, JSON. Knows no measurement: a file here is one.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main(words: list[str]) -> int:
    """Runs the measurement that `words` name, or all; the first exit code that is not 0."""
    names = sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))
    if words and words[0] not in names:
        print(f"There is no measurement {words[0]!r}; there are {', '.join(names)}.", file=sys.stderr)
        return 2
    chosen = [words] if words else [[name] for name in names]
    codes = []
    for name, *options in chosen:
        print(f"== {name}", flush=True)
        codes.append(subprocess.run([sys.executable, str(FOLDER / f"{name}.py"), *options]).returncode)
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

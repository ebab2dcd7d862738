"""How long a person waits: `causerie --help`, `import causerie`, and a fresh process until its answer begins.

    python bench/first_token.py [--model MODEL] [--runs N] [--prompt TEXT]

Each figure is the median of fresh processes, after one that warms the file cache and is not counted. Prints a table
and, as its last line, the same as JSON. Measures whole processes from outside and knows no part of the program.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable


def whole(words: list[str]) -> float:
    """Seconds that a process takes from its start to its end. Raises CalledProcessError where it fails."""
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    return time.perf_counter() - begun


def until_first_output(words: list[str]) -> float:
    """Seconds to the first byte of a process's standard output; it is ended then."""
    begun = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
        assert process.stdout is not None and process.stderr is not None
        first = os.read(process.stdout.fileno(), 1)
        seconds = time.perf_counter() - begun
        process.kill()
        if not first:
            raise SystemExit(f"{' '.join(words)} gave no answer: {process.stderr.read().decode()}")
    return seconds


def median(measure: Callable[[], float], runs: int) -> float:
    """The median of `runs` measurements, after one that is not counted."""
    measure()
    return statistics.median(measure() for _ in range(runs))


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--model", default="builtin", help="default: builtin")
    options.add_argument("--runs", type=int, default=5, help="processes for each figure (default: 5)")
    options.add_argument("--prompt", default="Hello!")
    found = options.parse_args()
    python = [sys.executable, "-c"]
    command = [sys.executable, "-m", "causerie.cli.main"]
    chat = [*command, "chat", found.model, "-p", found.prompt]
    goals = {"python": None, "import causerie": 0.1, "causerie --help": 0.2, "first token": 1.0}
    seconds = {
        "python": median(lambda: whole([*python, "pass"]), found.runs),
        "import causerie": median(lambda: whole([*python, "import causerie"]), found.runs),
        "causerie --help": median(lambda: whole([*command, "--help"]), found.runs),
        "first token": median(lambda: until_first_output(chat), found.runs),
    }
    seconds["import causerie"] = max(0.0, seconds["import causerie"] - seconds["python"])
    print(f"{'median of ' + str(found.runs) + ' fresh processes':<30}{'seconds':>10}{'goal':>8}")
    for name, value in seconds.items():
        goal = goals[name]
        print(f"{name:<30}{value:>10.3f}{'' if goal is None else format(goal, '.1f'):>8}")
    rounded = {name.replace(" ", "_").replace("--", ""): round(value, 4) for name, value in seconds.items()}
    print(json.dumps({"bench": "first_token", "model": found.model, "runs": found.runs, "seconds": rounded}))


if __name__ == "__main__":
    main()

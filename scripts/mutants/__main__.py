"""`make mutants`: puts small faults into a copy of the source, one at a time, and names those that no test notices.

    python -m scripts.mutants                                  all of them: hours
    python -m scripts.mutants --files text chat/parse.py       of these packages or files
    python -m scripts.mutants --sample 100 --seed 7            a sample, the same for the same seed
    python -m scripts.mutants --each 30 --seed 7               so many of each package
    python -m scripts.mutants --each-file 8 --seed 7           so many of each file
    python -m scripts.mutants --again build/mutants.jsonl      only those that survived there
    python -m scripts.mutants --native                         the chosen faults of the C++ kernels

Tests that import the file come first, then the other tests of its package; the first failure ends a mutant.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.mutants import nearest_tests
from scripts.mutants.mutations import Mutant, mutants
from scripts.mutants.native_mutants import native_mutants, run_native
from scripts.mutants.project_copy import ROOT, ProjectCopy

EQUIVALENT = Path(__file__).with_name("equivalent.toml")
LEAST_LIMIT = 30  # seconds; the machine may be shared
LONGEST = 1800  # seconds of tests without a mutant
TIMES = 5  # a test that takes so many times as long as without the mutant hangs

Key = tuple[str, str, str]  # file, old, new


def main(words: list[str]) -> int:
    """Runs what `words` ask for and prints survivors and a table; 1 where mutants survived."""
    options = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the copy is removed then, too
    if options.native:
        with ProjectCopy(options.commit) as copy:
            return run_native(copy, _sample(native_mutants(), options))
    known = equivalent_mutants()
    with ProjectCopy(options.commit) as copy:
        chosen = _chosen(copy.root, options)
        if options.count:
            print(
                *(f"{n:6} {file}" for file, n in Counter(each.file for each in chosen).items()), len(chosen), sep="\n"
            )
            return 0
        return _run(copy, chosen, known, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", nargs="+", default=[], metavar="PATH", help="packages or files under src/causerie")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them")
    parser.add_argument("--each", type=int, metavar="N", help="so many of each package")
    parser.add_argument("--each-file", type=int, metavar="N", help="so many of each file")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--again", type=Path, metavar="RECORD", help="only the survivors of an earlier record")
    parser.add_argument(
        "--record", type=Path, default=ROOT / "build" / "mutants.jsonl", help="where results go, a line each"
    )
    parser.add_argument("--commit", metavar="REF", help="test this commit instead of the working tree")
    parser.add_argument(
        "--nearest", action="store_true", help="judge by the tests that import the file, where there are some"
    )
    parser.add_argument("--count", action="store_true", help="only count the mutants of each file")
    parser.add_argument("--native", action="store_true", help="the chosen mutants of the C++ kernels; builds each")
    return parser


def equivalent_mutants() -> set[Key]:
    """The listed mutants that mean the same as what they replace."""
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")).get("equivalent", [])
    return {(nearest_tests.SOURCE + each["file"], each["old"], each["new"]) for each in entries}


def _chosen(root: Path, options: argparse.Namespace) -> list[Mutant]:
    files = nearest_tests.files(root)
    if options.files:
        named = [nearest_tests.SOURCE + name.removeprefix(nearest_tests.SOURCE).rstrip("/") for name in options.files]
        unknown = [name for name in named if not any(file == name or file.startswith(name + "/") for file in files)]
        if unknown:
            raise SystemExit(f"No tests are named for {', '.join(unknown)}; see scripts/mutants/nearest_tests.py.")
        files = [file for file in files if any(file == name or file.startswith(name + "/") for name in named)]
    every = [each for file in files for each in mutants(file, (root / file).read_text(encoding="utf-8"))]
    every = [each for each in every if not (each.kind == "string" and nearest_tests.facts(each.file))]
    if options.again is not None:
        records = [json.loads(line) for line in options.again.read_text(encoding="utf-8").splitlines()]
        survived = {(each["file"], each["old"], each["new"]) for each in records if each["result"] == "survived"}
        every = [each for each in every if (each.file, each.old, each.new) in survived]
    if options.each_file is not None:
        every = _some_of_each(every, lambda each: each.file, options.each_file, options.seed)
    if options.each is not None:
        every = _some_of_each(every, lambda each: nearest_tests.package(each.file), options.each, options.seed)
    return _sample(every, options)


def _some_of_each(every: list[Mutant], part: Callable[[Mutant], str], count: int, seed: int) -> list[Mutant]:
    """So many of each part, a file or a package."""
    parts: dict[str, list[Mutant]] = {}
    for each in every:
        parts.setdefault(part(each), []).append(each)
    return [mutant for name in sorted(parts) for mutant in _some(parts[name], count, seed)]


def _sample(every: list[Any], options: argparse.Namespace) -> list[Any]:
    """As many as were asked for, in their order."""
    return every if options.sample is None else _some(every, options.sample, options.seed)


def _some(every: list[Any], count: int, seed: int) -> list[Any]:
    if count >= len(every):
        return every
    places = sorted(random.Random(seed).sample(range(len(every)), count))
    return [every[place] for place in places]


def _run(copy: ProjectCopy, chosen: list[Mutant], known: set[Key], options: argparse.Namespace) -> int:
    counts: dict[str, Counter[str]] = {}
    judge = Judge(copy, options.nearest)
    options.record.parent.mkdir(parents=True, exist_ok=True)
    try:
        with options.record.open("w", encoding="utf-8") as record:
            for mutant in chosen:
                start = time.monotonic()
                equivalent = (mutant.file, mutant.old, mutant.new) in known
                result, by = ("equivalent", "") if equivalent else judge.result(mutant)
                counts.setdefault(nearest_tests.package(mutant.file), Counter())[result] += 1
                if result == "survived":
                    print(
                        f"{mutant.file}:{mutant.line} ({mutant.kind})\n  - {mutant.old}\n  + {mutant.new}", flush=True
                    )
                line = {name: getattr(mutant, name) for name in ("file", "line", "kind", "old", "new")}
                seconds = round(time.monotonic() - start, 1)
                line |= {"result": result, "by": by, "seconds": seconds}
                record.write(json.dumps(line, ensure_ascii=False) + "\n")
                record.flush()
    finally:  # also of a run that was ended
        print_table(counts)
    return int(any(each["survived"] or each["untested"] for each in counts.values()))


class Judge:
    """Runs the tests of a mutant's file, first those that import it."""

    def __init__(self, copy: ProjectCopy, nearest_only: bool) -> None:
        self._copy = copy
        self._nearest_only = nearest_only
        self._limits: dict[tuple[str, ...], float | None] = {}  # seconds; None where tests fail without a mutant
        self._notices: Counter[str] = Counter()  # of a file of tests: those that noticed most go first

    def result(self, mutant: Mutant) -> tuple[str, str]:
        """ "noticed" (a hang is, too), "survived", or "untested" where tests fail without any mutant; and the test that
        noticed it."""
        nearest = nearest_tests.importers(self._copy.root, mutant.file)
        every = nearest_tests.judges(self._copy.root, mutant.file)
        rest = [] if nearest and self._nearest_only else [test for test in every if test not in nearest]
        real = (self._copy.root / mutant.file).read_text(encoding="utf-8")
        result = "survived"
        for tests in filter(None, (nearest, rest)):
            limit = self._limit(tests if tests is nearest else every)
            if limit is None:
                result = "untested"
                continue
            self._copy.write(mutant.file, mutant.text)
            try:
                answer = self._copy.test(sorted(tests, key=lambda each: -self._notices[each]), limit)
            finally:
                self._copy.write(mutant.file, real)
            if answer["code"] != 0:
                by = "no end" if answer["code"] is None else _failed(answer["tail"])
                self._notices[by.partition("::")[0]] += 1
                return "noticed", by
        return result, ""

    def _limit(self, tests: list[str]) -> float | None:
        key = tuple(tests)
        if key not in self._limits:
            answer = self._copy.test(tests, LONGEST)
            self._limits[key] = max(LEAST_LIMIT, TIMES * answer["seconds"]) if answer["code"] == 0 else None
            if answer["code"] != 0:
                print(f"{' '.join(tests)} fail without a mutant:\n{answer['tail']}", flush=True)
        return self._limits[key]


def _failed(output: str) -> str:
    """The test that pytest names as failed; what could not even be imported has none."""
    names = re.findall(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    return names[-1] if names else "import"


RESULTS = ("noticed", "equivalent", "survived", "untested")


def print_table(counts: dict[str, Counter[str]]) -> None:
    """Per package how many there were of each result, and the share noticed of those that were noticed or survived."""
    titles = ("package", "tried", *RESULTS, "share noticed")
    print("", f"| {' | '.join(titles)} |", "|---" * len(titles) + "|", sep="\n")
    total: Counter[str] = Counter()
    for name, each in sorted(counts.items()):
        total += each
        _print_row(name, each)
    _print_row("all", total)


def _print_row(name: str, each: Counter[str]) -> None:
    judged = each["noticed"] + each["survived"]
    share = f"{100 * each['noticed'] / judged:.0f} %" if judged else ""
    print(f"| {name} | {each.total()} | {' | '.join(str(each[result]) for result in RESULTS)} | {share} |")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

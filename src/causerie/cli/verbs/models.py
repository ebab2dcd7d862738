"""`causerie models`: what is on this machine, what the hub has, and moving one to the other.

One parser for all that can be done; each of them names the options that it takes, and another one is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from causerie.api.library.hub_search import BENCHMARKS, DOMAINS, FORMATS, ORDERS, Query, SizeRange
from causerie.api.library.local_models import FileState, delete_wrong, library, pull, removable_bytes, remove, verify
from causerie.api.loading.progress_line import LoadingLine
from causerie.cli.models import choosing, listing, page, score_list, search_rows
from causerie.cli.models.columns import size
from causerie.cli.options.arguments import Parser, help_columns, whole_number
from causerie.errors import UsageError, unknown
from causerie.settings import Settings

_DESCRIPTION = """\
Models on this machine and on the Hugging Face hub.

  causerie models                     what is here, and what of it fits
  causerie models show MODEL          all that is known of one
  causerie models pull MODEL          download it, or what has changed of it
  causerie models rm MODEL            delete it from the cache
  causerie models verify [MODEL]      whether files are what the hub listed
  causerie models search WORDS        what the hub has
  causerie models leaderboard [NAME]  scores that models' pages publish
  causerie models help-me-choose      three questions, and what to try

A download that is interrupted goes on where it was. What was downloaded is used
from then on, until it is pulled again, wherever its branch moves on the hub."""

_SEARCH = ("task", "size", "licence", "language", "domain", "format", "sort", "limit")
_OPTIONS: dict[str, tuple[str, ...]] = {
    "list": ("models_dir",),
    "show": (),
    "pull": (),
    "rm": ("yes",),
    "verify": ("delete_wrong",),
    "search": _SEARCH,
    "leaderboard": ("limit", "derived"),
    "help-me-choose": (),
}
"""What can be done, and the options that each takes beside --json."""
_LIMIT = 20


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    usage = "causerie models [ACTION] [MODEL | WORDS] [options]"
    made = Parser("causerie models", _DESCRIPTION, width=help_columns(width), usage=usage)
    add = made.add_argument
    add("action", nargs="?", default="list", metavar="ACTION", help="one of those above; alone: list")
    add("words", nargs="*", metavar="WORDS", help="a model, words to search for, or a benchmark")
    add("--json", action="store_true", help="the same as JSON, sizes in bytes")
    add("--models-dir", metavar="FOLDER", help="list the models in this folder, too")
    add("--yes", action="store_true", help="rm: do not ask")
    add("--delete-wrong", action="store_true", help="verify: delete what is wrong; pull fetches that alone again")
    add("--task", metavar="TASK", help="search: the hub's task (text-generation; any: all of them)")
    add("--size", metavar="SIZES", help="search: parameters: 8B (at most), 1B-8B, 30B- (at least)")
    add("--licence", "--license", metavar="NAME", help="search: such as apache-2.0 or mit")
    add("--language", metavar="CODE", help="search: such as en or de")
    add("--domain", metavar="FIELD", help=f"search: {', '.join(DOMAINS)}")
    add("--format", metavar="FORMAT", help=f"search: {', '.join(FORMATS)}")
    add("--sort", metavar="BY", help=f"search: {', '.join(ORDERS)} (trending)")
    add("--limit", type=whole_number, metavar="N", help=f"search, leaderboard: rows at most ({_LIMIT})")
    add("--derived", action="store_true", help="leaderboard: models too that were made from others")
    return made


def run(options: argparse.Namespace) -> int:
    """Does it and returns the exit code. Raises CauserieError."""
    action = options.action
    if action not in _OPTIONS:
        raise unknown(
            "action of `causerie models`", action, _OPTIONS, advice="`causerie models -h` says what each does."
        )
    _check_options(options)
    work: dict[str, Callable[[argparse.Namespace], int]] = {
        "list": _list,
        "show": _show,
        "pull": _pull,
        "rm": _remove,
        "verify": _verify,
        "search": _search,
        "leaderboard": _leaderboard,
        "help-me-choose": _help_choose,
    }
    return work[action](options)


def _check_options(options: argparse.Namespace) -> None:
    """Raises UsageError for an option that the action does not take."""
    every = {name for names in _OPTIONS.values() for name in names}
    for name in sorted(every - set(_OPTIONS[options.action])):
        if getattr(options, name) not in (None, False):
            takers = ", ".join(action for action, names in _OPTIONS.items() if name in names)
            raise UsageError(f"--{name.replace('_', '-')} is of {takers}, and not of `models {options.action}`.")


def _one(options: argparse.Namespace) -> str:
    if len(options.words) != 1:
        raise UsageError(f"`causerie models {options.action}` takes one model, and {len(options.words)} are named.")
    return str(options.words[0])


def _print(options: argparse.Namespace, value: Any, lines: str) -> int:
    sys.stdout.write(json.dumps(value, indent=2) + "\n" if options.json else lines)
    return 0


def _list(options: argparse.Namespace) -> int:
    if options.words:
        raise UsageError(f"`causerie models list` takes no words, and there is {options.words[0]!r}.")
    rows = listing.gather(None if options.models_dir is None else Path(options.models_dir))
    return _print(options, rows, listing.as_lines(rows))


def _show(options: argparse.Namespace) -> int:
    content = page.gather(_one(options))
    return _print(options, content, page.as_lines(content))


def _pull(options: argparse.Namespace) -> int:
    name = _one(options)
    pulled = pull(name)
    report = {"name": name, "folder": str(pulled.place), "commit": pulled.commit, "bytes": pulled.nbytes}
    where = f"in {pulled.place}" if pulled.place.is_dir() else f"as {pulled.place}"
    return _print(options, report, f"{name} is here: {size(pulled.nbytes)}, commit {pulled.commit[:12]}, {where}\n")


def _remove(options: argparse.Namespace) -> int:
    name = _one(options)
    nbytes = removable_bytes(name)
    if nbytes and not options.yes and not _agreed(f"Delete {name}, {size(nbytes)}? [y/N] "):
        print("Nothing was deleted.", file=sys.stderr)
        return 1
    remove(name)
    return _print(options, {"name": name, "bytes": nbytes}, f"{name} is deleted: {size(nbytes)} are free again.\n")


def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError("Deleting asks first, and nobody is there to answer; --yes deletes without asking.")
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _verify(options: argparse.Namespace) -> int:
    names = options.words or list(
        dict.fromkeys(model.name.partition(":")[0] for model in library() if model.place == "cache")
    )
    states = _states(names)
    if options.words and not states:
        raise UsageError(f"{', '.join(names)}: nothing is in the cache to verify. `causerie models` lists what is.")
    bad = [(name, state) for name, state in states if state.state in ("wrong", "missing")]
    kinds = f"{len(states)} file{'' if len(states) == 1 else 's'} of {len(names)} model{'' if len(names) == 1 else 's'}"
    lines = [f"{kinds}: {len(states) - len(bad)} right, {len(bad)} not.\n"]
    for name, state in bad:
        lines.append(f"{name}: {state.name} is {state.state}: {_wrong(state)}.\n")
        if options.delete_wrong:
            delete_wrong(name, state)
    if bad:
        deleted = (
            "They are deleted; `" if options.delete_wrong else "`causerie models verify --delete-wrong` and then `"
        )
        lines.append(f"{deleted}causerie models pull MODEL` fetches them again.\n")
    _print(options, [{"model": name, **vars(state)} for name, state in states], "".join(lines))
    return 1 if bad else 0


def _states(names: list[str]) -> list[tuple[str, FileState]]:
    """What hashing all files of some models again gives; a line on a terminal says how far it is."""
    total, done = sum(removable_bytes(name) for name in names), 0
    line = LoadingLine(sys.stderr, "Hashed")

    def report(nbytes: int) -> None:
        nonlocal done
        done += nbytes
        line(done, total, "")

    try:
        return [(name, state) for name in names for state in verify(name, report)]
    finally:
        line.clear()


def _wrong(state: FileState) -> str:
    if state.hash is None:
        return "its content is not there"
    return f"its hash is {state.hash}, and {state.expected} was expected"


def _search(options: argparse.Namespace) -> int:
    order, domain, form = options.sort or "trending", options.domain, options.format
    for kind, value, known in (("order", order, ORDERS), ("domain", domain, DOMAINS), ("format", form, FORMATS)):
        if value is not None and value not in known:
            raise unknown(kind, value, known)
    task = options.task or "text-generation"
    query = Query(
        words=" ".join(options.words),
        task=None if task == "any" else task,
        size=None if options.size is None else SizeRange.read(options.size),
        licence=options.licence,
        language=options.language,
        domain=domain,
        format=form,
        order=order,
        most=options.limit or _LIMIT,
    )
    rows = search_rows.gather(query)
    return _print(options, rows, search_rows.as_lines(rows))


def _leaderboard(options: argparse.Namespace) -> int:
    if len(options.words) > 1:
        raise UsageError(f"`causerie models leaderboard` takes one benchmark; known: {', '.join(BENCHMARKS)}.")
    benchmark = options.words[0] if options.words else None
    rows = score_list.gather(benchmark, derived=options.derived, most=options.limit or _LIMIT)
    return _print(options, rows, score_list.as_lines(rows, benchmark))


def _help_choose(options: argparse.Namespace) -> int:
    from causerie.api.library.choice import choose
    from causerie.api.machine.measurements import this_machine

    if options.words:
        raise UsageError(f"`causerie models help-me-choose` takes no words: it asks. There is {options.words[0]!r}.")
    wish = choosing.ask(sys.stdin, sys.stderr)
    computer = this_machine(Settings.from_environment())
    values = choosing.as_values(wish, choose(wish, computer.memory, computer.bandwidth.usual))
    return _print(options, values, choosing.as_lines(values))

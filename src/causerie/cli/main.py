"""The `causerie` command: finds the verb, runs it, and turns failures into a sentence and an exit code.

Exit codes: 0 done, 1 failed, 2 asked for something that cannot be, 130 interrupted, 141 the reader of a pipe left.
Each verb is a module with `parser(width)` and `run(options)`, imported when it is asked for. Knows no verb's options.
"""

from __future__ import annotations

import errno
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

import causerie
from causerie.errors import CauserieError, CheckpointError, ConfigError, UsageError, print_warning, unknown

VERBS = {
    "chat": ("causerie.cli.verbs.chat", "talk to a model, or ask it one thing"),
    "serve": ("causerie.cli.verbs.serve", "serve models to programs that speak the OpenAI protocol"),
    "models": ("causerie.cli.verbs.models", "models here and on the hub: list, search, download, delete, verify"),
    "prepare": ("causerie.cli.verbs.prepare", "write a model so that it starts at once"),
    "bench": ("causerie.cli.verbs.bench", "how fast a model is here, beside what the machine can do"),
    "evaluate": ("causerie.cli.verbs.evaluate", "what a quantization costs in quality, measured"),
    "fit": ("causerie.cli.verbs.fit", "whether a model runs here, how fast, and which precision to take"),
    "info": ("causerie.cli.verbs.info", "what this machine and this install can run, and why"),
}
"""Verb → its module and its line in the help."""

_HELP = ("-h", "--help", "help")
_NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""How a system says that an output, or a file, takes no more: nobody's mistake in the program."""
DONE, FAILED, USAGE, INTERRUPTED, READER_LEFT = 0, 1, 2, 130, 141


def help_text() -> str:
    """What `causerie --help` prints."""
    verbs = "\n".join(f"  causerie {name:<10} {line}" for name, (_, line) in VERBS.items())
    return (
        "Chat with open models on your own machine.\n\n"
        f"{verbs}\n\n"
        "  causerie VERB -h    the options of a verb\n"
        "  causerie --version  the version\n\n"
        "Begin with `causerie chat`: it talks to the small model that ships with the program.\n"
    )


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command line `words` (default: the process's) and returns its exit code."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = print_warning
            code = _run(list(sys.argv[1:] if words is None else words))
            sys.stdout.flush()
            return code
    except (UsageError, CheckpointError, ConfigError) as error:
        return _complain(error, USAGE)
    except CauserieError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return READER_LEFT
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        _flush_or_drop()
        print(f"causerie: What was to be written could not be: {error.strerror}.", file=sys.stderr)
        return FAILED


def _run(words: list[str]) -> int:
    first, rest = (words[0], words[1:]) if words else ("--help", [])
    if first in _HELP:
        if rest and rest[0] not in _HELP:  # causerie help chat
            return _run([rest[0], "-h"])
        sys.stdout.write(help_text())
        return DONE
    if first in ("-V", "--version", "version"):
        if rest:
            raise UsageError(f"{first} takes nothing after it, and there is {rest[0]!r}.")
        print(f"causerie {causerie.__version__}")
        return DONE
    if first not in VERBS:
        from causerie.cli.ollama import verb_sentence

        sentence = verb_sentence(first, rest)
        if sentence is not None:
            raise UsageError(sentence)
        kind = "option" if first.startswith("-") else "verb"
        known = ["--help", "--version"] if kind == "option" else VERBS
        raise unknown(kind, first, known, advice="`causerie --help` says what each does.")
    verb = import_module(VERBS[first][0])
    try:
        options = verb.parser().read(rest)
    except SystemExit:  # argparse's way to end after -h
        return DONE
    code: int = verb.run(options)
    return code


def _complain(error: CauserieError, code: int) -> int:
    _flush_or_drop()
    print(f"causerie: {error}", file=sys.stderr)
    return code


def _flush_or_drop() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        _drop_stdout()


def _drop_stdout() -> None:
    """Where nothing can be written the interpreter's own flush at exit would complain: give it somewhere to write."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

"""An argument parser whose mistakes are `UsageError`s that name the nearest option. Knows no verb, and of options
those alone that verbs share."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import sys
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from causerie.errors import UsageError, unknown

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from causerie.api.options.load_options import LoadOptions


class _Lines(argparse.RawDescriptionHelpFormatter):
    """The same help under every Python: newer ones write `-p, --prompt TEXT` where older ones repeat TEXT."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """argparse, with three differences: options may stand among the words, no option is abbreviated, and a mistake is
    raised as a `UsageError` instead of ending the process. `flags` are what the verb takes as key=value, so that who
    writes one as an option is told."""

    def __init__(
        self,
        prog: str,
        description: str,
        *,
        width: int | None = None,
        usage: str | None = None,
        epilog: str = "",
        flags: Collection[str] = (),
    ) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            add_help=False,
            allow_abbrev=False,
            formatter_class=partial(_Lines, width=width, max_help_position=30),
        )
        self._flags = flags
        self.add_argument("-h", "--help", action="help", help="show this and leave")

    def error(self, message: str) -> NoReturn:
        """argparse found a mistake; `message` is its sentence."""
        raise UsageError(f"{message[:1].upper()}{message[1:]}. `{self.prog} -h` lists the options.")

    def print_help(self, file: SupportsWrite[str] | None = None) -> None:
        """Writes the help; argparse's own would hide that the reader of a pipe has left."""
        if file is not None:
            file.write(self.format_help())
        else:
            sys.stdout.write(self.format_help())
            sys.stdout.flush()

    def add_loading_options(self, *names: str) -> None:
        """The options by which a verb says how the model it loads is held and where it runs: those of LoadOptions that
        are named, in this order."""
        for name in names:
            self.add_argument(f"--{name.replace('_', '-')}", **_LOADING[name])

    def add_models_folder(self) -> None:
        """The option of a verb that offers models and has one of them guess for another."""
        self.add_argument(
            "--models-dir",
            type=models_folder,
            metavar="FOLDER",
            help="a folder of models, which are offered and may guess like downloaded ones",
        )

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parses `words`. Raises UnknownName for an option that does not exist, UsageError for any other mistake."""
        options, rest = self.parse_known_intermixed_args(list(words))
        if rest:
            option = rest[0].split("=", 1)[0]
            if (flag := option.lstrip("-").replace("-", "_")) in self._flags:
                word = shlex.quote(f"{flag}={_value_of(rest[0], words)}")
                raise UsageError(f"{option} is a generate flag; those are written without dashes: {word}")
            raise unknown(f"option of `{self.prog}`", option, self._known_options())
        return options

    def _known_options(self) -> list[str]:
        return [option for option in self._option_string_actions if option.startswith("--")]


def _value_of(option: str, words: Sequence[str]) -> str:
    """What somebody gave to an option that is none: after its `=`, or as the next word; True where it is alone."""
    _, equals, value = option.partition("=")
    if equals:
        return value
    following = words[words.index(option) + 1 :]
    return following[0] if following and not re.match(r"-\D", following[0]) else "True"


def load_options(options: argparse.Namespace, **others: Any) -> LoadOptions:
    """What the options of a verb say of loading; `others` are those that the verb decides otherwise. Raises
    UnknownName, UsageError."""
    from causerie.api.options.load_options import LoadOptions

    return LoadOptions.read(**{**{name: getattr(options, name) for name in _LOADING if name in options}, **others})


def talking_options(options: argparse.Namespace) -> LoadOptions:
    """The same for a verb that talks to people: a downloaded model guesses where nobody says who does."""
    loading = load_options(options)
    if options.draft is None and loading.speculation == "auto":
        return load_options(options, draft="auto")
    return loading


def set_loading_options(options: argparse.Namespace) -> list[str]:
    """The options of loading that the user has set, as they are written."""
    names = []
    for name, keywords in _LOADING.items():
        unset = keywords.get("default", False if keywords.get("action") == "store_true" else None)
        if getattr(options, name, unset) != unset:
            names.append(f"--{name.replace('_', '-')}")
    return names


def help_columns(width: int | None) -> int:
    """The width of a help: the one asked for, or about that of the terminal."""
    return width or max(50, min(100, shutil.get_terminal_size().columns - 2))


def models_folder(text: str) -> Path:
    """An argparse type: a folder that is there."""
    folder = Path(text).expanduser()
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no folder; one with models in it is expected")
    return folder


def whole_number(text: str) -> int:
    """An argparse type: an integer of at least 1, with or without `_` between digits."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1")
    return number


_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def byte_count(text: str) -> int:
    """An argparse type: a number of bytes, with a unit or without."""
    match = re.fullmatch(r"([\d_]+(?:\.\d+)?)\s*([A-Za-z]*)", text.strip())
    if match is None or match[2].upper() not in _UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of bytes such as 8GB, 500MB or 8_000_000_000")
    return round(float(match[1]) * _UNITS[match[2].upper()])


USUAL = (
    "dtype",
    "quantization",
    "calibrate",
    "cache_dtype",
    "device",
    "backend",
    "threads",
    "expert_memory",
    "keep_cache",
    "speculation",
    "draft",
    "strict",
)
"""The options of loading that a verb has which talks to a model."""
_LOADING: dict[str, dict[str, Any]] = {
    "dtype": {"default": "auto", "help": "auto (the checkpoint's), float32, float16 or bfloat16"},
    "quantization": {
        "metavar": "NAME",
        "help": "how weights are held: int8, int6, int5, int4, nf4, fp4, bnb_int8, none, or auto: as stored or as fits",
    },
    "calibrate": {
        "metavar": "TEXT",
        "help": "by what our own formats choose their numbers: random (tokens, the default), a text file, or none",
    },
    "packing": {"metavar": "NAME", "help": "bfloat16 in 12 bits (lossless), 16 (none) or as is faster here (auto)"},
    "cache_dtype": {"metavar": "NAME", "help": "how past tokens are kept: bfloat16, int8, … (default: auto)"},
    "device": {"default": "auto", "help": "auto, cpu, cuda or cuda:N"},
    "backend": {"choices": ["native", "torch"], "help": "what computes; default: the best that can"},
    "threads": {"type": whole_number, "metavar": "N", "help": "CPU threads; default: the cores it may use"},
    "expert_memory": {
        "type": byte_count,
        "metavar": "SIZE",
        "help": "memory for experts of a prepared model, whose others stay on the disk (8GB; default: as is free)",
    },
    "keep_cache": {
        "type": byte_count,
        "metavar": "SIZE",
        "help": "keep what was read of chats on the disk, so much at most (2GB): a chat opened again goes on at "
        "once (default: nothing is kept)",
    },
    "speculation": {
        "metavar": "NAME",
        "help": "guess tokens and check several in a step: lookup, shadow (by the same weights in int4, held beside "
        "them), mtp (by the head that some checkpoints ship), off, or auto, where it is faster (the default)",
    },
    "draft": {
        "metavar": "MODEL",
        "help": "a smaller model that guesses tokens for it, or a head (mtp-NAME.gguf); none; or auto, a head beside "
        "its file or a downloaded model with the same tokenizer (the default of chat and serve)",
    },
    "strict": {"action": "store_true", "help": "refuse a model with config keys or tensors that no family computes by"},
}
"""The options of loading by their names in LoadOptions, each with what argparse is told."""

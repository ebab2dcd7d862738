"""`causerie chat`: reads its options, opens the model, and either answers one question or begins the terminal chat.

Everything that can be wrong in the options is said before the model loads. Knows no tokens and no tensors.
"""

from __future__ import annotations

import argparse
import io
import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import fstat
from pathlib import Path
from typing import TYPE_CHECKING

import causerie
from causerie.api.library.model_names import BUILTIN, SMOLLM2, first_model
from causerie.chat.chat_files import ChatFolder, SavedChat
from causerie.cli.chat import keyboard
from causerie.cli.chat.chat_tools import ChatTools
from causerie.cli.chat.completion import completions
from causerie.cli.chat.sample_questions import sample_questions
from causerie.cli.chat.single_answer import answer_events, answer_text
from causerie.cli.chat.terminal import Terminal
from causerie.cli.conversation.conversation import Conversation
from causerie.cli.conversation.precision_question import accepts_precision
from causerie.cli.options import generate_flags
from causerie.cli.options.arguments import USUAL, Parser, help_columns, set_loading_options, talking_options
from causerie.cli.options.flags import is_flag
from causerie.cli.options.tool_servers import opened_tools
from causerie.cli.screen.screen import Screen
from causerie.errors import CauserieError, ModelTooLarge, UsageError
from causerie.settings import Settings

if TYPE_CHECKING:
    from causerie.api.generation.config import GenerationConfig

PROMPT = "> "
_SMALL = {BUILTIN: "This model is tiny.", SMOLLM2: "This model is small and often wrong; /ask knows this program."}

_DESCRIPTION = """\
Talk to a model in this terminal, or ask it one thing and get the answer alone.

  causerie chat                              SmolLM2 where it is installed, else the
                                             tiny model that comes with it, or one
                                             of those that were downloaded
  causerie chat Qwen/Qwen2.5-0.5B-Instruct   a model of the Hugging Face hub:
                                             org/name or org/name@revision
  causerie chat ./my-model temperature=0.7   a folder, with a generate flag
  causerie chat model-Q4_K_M.gguf            a GGUF file
  causerie chat -p "What is a token?"        one question, the answer alone
  cat notes | causerie chat -p "Summarize:"  a question about what is piped in

In a shell's loop write < /dev/null behind it, or it reads the loop's lines."""

_EPILOG = """\
generate flags, as key=value. They go before the checkpoint's
generation_config.json, and that before the defaults named here. Values are
numbers, True, False, None, text, and lists or mappings in quotes:
'stop_strings=["###", "END"]'.

{flags}

inside the chat: help lists the commands (/retry, /edit, /save, …); Ctrl-C stops
an answer and keeps the chat."""


def parser(width: int | None = None) -> Parser:
    """The options; `width` is that of the help, default the terminal's."""
    columns = help_columns(width)
    made = Parser(
        "causerie chat",
        _DESCRIPTION,
        width=columns,
        usage="causerie chat [MODEL] [key=value ...] [options]",
        epilog=_EPILOG.format(flags=generate_flags.help_text(columns)),
        flags=generate_flags.FLAGS,
    )
    made.add_argument("words", nargs="*", metavar="MODEL", help="a model, and generate flags as key=value (below)")
    made.add_argument("--model_name_or_path", "--model", metavar="MODEL", help="the model, named by an option instead")
    made.add_argument("-p", "--prompt", metavar="TEXT", help="ask this, print the answer alone, and leave")
    made.add_argument("--json", action="store_true", help="of one answer its events, each a line of JSON")
    made.add_argument("--system-prompt", metavar="TEXT", help="how the model shall behave, as its system message")
    made.add_argument("--generation-config", metavar="NAME", help="generate flags of a file, a folder or a model's id")
    made.add_argument("--url", metavar="URL", help="talk to a model of this server (OpenAI's protocol) instead")
    made.add_argument("--api-key", metavar="KEY", help="the server's key; better in CAUSERIE_API_KEY")
    made.add_argument("--mcp", metavar="FILE", help="MCP servers whose tools the model may call, asking you each time")
    made.add_argument(
        "--allow-tool",
        action="append",
        default=[],
        metavar="NAME",
        help="a tool, or a pattern such as 'kitchen.*', that is called without asking (repeat); with -p no others are",
    )
    made.add_argument("--resume", nargs="?", const="", metavar="CHAT", help="go on with a saved chat; alone: the last")
    made.add_argument("--save-folder", metavar="FOLDER", help="where chats are saved (~/.local/share/causerie/chats)")
    made.add_argument("--no-autosave", action="store_true", help="save chats only where /save asks for it")
    made.add_loading_options(*USUAL)
    made.add_models_folder()
    made.add_argument("--no-color", action="store_true", help="plain text, without colours")
    return made


def run(options: argparse.Namespace) -> int:
    """Does what the parsed options ask, and returns the exit code. Raises CauserieError."""
    settings = Settings.from_environment()
    if options.prompt is None:
        _check_question(options.words)
    name, flags = model_and_flags(options.words, options.model_name_or_path)
    if options.generation_config is not None:
        flags = _with_config(options.generation_config, flags)
    for option, text in (("-p", options.prompt), ("--system-prompt", options.system_prompt)):
        _check_text(option, text)
    question = _question(options.prompt)
    data = Path(settings.data_folder or "~/.local/share/causerie").expanduser()
    chats = ChatFolder(Path(options.save_folder).expanduser() if options.save_folder else data / "chats")
    resumed = None if options.resume is None else _resumed(options.resume, chats, question)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an output without emoji must not end an answer
    plain = settings.terminal == "dumb"
    color = settings.color and not options.no_color and not plain
    notes = Screen(sys.stderr, live=sys.stderr.isatty() and not plain)
    if question is None and options.json:
        raise UsageError("--json is for one answer: name the question with -p, or pipe it in.")
    if options.mcp is None and options.allow_tool:
        raise UsageError("--allow-tool is about tools; name their servers with --mcp FILE.")
    if options.mcp is not None and question is not None and not options.allow_tool:
        raise UsageError(
            "With one question nobody is asked before a tool is called: say which may be with --allow-tool NAME."
        )
    if question is None and not plain:
        keyboard.prepare()

    place = _place(options.url, name, resumed)
    asks = question is None and not plain and sys.stdin.isatty() and sys.stdout.isatty()
    if place == ChatPlace(None, None) and asks:
        from causerie.cli.conversation.model_offer import offered_model

        place = ChatPlace(None, offered_model(data / "model", options.models_dir, sys.stdin, sys.stdout))
    with (
        opened_tools(options.mcp) as toolbox,
        _opened(options, settings, place, flags, plain) as conversation,
    ):
        tools = ChatTools(toolbox, options.allow_tool)
        if question is not None:
            single = answer_events if options.json else answer_text
            single(conversation, question, sys.stdout, notes, tools)
        else:
            hold = Holding(chats, data / "history", resumed[0] if resumed else None, not options.no_autosave, tools)
            _hold(conversation, hold, color=color and sys.stdout.isatty(), plain=plain)
    return 0


@dataclass(frozen=True)
class ChatPlace:
    """Where a chat is held: at the server `url`, or here where that is None; with `model`, None for the one that is
    taken where nobody names one. `chat` is the saved chat that was held there, where the user named no place."""

    url: str | None
    model: str | None
    chat: str | None = None


def _place(url: str | None, model: str | None, resumed: tuple[str, SavedChat] | None) -> ChatPlace:
    """What the user named; a resumed chat goes back to where it was, where they named nothing."""
    if resumed is None or url is not None or model is not None:
        return ChatPlace(url, model)
    name, chat = resumed
    return ChatPlace(chat.server, chat.model or None, name)


def _resumed(name: str, chats: ChatFolder, question: str | None) -> tuple[str, SavedChat]:
    """The saved chat to go on with, and its name; "" is the last one. Raises UsageError."""
    if question is not None:
        raise UsageError("--resume goes on with a chat in the terminal; -p and a pipe ask one thing. Leave one out.")
    names = chats.names()
    if not name and not names:
        raise UsageError(f"There is no saved chat in {chats.folder} to go on with.")
    chat = name or names[0]
    return chat, chats.load(chat)


@contextmanager
def _opened(
    options: argparse.Namespace, settings: Settings, place: ChatPlace, flags: GenerationConfig, plain: bool
) -> Iterator[Conversation]:
    """The conversation: with a model here, or with one of another server. Raises CauserieError."""
    if place.url is not None:
        with _elsewhere(place):
            _refuse_loading(options)
            from causerie.cli.conversation.remote_conversation import open_remote

            key = options.api_key or settings.api_key
            remote = open_remote(place.url, key, place.model, flags, options.system_prompt)
        yield remote
        return
    if options.api_key is not None:
        raise UsageError("--api-key is for a server; name it with --url.")
    from causerie.cli.conversation.model_conversation import ModelChoice, open_conversation

    choice = ModelChoice(place.model or first_model(), talking_options(options), not plain, options.models_dir)
    with _elsewhere(place):
        try:
            opened = open_conversation(choice, flags, options.system_prompt)
        except ModelTooLarge as error:
            if plain or not accepts_precision(error, sys.stdin, sys.stderr):
                raise
            opened = open_conversation(choice.fitting(), flags, options.system_prompt)
    with opened as conversation:
        yield conversation


@contextmanager
def _elsewhere(place: ChatPlace) -> Iterator[None]:
    """Where a resumed chat cannot go back to its place, the error says how to go on with it elsewhere."""
    try:
        yield
    except CauserieError as error:
        if place.chat is None:
            raise
        where = f" at {place.url}" if place.url is not None else ""
        raise type(error)(
            f"{error} The chat {place.chat!r} was held with {place.model}{where}; to go on with it here, name a model: "
            f"causerie chat MODEL --resume {json.dumps(place.chat)}"
        ) from None


def _refuse_loading(options: argparse.Namespace) -> None:
    """How a model is loaded is the server's affair."""
    if names := set_loading_options(options) + ([] if options.models_dir is None else ["--models-dir"]):
        verb = "is" if len(names) == 1 else "are"
        raise UsageError(
            f"{', '.join(names)} {verb} about a model that is loaded here; with --url the server has loaded it."
        )


@dataclass(frozen=True)
class Holding:
    """Where a chat in the terminal keeps what it keeps; `resume` is the saved chat to go on with."""

    chats: ChatFolder
    history: Path
    resume: str | None
    autosave: bool
    tools: ChatTools


def _with_config(name: str, flags: GenerationConfig) -> GenerationConfig:
    """The flags of a generation_config.json, and over them those of the command line. Raises CauserieError."""
    from causerie.api.generation.config import GenerationConfig

    path = Path(name).expanduser()
    stored = GenerationConfig.from_file(path) if path.is_file() else GenerationConfig.from_pretrained(name)
    return stored.merged(flags)


def _hold(conversation: Conversation, holding: Holding, *, color: bool, plain: bool) -> None:
    """The chat in the terminal, until the user leaves."""
    from causerie.cli.conversation.builtin_help import BuiltinHelp

    screen = Screen(sys.stdout, color=color, live=sys.stdout.isatty() and not plain)
    header = [f"Causerie {causerie.__version__} · {conversation.description}"]
    if (promise := conversation.promise) is not None:
        header.append(promise)
    if count := len(holding.tools.tools):
        header.append(f"Tools: {count}. You are asked before each call; /tools lists them.")
    header.append("Write a message. help lists the commands, exit leaves.")
    if holding.resume is None:
        header.append("Try: {}  {}".format(*sample_questions(conversation.model_name)))
    if conversation.server is None and (how := _SMALL.get(conversation.model_name)):
        from causerie.cli.conversation.model_offer import larger_words

        header.append(f"{how} For a larger one: {larger_words()}")
    keys = keyboard.keyboard(
        PROMPT,
        color=color,
        plain=plain,
        history=holding.history,
        complete=lambda line: completions(line, holding.chats),
    )
    autosave = holding.autosave and sys.stdin.isatty()
    with BuiltinHelp() as program_help:
        terminal = Terminal(
            conversation,
            keys,
            screen,
            tuple(header),
            holding.chats,
            program_help,
            autosave=autosave,
            tools=holding.tools,
        )
        if holding.resume is not None:
            terminal.load(holding.resume)
        terminal.run()


def model_and_flags(words: list[str], named: str | None) -> tuple[str | None, GenerationConfig]:
    """The model's name, where there is one, and the flags among `words`: a first word without `=` is the model, all
    others are flags. Raises UsageError where the model is named twice or a word is neither."""
    rest = list(words)
    name = rest.pop(0) if rest and not is_flag(rest[0]) else None
    if name is not None and named is not None:
        raise UsageError(f"The model is named twice, as {name!r} and by --model_name_or_path {named!r}; name it once.")
    model = name if name is not None else named
    if model is not None and not model.strip():
        raise UsageError("The model's name is empty. Name a folder or org/name, or leave it out for the built-in one.")
    strange = next((word for word in rest if not is_flag(word)), None)
    if strange is not None:
        raise UsageError(
            f"{strange!r} is not key=value. Flags look like max_new_tokens=200; a question for the model goes after "
            f"-p, in quotes: -p {json.dumps(strange)}."
        )
    return model, generate_flags.read_flags(rest)


def _check_question(words: list[str]) -> None:
    """Raises UsageError where a question stands in the place of a model and of flags, in quotes or without."""
    said = [word for word in words if not (is_flag(word) and len(word.partition("=")[0].split()) == 1)]
    named = [word for word in said[:1] if _names_a_model(word)]
    asked = said[len(named) :]
    if len(asked) > 1 or any(len(word.split()) > 1 or word.endswith(("?", "!")) for word in asked):
        question = json.dumps(" ".join(asked)[:200], ensure_ascii=False)
        command = " ".join(["causerie chat", *named, "-p", question])
        raise UsageError(f"{question} is no model's name. A question goes after -p: {command}")


def _names_a_model(word: str) -> bool:
    if Path(word).expanduser().exists():
        return True
    return word in (BUILTIN, SMOLLM2) or ("/" in word and len(word.split()) == 1)


def _check_text(option: str, text: str | None) -> None:
    """Bytes of the command line that were not UTF-8 reach Python as lone surrogates, which no tokenizer takes."""
    if text is not None and keyboard.whole_characters(text) != text:
        raise UsageError(f"What follows {option} is not UTF-8 text: {text[:60]!a}.")


def _question(prompt: str | None) -> str | None:
    """What is asked once: `-p`, what comes through a pipe, or both with an empty line between; None: a chat."""
    piped = _piped()
    if prompt is not None and not prompt.strip() and not (piped or "").strip():
        raise UsageError("The prompt is empty: -p wants the question, in quotes.")
    if piped is None:
        return prompt
    if prompt is None and not piped.strip():
        raise UsageError("Standard input is empty and there is no -p: nothing was asked.")
    return piped.strip("\n") if prompt is None else f"{prompt}\n\n{piped}".strip("\n")


def _piped() -> str | None:
    """All of standard input where it is a pipe, a file or a socket; None at a terminal and at /dev/null."""
    if sys.stdin is None or sys.stdin.isatty() or stat.S_ISCHR(fstat(sys.stdin.fileno()).st_mode):
        return None
    data = sys.stdin.buffer.read()
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"Standard input is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}.") from None

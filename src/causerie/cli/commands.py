"""The commands of the terminal chat: how a line is known to be one, and what each does with the terminal.

Knows no model; what a command needs of the chat it asks the conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

from causerie.chat.context import POLICIES
from causerie.cli import ollama
from causerie.cli.chat_files import ChatFolder, SavedChat, as_markdown, write_whole
from causerie.cli.conversation import AnswerCost, Conversation, Reply
from causerie.cli.keyboard import Keyboard
from causerie.cli.reasoning import Reasoning
from causerie.cli.screen import Screen
from causerie.cli.text_files import listed, texts_of
from causerie.errors import UsageError, unknown


class Session(Protocol):
    """The chat that a command was typed in, as far as commands have to do with it."""

    conversation: Conversation
    keyboard: Keyboard
    screen: Screen
    chats: ChatFolder
    name: str | None  # of the chat's file
    cost: AnswerCost | None  # of the last answer
    branches: dict[str, list[dict[str, Any]]]  # the messages of those that are not the one talked in
    branch: str
    reasoning: Reasoning
    context_policy: str  # for a chat that no longer fits

    def ask(self, *lines: str) -> str:
        """Asks the user, and returns the first letter of what they write, small."""
        ...

    def answer(self, ask: Callable[[], Reply]) -> None:
        """One turn: asks, and shows the answer."""
        ...

    def attach(self, path: Path, text: str) -> None:
        """Sends a text file with the next message."""
        ...

    def saved(self) -> SavedChat:
        """The chat as a file holds it."""
        ...

    def save(self, name: str = "") -> Path:
        """Saves the chat, under the name it has where none is given; returns where. Raises UsageError."""
        ...

    def load(self, name: str) -> None:
        """Goes on with a saved chat. Raises UnknownName, UsageError, MessageError."""
        ...

    def forget_name(self) -> None:
        """What is saved next is another chat."""
        ...

    def leave(self) -> None:
        """Ends the session after this line."""
        ...


@dataclass(frozen=True)
class Command:
    """What the user may type instead of a message: `takes` says what follows the name, "" for nothing; `bare` that the
    name alone is enough, without / or !."""

    sentence: str
    act: Callable[[Session, str], None]
    takes: str = ""
    bare: bool = False


def _help(session: Session, _: str) -> None:
    width = max(len(f"{name} {command.takes}") for name, command in COMMANDS.items()) + 2
    for name, command in COMMANDS.items():
        session.screen.line(f"  {f'{name} {command.takes}':<{width}}{command.sentence}")
    session.screen.line(f"  {'Ctrl-C':<{width}}stops an answer and keeps the chat")
    for line in (
        "help, clear and exit also work alone; the others take / or ! before them.",
        "A line that begins with a space is a message.",
        "Alt-Enter begins a new line; Ctrl-X Ctrl-E opens your editor; Tab completes.",
        "Pasted lines stay one message; `edit answer` changes what the model said.",
    ):
        session.screen.line(line, "dim")
    session.screen.line()


def _clear(session: Session, _: str) -> None:
    session.conversation.clear()
    session.forget_name()
    session.screen.line("A new chat.", "dim")
    session.screen.line()


def _leave(session: Session, _: str) -> None:
    session.leave()


def _status(session: Session, _: str) -> None:
    chat = session.conversation
    rounds = sum(message["role"] == "user" for message in chat.messages)
    session.screen.line(chat.description)
    session.screen.line(f"{rounds} message{'' if rounds == 1 else 's'} of yours; saved as: {session.name or 'not yet'}")
    if chat.system_prompt is not None:
        session.screen.line(f"system prompt: {chat.system_prompt}")
    for name, value in chat.settings.items():
        session.screen.line(f"{name}={value}")
    session.screen.line()


def _set(session: Session, words: str) -> None:
    if not words:
        raise UsageError("set wants key=value, such as /set temperature=0.7. /status shows what is set.")
    session.conversation.set(_words(words))
    session.screen.line(f"From now on: {words}", "dim")
    session.screen.line()


def _unset(session: Session, name: str) -> None:
    if name not in session.conversation.settings:
        known = ", ".join(session.conversation.settings) or "nothing"
        raise UsageError(f"{name or 'unset'!r} is not set. Set are: {known}.")
    session.conversation.unset(name)
    session.screen.line(f"{name} is the model's own again.", "dim")
    session.screen.line()


def _system(session: Session, text: str) -> None:
    prompt = session.conversation.system_prompt
    if text == "clear":
        session.conversation.system_prompt = None
        session.screen.line("There is no system prompt now.", "dim")
    elif text:
        session.conversation.system_prompt = text
        session.screen.line("The system prompt is set.", "dim")
    elif prompt is None:
        session.screen.line("There is no system prompt; /system TEXT sets one.", "dim")
    else:
        session.screen.line(prompt)
        session.screen.line("/system TEXT sets another, /system clear removes it.", "dim")
    session.screen.line()


def _model(session: Session, name: str) -> None:
    if not name:
        session.screen.line(session.conversation.description)
    else:
        session.conversation.switch(name)
        session.screen.line(f"The chat goes on with {session.conversation.description}", "dim")
    session.screen.line()


def _retry(session: Session, words: str) -> None:
    session.answer(lambda: session.conversation.retry(_words(words)))


def _undo(session: Session, _: str) -> None:
    if not session.conversation.undo():
        raise UsageError("There is nothing to undo.")
    session.screen.line("Your last message and its answer are forgotten.", "dim")
    session.screen.line()


def _edit(session: Session, words: str) -> None:
    mine = words != "answer"
    role = "user" if mine else "assistant"
    said = [str(message["content"]) for message in session.conversation.messages if message["role"] == role]
    if not said:
        raise UsageError("There is nothing to edit yet.")
    text = words if mine and words else session.keyboard.edit(said[-1])
    if not mine:
        session.conversation.amend(text)
        session.screen.line("The answer is changed; /continue goes on with it.", "dim")
        session.screen.line()
        return
    session.conversation.undo()
    session.answer(lambda: session.conversation.reply(text))


def _continue(session: Session, _: str) -> None:
    session.answer(session.conversation.proceed)


def _branch(session: Session, name: str) -> None:
    branches = session.branches
    known = {*branches, session.branch}
    meant = [] if name in known else get_close_matches(name, known, n=1, cutoff=0.7)
    if meant:
        letter = session.ask(
            f"There is no branch {name}. Did you mean {meant[0]}?",
            f"y: go to {meant[0]}   n: begin {name}   anything else: nothing",
        )
        if letter not in ("y", "n"):
            raise UsageError("No branch was begun or left.")
        name = meant[0] if letter == "y" else name
    if name == session.branch:
        session.screen.line(f"This is branch {name}.", "dim")
    elif name in branches:
        branches[session.branch] = session.conversation.messages
        session.conversation.replace(branches[name])
        session.branch = name
        session.screen.line(f"Back on branch {name}, with {len(branches[name])} messages.", "dim")
    else:
        name = name or f"branch {len(branches) + 2}"
        branches[session.branch] = session.conversation.messages
        branches[name] = session.conversation.messages
        session.screen.line(f"On a new branch, {name}; /branch {session.branch} goes back.", "dim")
        session.branch = name
    session.screen.line()


def _branches(session: Session, _: str) -> None:
    for name, messages in {**session.branches, session.branch: session.conversation.messages}.items():
        session.screen.line(f"{'* ' if name == session.branch else '  '}{name}: {len(messages)} messages")
    session.screen.line()


def _save(session: Session, name: str) -> None:
    path = session.save(name)
    session.screen.line(f"Saved in {path}", "dim")
    session.screen.line()


def _load(session: Session, name: str) -> None:
    if not name:
        raise UsageError("load wants the name of a saved chat; /list shows them.")
    session.load(name)


def _list(session: Session, _: str) -> None:
    names = session.chats.names()
    for name in names[:50]:
        session.screen.line(f"  {name}")
    if not names:
        session.screen.line(f"No chat is saved in {session.chats.folder}.", "dim")
    session.screen.line()


def _file(session: Session, pattern: str) -> None:
    if not pattern:
        raise UsageError("file wants the name of a text file, or a pattern such as src/*.py.")
    texts, left_out = texts_of(pattern)
    for path, text in texts:
        session.attach(path, text)
    goes = "goes" if len(texts) == 1 else "go"
    session.screen.line(f"{', '.join(path.name for path, _ in texts)}: {goes} with your next message.", "dim")
    if left_out:
        session.screen.line(f"Left out: {listed(left_out)}.", "notice")
    session.screen.line()


def _copy(session: Session, _: str) -> None:
    session.screen.clipboard(_last_answer(session))
    session.screen.line("The last answer is on the clipboard, if your terminal allows it.", "dim")
    session.screen.line()


def _last_answer(session: Session) -> str:
    said = [str(each["content"]) for each in session.conversation.messages if each["role"] == "assistant"]
    if not said:
        raise UsageError("There is no answer yet.")
    return said[-1]


def _stats(session: Session, _: str) -> None:
    cost = session.cost
    if cost is None:
        raise UsageError("There is no answer yet whose cost could be told.")
    seconds = cost.total_seconds - cost.first_token_seconds
    lines = [
        ("prompt", f"{cost.prompt_tokens} tokens, {cost.cached_tokens} of them read before"),
        ("template and tokens", f"{cost.preparation_seconds:.3f} s"),
        ("reading the prompt", f"{cost.first_token_seconds - cost.preparation_seconds:.3f} s to the first token"),
        ("answer", f"{cost.new_tokens} tokens in {seconds:.3f} s"),
    ]
    if cost.tokens_per_second is not None:
        lines.append(("speed", f"{cost.tokens_per_second:.1f} tokens/s"))
    lines += session.conversation.memory
    for name, value in lines:
        session.screen.line(f"  {name:<20}{value}")
    session.screen.line()


def _tokens(session: Session, _: str) -> None:
    session.screen.line(f"  {'token':<20}{'probability':>11}   likeliest instead", "dim")
    for row in session.conversation.tokens():
        other = "" if row.text == row.likeliest else f"   {row.likeliest!r} {row.likeliest_probability:.3f}"
        session.screen.line(f"  {row.text!r:<20}{row.probability:>11.3f}{other}")
    session.screen.line()


def _think(session: Session, word: str) -> None:
    if word not in ("on", "off") and not word.isdecimal():
        raise UsageError(
            "think takes on, off, or the most tokens to reason with. Not every model can reason before it answers."
        )
    budget = int(word) if word.isdecimal() else None
    session.conversation.think(word != "off", budget)
    asked = "to answer at once" if word == "off" else "to reason first"
    limit = "" if budget is None else f", with {budget} tokens at most"
    session.screen.line(f"The model is asked {asked}{limit}.", "dim")
    session.screen.line()


def _reasoning(session: Session, word: str) -> None:
    if word in ("fold", "show"):
        session.reasoning.folded = word == "fold"
        session.screen.line(f"Reasoning is {'folded to a line' if word == 'fold' else 'shown'} from now on.", "dim")
    elif word:
        raise UsageError("reasoning takes fold or show; alone, it shows that of the last answer.")
    elif not session.reasoning.show():
        session.screen.line("The last answer came without reasoning.", "dim")
    session.screen.line()


def _context(session: Session, word: str) -> None:
    if word not in ("ask", *POLICIES):
        raise UsageError(f"context takes one of ask, {', '.join(POLICIES)}; it is {session.context_policy} now.")
    session.context_policy = word
    session.screen.line(f"Where the chat no longer fits: {word}.", "dim")
    session.screen.line()


EXAMPLES = (
    "What is a token?",
    "Explain how a bicycle stays upright.",
    "/set temperature=0.8",
    "/file README.md",
    "/retry temperature=1.2",
    "/save on bicycles",
)


def _examples(session: Session, _: str) -> None:
    for example in EXAMPLES:
        session.screen.line(f"  {example}")
    session.screen.line()


def _export(session: Session, name: str) -> None:
    path = Path(name).expanduser()
    if path.suffix not in (".md", ".json"):
        raise UsageError("export wants a file that ends in .md or .json, such as /export chat.md.")
    if path.exists():
        raise UsageError(f"{path} is there already; name another file.")
    chat = session.saved()
    if path.suffix == ".json":
        ChatFolder(path.parent).save(path.stem, chat)
    else:
        try:
            write_whole(path, as_markdown(chat))
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from None
    session.screen.line(f"Written: {path}", "dim")
    session.screen.line()


COMMANDS = {
    "help": Command("lists these", _help, bare=True),
    "clear": Command("begins a new chat; the system prompt stays", _clear, bare=True),
    "exit": Command("leaves; Ctrl-D does too", _leave, bare=True),
    "status": Command("the model, the chat, and what is set", _status),
    "set": Command("sets generate flags from now on", _set, "KEY=VALUE ..."),
    "unset": Command("leaves a flag to the model again", _unset, "KEY"),
    "system": Command("shows or sets the system prompt, or removes it", _system, "[TEXT|clear]"),
    "model": Command("goes on with another model", _model, "[NAME]"),
    "retry": Command("answers your last message anew", _retry, "[KEY=VALUE ...]"),
    "undo": Command("forgets your last message and its answer", _undo),
    "edit": Command("asks your last message in other words", _edit, "[TEXT|answer]"),
    "continue": Command("goes on with the last answer", _continue),
    "branch": Command("begins a branch of the chat, or goes back to one", _branch, "[NAME]"),
    "branches": Command("lists the branches", _branches),
    "save": Command("saves the chat", _save, "[NAME]"),
    "load": Command("goes on with a saved chat", _load, "NAME"),
    "list": Command("lists the saved chats", _list),
    "file": Command("sends text files with the next message", _file, "PATH"),
    "copy": Command("copies the last answer", _copy),
    "stats": Command("what the last answer cost, and the memory", _stats),
    "tokens": Command("the last answer's tokens with their probabilities", _tokens),
    "think": Command("whether the model reasons first; N: tokens at most", _think, "on|off|N"),
    "reasoning": Command("shows the last answer's reasoning; folds the next", _reasoning, "[fold|show]"),
    "context": Command("what to do with a chat that no longer fits", _context, "POLICY"),
    "examples": Command("things to try", _examples),
    "export": Command("writes the chat as Markdown or JSON", _export, "FILE.md|FILE.json"),
}
"""Every command, by its name."""

_OTHER_NAMES = {"quit": "exit"}
_BARE = {name: name for name, command in COMMANDS.items() if command.bare} | _OTHER_NAMES
_MARKED = {name: name for name in COMMANDS} | _OTHER_NAMES
_COMMAND = re.compile(r"[/!]\s*([A-Za-z][\w-]*|\?)(?:\s+(.*))?", re.DOTALL)


def command_of(text: str) -> tuple[str, str] | None:
    """The command that a stripped line is and what follows it, or None for a message. `help`, `clear` and `exit` alone,
    or any name after `/` or `!`, are commands; `/usr/bin` and `help me` are messages. Raises UnknownName for `/name`
    where there is no such command, UsageError for words after one that takes none."""
    bare = _BARE.get(text.casefold())
    if bare is not None:
        return bare, ""
    marked = _COMMAND.fullmatch(text)
    if marked is None:
        return None
    name, rest = marked[1].casefold(), (marked[2] or "").strip()
    if name in ollama.COMMANDS:
        raise UsageError(f"{text.split()[0]} is a command of Ollama. Here: {ollama.COMMANDS[name]}")
    if name not in _MARKED:
        advice = "Put a space before the line to send it as a message."
        raise unknown("command", text.split()[0], COMMANDS, advice=advice)
    name = _MARKED[name]
    if rest and not COMMANDS[name].takes:
        raise UsageError(f"{name} takes nothing after it. Put a space before the line to send it as a message.")
    return name, rest


def _words(text: str) -> list[str]:
    """`key=value` words; a value in quotes or brackets may hold spaces."""
    words = re.findall(r"""(?:[^\s"'\[{]|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[^\]]*\]|\{[^}]*\})+""", text)
    return [str(word) for word in words]

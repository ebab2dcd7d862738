"""Commands about what holds from now on: the model, its flags and its system prompt, reasoning, a chat too long."""

from __future__ import annotations

from causerie.chat.context import POLICIES
from causerie.cli.chat.commands.command import Session
from causerie.cli.chat.commands.tools import offer_again
from causerie.cli.options.flags import flag_words
from causerie.errors import UsageError


def show_status(session: Session, _: str) -> None:
    """/status."""
    chat = session.conversation
    rounds = sum(message["role"] == "user" for message in chat.messages)
    session.screen.line(chat.description)
    session.screen.line(f"{rounds} message{'' if rounds == 1 else 's'} of yours; saved as: {session.name or 'not yet'}")
    if chat.system_prompt is not None:
        session.screen.line(f"system prompt: {chat.system_prompt}")
    for name, value in chat.settings.items():
        session.screen.line(f"{name}={value}")
    session.screen.line()


def set_flags(session: Session, words: str) -> None:
    """/set KEY=VALUE …."""
    if not words:
        raise UsageError("set wants key=value, such as /set temperature=0.7. /status shows what is set.")
    session.conversation.set(flag_words(words))
    session.screen.line(f"From now on: {words}", "dim")
    session.screen.line()


def unset_flag(session: Session, name: str) -> None:
    """/unset KEY."""
    if name not in session.conversation.settings:
        known = ", ".join(session.conversation.settings) or "nothing"
        raise UsageError(f"{name or 'unset'!r} is not set. Set are: {known}.")
    session.conversation.unset(name)
    session.screen.line(f"{name} is the model's own again.", "dim")
    session.screen.line()


def system_prompt(session: Session, text: str) -> None:
    """/system: shows, sets or removes it."""
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


def switch_model(session: Session, name: str) -> None:
    """/model: says which it is, or goes on with another."""
    if not name:
        session.screen.line(session.conversation.description)
        _promise(session)
    else:
        session.conversation.switch(name)
        session.screen.line(f"The chat goes on with {session.conversation.description}", "dim")
        offer_again(session)
        _promise(session)
    session.screen.line()


def _promise(session: Session) -> None:
    if (promise := session.conversation.promise) is not None:
        session.screen.line(promise, "dim")


def think(session: Session, word: str) -> None:
    """/think on|off|N."""
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


def show_reasoning(session: Session, word: str) -> None:
    """/reasoning: shows that of the last answer, or says how the next is shown."""
    if word in ("fold", "show"):
        session.reasoning.folded = word == "fold"
        session.screen.line(f"Reasoning is {'folded to a line' if word == 'fold' else 'shown'} from now on.", "dim")
    elif word:
        raise UsageError("reasoning takes fold or show; alone, it shows that of the last answer.")
    elif not session.reasoning.show():
        session.screen.line("The last answer came without reasoning.", "dim")
    session.screen.line()


def context_policy(session: Session, word: str) -> None:
    """/context POLICY."""
    if word not in ("ask", *POLICIES):
        raise UsageError(f"context takes one of ask, {', '.join(POLICIES)}; it is {session.context_policy} now.")
    session.context_policy = word
    session.screen.line(f"Where the chat no longer fits: {word}.", "dim")
    session.screen.line()

"""Commands about the last answer: its text, its tokens, what it cost and why."""

from __future__ import annotations

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.api.measurement.diagnosis import diagnosis
from causerie.cli.chat.commands.command import Session
from causerie.errors import UsageError


def copy_answer(session: Session, _: str) -> None:
    """/copy."""
    session.screen.clipboard(_last_answer(session))
    session.screen.line("The last answer is on the clipboard, if your terminal allows it.", "dim")
    session.screen.line()


def show_cost(session: Session, _: str) -> None:
    """/stats."""
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
    lines += session.conversation.expectation
    if cost.drafted_tokens:
        lines.append(("guessed", _guesses(cost)))
    lines += session.conversation.memory
    for name, value in lines:
        session.screen.line(f"  {name:<20}{value}")
    session.screen.line()


def show_reasons(session: Session, _: str) -> None:
    """/why."""
    cost = session.cost
    if cost is None:
        raise UsageError("There is no answer yet that could have been slow.")
    said = diagnosis(cost, session.conversation.evidence())
    for part in said.shares:
        session.screen.line(f"  {part.name:<20}{part.seconds:8.3f} s {part.share:4.0%}   {part.detail}")
    for sentence in said.sentences:
        session.screen.line(sentence)
    session.screen.line()


def show_tokens(session: Session, _: str) -> None:
    """/tokens: the last answer's, one a line."""
    session.screen.line(f"  {'token':<20}{'probability':>11}   likeliest instead", "dim")
    for row in session.conversation.tokens():
        other = "" if row.text == row.likeliest else f"   {row.likeliest!r} {row.likeliest_probability:.3f}"
        session.screen.line(f"  {row.text!r:<20}{row.probability:>11.3f}{other}")
    session.screen.line()


def show_probabilities(session: Session, word: str) -> None:
    """/probs on|off: whether the next answers show how likely each token was, as they come."""
    if word not in ("on", "off"):
        now = "on" if session.conversation.shows_probabilities else "off"
        raise UsageError(f"probs takes on or off; it is {now} now. /tokens tells the last answer's, one a line.")
    session.conversation.shows_probabilities = word == "on"
    if word == "on":
        session.screen.legend()
    else:
        session.screen.line("Answers are shown as text again.", "dim")
    session.screen.line()


def _guesses(cost: AnswerCost) -> str:
    """How many tokens were guessed, by whom, how many of these came and what that gained."""
    names = ", ".join(f"{name} {count}" for name, count in cost.drafters)
    gained = "" if cost.speedup is None else f", {cost.speedup:.2f} × as fast as without"
    return f"{cost.drafted_tokens} tokens{f' ({names})' if names else ''}, {cost.accepted_tokens} of them right{gained}"


def _last_answer(session: Session) -> str:
    said = [str(each["content"]) for each in session.conversation.messages if each["role"] == "assistant"]
    if not said:
        raise UsageError("There is no answer yet.")
    return said[-1]

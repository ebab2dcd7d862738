"""What a hub's answer means that is not what was asked for: a sentence for the user, or a reason to ask again.

Knows the codes that the Hugging Face hub sends beside the status.
"""

from __future__ import annotations

from dataclasses import dataclass

from causerie.errors import CheckpointError, GatedModel, ModelNotFound
from causerie.hub.patience import Interruption, asked_wait
from causerie.hub.transport import HubAnswer

_SHORT = 200


@dataclass(frozen=True)
class Subject:
    """What was asked for, as sentences name it."""

    name: str
    """A repository's id."""
    revision: str
    page: str


def judge(answer: HubAnswer, subject: Subject, *, logged_in: bool = False) -> None:
    """Nothing where an answer of the hub's own is good. Raises ModelNotFound, GatedModel or CheckpointError where the
    hub will not give it, Interruption where it may next time."""
    if answer.status in (200, 206):
        return
    code = answer.headers.get("x-error-code", "")
    message = answer.headers.get("x-error-message", "")
    answer.close()
    raise _known(answer, code, message, subject, logged_in) or _unsure(answer, message)


def _known(answer: HubAnswer, code: str, message: str, subject: Subject, logged_in: bool) -> CheckpointError | None:
    login = "log in with `hf auth login` or set HF_TOKEN"
    name, page, status = subject.name, subject.page, answer.status
    if code == "GatedRepo":
        then = "wait until they accept" if logged_in else login
        return GatedModel(
            f"{name} is gated: its owners want you to accept their terms first. Open {page}, ask for access, then "
            f"{then}."
        )
    if "disabled" in message and status == 403:
        return ModelNotFound(f"The hub has disabled {name}; see {page}.")
    if "Invalid credentials" in message or (status == 401 and logged_in):
        return GatedModel(f"The hub does not accept your token (401). Get a new one and {login}; then try again.")
    if code == "RevisionNotFound":
        return ModelNotFound(f"{name} has no revision {subject.revision!r}. See {page}/tree/main.")
    if code == "EntryNotFound":
        return CheckpointError(f"{name} lists a file that the hub does not have; see {page}/tree/main.")
    if code == "RepoNotFound" or (status == 401 and not code):
        return ModelNotFound(f"The hub has no model {name}. Check the spelling; if it is private, {login}.")
    if status in (401, 403):
        return GatedModel(f"The hub refused {name} ({status}). If it is private or gated, {login}; see {page}.")
    if status in (404, 410):
        return ModelNotFound(f"The hub has nothing for {name} ({status}). Check the spelling, and HF_ENDPOINT if set.")
    if 400 <= status < 500 and status not in (408, 416, 425, 429):
        return CheckpointError(f"The hub answered {status} for {name}{_said(message)}. See {page}.")
    return None


def _unsure(answer: HubAnswer, message: str) -> Interruption:
    wait = asked_wait(answer.headers)
    if answer.status == 429:
        return Interruption("the hub answered 429: it was asked too often from here", wait=wait, limited=True)
    return Interruption(f"it answered {answer.status}{_said(message)}", wait=wait)


def _said(message: str) -> str:
    printable = "".join(letter for letter in message[:_SHORT] if letter.isprintable())
    return f" ({printable})" if printable else ""

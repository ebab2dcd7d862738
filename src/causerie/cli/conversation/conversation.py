"""What the terminal needs of a chat: a conversation, its answers, and what they cost.

A conversation is with a model here (model_conversation.py), with one behind another server (remote_conversation.py), or
scripted in tests. Knows no terminal and no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from causerie.api.measurement.answer_cost import AnswerCost
from causerie.chat.parts import ReasoningPart, ToolCallPart

if TYPE_CHECKING:
    from causerie.api.measurement.evidence import Evidence


@dataclass(frozen=True)
class TokenRow:
    """A token of an answer: its text and probability, and the likeliest token there."""

    text: str
    probability: float
    likeliest: str
    likeliest_probability: float


@dataclass(frozen=True)
class ScoredText:
    """A piece of an answer, and how likely its last token was."""

    text: str
    probability: float


class Reply(Protocol):
    """One answer as it comes. Iterating to the end, or `stop`, puts it into the chat; an error leaves the chat as it
    was before the question."""

    def __iter__(self) -> Iterator[str | ScoredText | ReasoningPart]: ...
    def stop(self) -> None:
        """Ends the answer now; the chat keeps what has come."""
        ...

    @property
    def finish_reason(self) -> str | None:
        """Why it ended: "stop", "repetition", "length", "time" or "cancelled"; None before."""
        ...

    @property
    def calls(self) -> Sequence[ToolCallPart]:
        """The calls of tools that it made, with ids; known once it has ended, and none where it was stopped."""
        ...

    @property
    def cost(self) -> AnswerCost | None:
        """Known once it has ended; of one that was ended early more may be known a moment later."""
        ...


class Conversation(Protocol):
    """A chat that remembers, with the model that answers it."""

    system_prompt: str | None
    shows_probabilities: bool  # whether answers come as ScoredText

    @property
    def context(self) -> int | None:
        """Most tokens that chat and answer may have; None where nobody says."""
        ...

    @property
    def limit(self) -> str | None:
        """The flag that bounds the length of an answer, as the user wrote it; None: only the context does."""
        ...

    @property
    def description(self) -> str:
        """The model, how it is held and where it runs, in a line."""
        ...

    @property
    def promise(self) -> str | None:
        """What may be expected of its answers, in a sentence or two; None where nobody can say."""
        ...

    @property
    def model_name(self) -> str:
        """The model's name."""
        ...

    @property
    def server(self) -> str | None:
        """The address of the server that has the model; None where it is here."""
        ...

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The chat so far, the system message first if there is one."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """The generate flags that the user has set."""
        ...

    @property
    def memory(self) -> list[tuple[str, str]]:
        """What is held in memory, by name, to be shown."""
        ...

    @property
    def expectation(self) -> list[tuple[str, str]]:
        """What was expected of the last answer that `learn_from` was told of, by name, to be shown; nothing where
        nobody can say."""
        ...

    def evidence(self) -> Evidence | None:
        """What is known beside its cost of why the last answer took so long; a moment is spent on measuring. None where
        it was another server's."""
        ...

    def learn_from(self, cost: AnswerCost) -> None:
        """Sets what an answer cost against what was expected of it."""
        ...

    def reply(self, text: str) -> Reply:
        """Asks `text`."""
        ...

    def retry(self, words: Sequence[str] = ()) -> Reply:
        """Asks the last message again, this once with other flags."""
        ...

    def proceed(self) -> Reply:
        """Asks for more of the last answer, or for what follows the results of its calls."""
        ...

    def offer(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """The tools that answers may call from now on, as chat templates are told of them. Raises UsageError for a
        model that knows none, which then is offered none."""
        ...

    def take_results(self, results: Sequence[Mapping[str, Any]]) -> None:
        """What came of the last answer's calls, each as a message; `proceed` goes on with it."""
        ...

    def set(self, words: Sequence[str]) -> None:
        """Sets flags from now on, from `key=value` words. Raises as `read_flags`."""
        ...

    def unset(self, name: str) -> None:
        """Leaves a flag to the model again."""
        ...

    def think(self, on: bool, budget: int | None = None) -> None:
        """Tells the chat template whether the model shall reason first, and limits it to so many tokens. Raises
        UsageError for a model that cannot be told."""
        ...

    def switch(self, name: str) -> None:
        """Goes on with another model; one that cannot be opened leaves everything as it was."""
        ...

    def beside(self, name: str) -> Conversation:
        """The same chat with another model, beside this one. Raises CauserieError where that cannot be had."""
        ...

    def prompt_text(self) -> str:
        """What the model read before the last answer. Raises UsageError where there is no answer, Unsupported where
        that cannot be told."""
        ...

    def template(self) -> str:
        """The model's chat template. Raises Unsupported where it cannot be told."""
        ...

    def parameters(self) -> list[tuple[str, Any, str]]:
        """The generate flags that answers go by: name, value, and who says so."""
        ...

    def tokens(self) -> list[TokenRow]:
        """The last answer's tokens, each with its probability and the likeliest in its place. Raises UsageError where
        there is no answer, Unsupported where they cannot be had."""
        ...

    def shorten(self, text: str, policy: str) -> int:
        """Makes room for the message `text`: forgets the oldest rounds ("drop_oldest"), or has them summarized
        ("summarize"). Returns how many went."""
        ...

    def clear(self) -> None:
        """Forgets everything but the system prompt."""
        ...

    def undo(self) -> bool:
        """Forgets the last message and what followed it; False if there is none."""
        ...

    def amend(self, text: str) -> None:
        """Puts other words into the last answer."""
        ...

    def replace(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Goes on with another chat."""
        ...

    def close(self) -> None:
        """Ends it; what it holds is free."""
        ...

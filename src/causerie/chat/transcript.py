"""The messages of a chat as a value, and the rules by which it goes on: a question, another answer, more of one, less,
other words, fewer rounds.

Each change is a new value, so that whoever holds a chat can go back to the one before. Knows no model and no template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from causerie.chat.context import shorten
from causerie.chat.parts import ToolCallPart
from causerie.errors import UsageError

ChatMessage = dict[str, Any]


@dataclass(frozen=True)
class Transcript:
    """A chat: how the model shall behave, and what was said. `messages` are checked already (chat/messages.py)."""

    system_prompt: str | None = None
    messages: tuple[ChatMessage, ...] = ()

    @property
    def chat(self) -> list[ChatMessage]:
        """All of it, the system message first if there is one; a copy."""
        system = [] if self.system_prompt is None else [{"role": "system", "content": self.system_prompt}]
        return system + [dict(message) for message in self.messages]

    # --- what a model is asked ---

    def ask(self, text: str) -> Turn:
        """The turn that answers a new message."""
        return Turn(replace(self, messages=(*self.messages, _said("user", text))))

    def retry(self) -> Turn:
        """The turn that answers the last message anew. Raises UsageError where there is none."""
        question = self._last("user")
        if question is None:
            raise UsageError("There is no message to answer again. Write one.")
        return Turn(replace(self, messages=self.messages[: question + 1]))

    def proceed(self) -> Turn:
        """The turn that goes on with the last answer, or with what came of its calls. Raises UsageError where the last
        message is neither."""
        if self.messages and self.messages[-1]["role"] == "tool":
            return Turn(self)
        if not self.messages or self.messages[-1]["role"] != "assistant":
            raise UsageError("There is no answer to go on with. Write a message.")
        return Turn(self, str(self.messages[-1]["content"]))

    # --- changes ---

    def undone(self) -> Transcript | None:
        """Without the last of the user's messages and what followed it; None where there is none."""
        question = self._last("user")
        return None if question is None else replace(self, messages=self.messages[:question])

    def amended(self, text: str) -> Transcript:
        """With other words in the last answer. Raises UsageError where there is none."""
        answer = self._last("assistant")
        if answer is None:
            raise UsageError("There is no answer to change. Write a message.")
        later = self.messages[answer + 1 :]
        return replace(self, messages=(*self.messages[:answer], _said("assistant", text), *later))

    def resulted(self, results: Sequence[Mapping[str, Any]]) -> Transcript:
        """With what came of the last answer's calls."""
        return replace(self, messages=(*self.messages, *(dict(result) for result in results)))

    def replaced(self, chat: Sequence[Mapping[str, Any]]) -> Transcript:
        """Another chat, already checked; a system message at its head becomes the system prompt, which else stays."""
        messages = tuple(dict(message) for message in chat)
        if messages and messages[0]["role"] == "system":
            return Transcript(str(messages[0]["content"]), messages[1:])
        return replace(self, messages=messages)

    def cleared(self) -> Transcript:
        """The system prompt alone."""
        return replace(self, messages=())

    def shortened(
        self,
        text: str,
        policy: str,
        room: int,
        count: Callable[[list[ChatMessage]], int],
        write: Callable[[list[ChatMessage]], str],
    ) -> tuple[Transcript, int]:
        """With room for one more message, and how many of the user's messages went for it; see context.shorten, which
        has the rest of the arguments. Raises ContextLengthError where it cannot be."""
        done = shorten([*self.chat, _said("user", text)], policy, room, count, write)
        rest = tuple(message for message in done.messages[:-1] if message["role"] != "system")
        return replace(self, messages=rest), done.rounds

    def _last(self, role: str) -> int | None:
        """The place of the last message of a role."""
        places = [place for place, message in enumerate(self.messages) if message["role"] == role]
        return places[-1] if places else None


@dataclass(frozen=True)
class Turn:
    """What a model is asked: it reads `prompt` and writes an answer, or where there is a `beginning`, which is the last
    message of the prompt, the rest of that."""

    prompt: Transcript
    beginning: str | None = None

    @property
    def unanswered(self) -> Transcript:
        """The chat while the answer comes."""
        return self.prompt if self.beginning is None else replace(self.prompt, messages=self.prompt.messages[:-1])

    def answered(self, text: str) -> Transcript:
        """The chat after the model has said `text`."""
        return self._with(_said("assistant", (self.beginning or "") + text))

    def called(self, text: str, reasoning: str, calls: Sequence[ToolCallPart]) -> tuple[Transcript, list[ToolCallPart]]:
        """The chat after the model has said `text` and made calls, as messages that every template can write; and the
        calls with ids, which a chat gives them where the model gave none. Some templates take nine letters and digits
        and nothing else, and what is drawn by chance would change the prompt."""
        made = sum(len(message.get("tool_calls", ())) for message in self.unanswered.messages)
        whole = [replace(call, id=call.id or f"call{made + place:05d}") for place, call in enumerate(calls, 1)]
        message = _said("assistant", (self.beginning or "") + text) | {"tool_calls": [_call(call) for call in whole]}
        if reasoning:
            message["reasoning_content"] = reasoning
        return self._with(message), whole

    def _with(self, answer: ChatMessage) -> Transcript:
        before = self.unanswered
        return replace(before, messages=(*before.messages, answer))


def result_message(call: ToolCallPart, text: str) -> ChatMessage:
    """What came of a call, as a message."""
    return {"role": "tool", "content": text, "tool_call_id": call.id, "name": call.name}


def _call(call: ToolCallPart) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _said(role: str, text: str) -> ChatMessage:
    return {"role": role, "content": text}

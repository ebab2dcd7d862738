"""The built-in assistant as the program's own help: it answers beside any chat, and is loaded when it is first asked.

Each question stands alone. Knows no terminal and nothing of the chat.
"""

from __future__ import annotations

from types import TracebackType

from causerie.api.generation.config import GenerationConfig
from causerie.api.library.model_names import BUILTIN
from causerie.cli.conversation.conversation import Reply
from causerie.cli.conversation.model_conversation import ModelChoice, ModelConversation, open_conversation


class BuiltinHelp:
    """Leaving its `with` block frees the model, where it was loaded."""

    def __init__(self) -> None:
        self._conversation: ModelConversation | None = None

    def reply(self, question: str) -> Reply:
        """The answer, as it comes. Raises CauserieError where the model cannot be loaded, or the question is too
        long."""
        if self._conversation is None:
            self._conversation = open_conversation(ModelChoice(BUILTIN, progress=False), GenerationConfig(), None)
        self._conversation.clear()
        return self._conversation.reply(question)

    def __enter__(self) -> BuiltinHelp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._conversation is not None:
            self._conversation.close()

"""A process that holds the tokenizer of one model: `python -m causerie.server.processes.text.text_process FD FOLDER`.

Chat templates, tokenizers and grammars are programs of strangers: they can run for ever, ask for all memory, or end
the process they run in. Here they can be killed. It answers one `TextOrder` after the other over the socket FD, first
of all whether the tokenizer could be loaded. Knows no engine and no HTTP.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from causerie.errors import CauserieError
from causerie.server.processes.child_limits import leave_interrupts, limit_addresses
from causerie.server.processes.frames import packed, read_frame
from causerie.server.processes.text.grammar_check import check_grammar
from causerie.server.processes.text.prompt_making import PromptMaker
from causerie.server.processes.text.text_orders import (
    PromptOrder,
    TextEvent,
    TextFailure,
    TextOrder,
    TextResult,
    WorkStage,
)

LOADING_BYTES = 8 << 30  # of addresses, which are more than what is used
WORKING_BYTES = 1 << 30  # on top of what the loaded tokenizer has taken
_NICENESS = 5  # whoever computes answers goes first
# A grammar that compiles on this much stack compiles in the engine's process too, whose threads have twice as much.
_STACK_BYTES = 4 << 20


class TextService:
    """Answers orders with what one tokenizer gives."""

    def __init__(self, folder: str, tell: Callable[[TextEvent], None]) -> None:
        from causerie.api.auto import AutoTokenizer

        self._tell = tell
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._prompts = PromptMaker(self._tokenizer, tell)

    def answer(self, order: TextOrder) -> TextEvent:
        """What an order gives; every failure is part of the answer."""
        return _guarded(lambda: self._answer(order))

    def _answer(self, order: TextOrder) -> TextEvent:
        if isinstance(order, PromptOrder):
            return self._prompts.make(order)
        check_grammar(order, self._tokenizer.text, lambda: self._tell(WorkStage("grammar", len(order.grammar))))
        return TextResult()


def _guarded(work: Callable[[], TextEvent]) -> TextEvent:
    try:
        return work()
    except CauserieError as error:
        return TextFailure.of(error)
    except RecursionError:
        return TextFailure("TemplateError", "The chat is nested too deeply for its template.")
    except MemoryError:
        return TextFailure("TemplateError", "The chat template asked for more memory than it may have.")
    except Exception as fault:  # noqa: BLE001 - one order's fault must not end the process
        return TextFailure("EngineError", f"The prompt could not be made: {type(fault).__name__}.")


def _taken_bytes() -> int:
    """Of addresses, by this process; as many as it may have where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        return LOADING_BYTES


def _serve(connection: socket.socket, folder: str) -> None:
    def tell(event: TextEvent) -> None:
        connection.sendall(packed(event))

    service: list[TextService] = []

    def load() -> TextEvent:
        service.append(TextService(folder, tell))
        return TextResult()

    limit_addresses(LOADING_BYTES)
    tell(_guarded(load))
    if not service:
        return
    limit_addresses(_taken_bytes() + WORKING_BYTES)
    decoder: Any = msgspec.json.Decoder(TextOrder)
    while (body := read_frame(connection)) is not None:
        tell(service[0].answer(decoder.decode(body)))


def main() -> None:
    """Answers orders until the other side closes the connection."""
    leave_interrupts()
    os.nice(_NICENESS)
    threading.stack_size(_STACK_BYTES)
    serving = threading.Thread(target=_serve, args=(socket.socket(fileno=int(sys.argv[1])), sys.argv[2]))
    serving.start()
    serving.join()


if __name__ == "__main__":
    main()

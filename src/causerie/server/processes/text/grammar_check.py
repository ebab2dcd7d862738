"""Whether a grammar can be compiled and followed at all, found out where nothing is lost when it cannot.

A compiler of grammars can overflow its stack, take gigabytes, or go on for minutes; the engine's process compiles only
what was compiled here before (text_process.py). Knows no socket.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from causerie.text.structure import CompiledGrammar, grammar_tokenizer

if TYPE_CHECKING:
    from causerie.server.processes.text.text_orders import GrammarOrder
    from causerie.text.tokenizer import Tokenizer

_STEPS = 8  # what grows without bounds mostly does so in the first tokens


def check_grammar(order: GrammarOrder, tokenizer: Tokenizer, begin: Callable[[], None]) -> None:
    """Compiles the grammar and follows it for some tokens. `begin` is called once the tokenizer is ready for it, which
    takes its time once. Raises UsageError where the grammar cannot be done."""
    grammar_tokenizer(tokenizer, order.vocab, tuple(order.eos))
    begin()
    matcher = CompiledGrammar(order.grammar, tokenizer, order.vocab, order.eos).matcher()
    row = np.zeros(order.vocab, dtype=np.float32)
    for _ in range(_STEPS):
        row[:] = 0
        matcher.forbid(row)
        allowed = np.flatnonzero(row == 0)
        if not len(allowed) or allowed[0] in order.eos:
            return
        matcher.advance([int(allowed[len(allowed) // 2])])

"""Structured output: an answer held to a JSON schema, a regular expression, a grammar or a choice while it is drawn.

The grammar is compiled by llguidance, which says for each token whether it may come next. Knows no request and no
engine: what it gives is a `decoding.constraint.Constraint`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.errors import EngineError, UsageError
from causerie.text.response_format import form_of
from causerie.text.structure_bounds import check_choices, check_grammar, check_regex, schema_text

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

    from causerie.text.tokenizer import Tokenizer

# A space or a line with its indentation: any number of them, as JSON allows, is what small models get lost in.
JSON_OPTIONS: Any = {"whitespace_flexible": True, "whitespace_pattern": r"( |\n {0,24})?"}
_MISMATCH = "doesn't satisfy the grammar"  # what llguidance says of a token, and not of its own limits
_INITIAL_FUEL = 1_000_000  # of the compiler of regular expressions: some hundred milliseconds


class CompiledGrammar:
    """A response format, compiled for one tokenizer."""

    def __init__(self, grammar: str, tokenizer: Tokenizer, vocab: int, eos: Sequence[int]) -> None:
        """`grammar` is what `grammar_of` gives; `vocab` how many logits a row has; `eos` what ends an answer. Raises
        UsageError for a grammar that cannot be compiled within its limits."""
        from llguidance import LLMatcher, LLParserLimits

        self._vocab = vocab
        tokens = grammar_tokenizer(tokenizer, vocab, tuple(eos))
        self._matcher = LLMatcher(tokens, grammar, log_level=0, limits=LLParserLimits(initial_lexer_fuel=_INITIAL_FUEL))
        if self._matcher.is_error():
            raise UsageError(f"The form of the answer cannot be compiled: {self._error()}", field="response_format")
        self.matcher().forbid(np.zeros(vocab, np.float32))  # some fail at their first token, which is said here

    def _error(self) -> str:
        return _first_line(self._matcher.get_error())

    def matcher(self, prompt: Sequence[int] = ()) -> GrammarMatcher:
        """A new answer's, whatever the prompt."""
        return GrammarMatcher(self._matcher.deep_copy(), self._vocab)


class GrammarMatcher:
    """One answer's way through a structure."""

    def __init__(self, matcher: LLMatcher, vocab: int) -> None:
        self._matcher = matcher
        self._vocab = vocab

    def advance(self, tokens: Sequence[int]) -> None:
        """Takes tokens that were drawn. Raises UsageError where the grammar gives up, EngineError where one does not
        fit."""
        for token in tokens:
            if self._matcher.is_stopped() and not self._matcher.is_error():
                return  # whole already; what comes is the token that ends the answer
            if not self._matcher.consume_token(token):
                if _MISMATCH in self._matcher.get_error():
                    raise EngineError(f"Token {token} does not fit the form of the answer: {self._error()}")
                raise self._too_complex()

    def forbid(self, row: NDArray[np.float32]) -> None:
        """Sets the scores of tokens that may not come next to -inf. Raises UsageError where the grammar gave up."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise self._too_complex()
        allowed = np.unpackbits(bits, bitorder="little")[: self._vocab].astype(bool)
        row[: len(allowed)][~allowed] = -np.inf
        row[len(allowed) :] = -np.inf

    def _too_complex(self) -> UsageError:
        return UsageError(
            f"The form of the answer is too complex to follow ({self._error()}). Make it simpler: with fewer optional "
            "properties or choices in one place, say.",
            field="response_format",
        )

    def _error(self) -> str:
        return _first_line(self._matcher.get_error())


def grammar_of(format: Mapping[str, Any]) -> str | None:
    """The grammar of a response format (response_format.py); None for {"type": "text"}. Raises UsageError for one that
    is not such, or that is too large or too deep."""
    from llguidance import LLMatcher

    kind, content = form_of(format)
    if kind in ("json_object", "json_schema"):
        return str(LLMatcher.grammar_from_json_schema(schema_text(content), overrides=JSON_OPTIONS))
    if kind == "regex":
        check_regex(content)
        return str(LLMatcher.grammar_from_regex(content))
    if kind == "grammar":
        check_grammar(content)
        return str(LLMatcher.grammar_from_lark(content))
    if kind == "choice":
        check_choices(content)
        return str(LLMatcher.grammar_from_regex("|".join(map(re.escape, content))))
    return None


@lru_cache(maxsize=2)  # some megabytes each, and seconds to make for a large vocabulary
def grammar_tokenizer(tokenizer: Tokenizer, vocab: int, eos: tuple[int, ...]) -> LLTokenizer:
    """The tokenizer as llguidance reads it; made once and kept."""
    from llguidance import LLTokenizer

    size = max(vocab, len(tokenizer))
    return LLTokenizer(tokenizer.to_json(), n_vocab=size, eos_token=list(eos) or None)


def _first_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return (lines[0] if lines else "unknown")[:300]

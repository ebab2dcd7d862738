"""Structured output: an answer held to a JSON schema, a regular expression, a grammar or a choice while it is drawn.

The grammar is compiled by llguidance, which says for each token whether it may come next. Knows no request and no
engine: what it gives is a `decoding.constraint.Constraint`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from causerie.errors import EngineError, UsageError, nearest

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

    from causerie.text.tokenizer import Tokenizer

KINDS = ("text", "json_object", "json_schema", "regex", "grammar", "choice")
MOST_CHARACTERS = 200_000  # of a schema, an expression or a grammar
MOST_CHOICES = 1000
# A space or a line with its indentation: any number of them, as JSON allows, is what small models get lost in.
JSON_OPTIONS: Any = {"whitespace_flexible": True, "whitespace_pattern": r"( |\n {0,24})?"}
_INITIAL_FUEL = 1_000_000  # of the compiler of regular expressions: some hundred milliseconds


class Structure:
    """A response format, compiled for one tokenizer."""

    def __init__(self, grammar: str, tokenizer: Tokenizer, vocab: int, eos: Sequence[int]) -> None:
        """`grammar` is what `grammar_of` gives; `vocab` how many logits a row has; `eos` what ends an answer. Raises
        UsageError for a grammar that cannot be compiled within its limits."""
        from llguidance import LLMatcher, LLParserLimits

        self._vocab = vocab
        tokens = _tokens(tokenizer, vocab, tuple(eos))
        self._matcher = LLMatcher(tokens, grammar, log_level=0, limits=LLParserLimits(initial_lexer_fuel=_INITIAL_FUEL))
        if self._matcher.is_error():
            raise UsageError(f"response_format cannot be done: {_first_line(self._matcher.get_error())}")

    def matcher(self, prompt: Sequence[int] = ()) -> StructureMatcher:
        """A new answer's, whatever the prompt."""
        return StructureMatcher(self._matcher.deep_copy(), self._vocab)


class StructureMatcher:
    """One answer's way through a structure."""

    def __init__(self, matcher: LLMatcher, vocab: int) -> None:
        self._matcher = matcher
        self._vocab = vocab

    def advance(self, tokens: Sequence[int]) -> None:
        """Takes tokens that were drawn. Raises EngineError where they do not fit."""
        for token in tokens:
            if self._matcher.is_stopped() and not self._matcher.is_error():
                return  # whole already; what comes is the token that ends the answer
            if not self._matcher.consume_token(token):
                raise EngineError(f"Token {token} does not fit the response format: {self._error()}")

    def forbid(self, row: NDArray[np.float32]) -> None:
        """Sets the scores of tokens that may not come next to -inf. Raises EngineError where the grammar gave up."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        if self._matcher.is_error():
            raise EngineError(f"The response format became too complex on the way: {self._error()}")
        allowed = np.unpackbits(bits, bitorder="little")[: self._vocab].astype(bool)
        row[: len(allowed)][~allowed] = -np.inf
        row[len(allowed) :] = -np.inf

    def _error(self) -> str:
        return _first_line(self._matcher.get_error())


def grammar_of(format: Mapping[str, Any]) -> str | None:
    """The grammar of a response format as OpenAI's clients write it ({"type": "json_schema", "json_schema": {"schema":
    …}}), and beside those {"type": "regex", "regex": …}, {"type": "grammar", "grammar": Lark} and {"type": "choice",
    "choices": [...]}. None for {"type": "text"}. Raises UsageError for one that is not such."""
    from llguidance import LLMatcher

    if not isinstance(format, Mapping) or not isinstance(format.get("type"), str):
        raise UsageError(f"response_format is {_shown(format)}; it is an object with a type: {', '.join(KINDS)}.")
    kind = format["type"]
    if kind == "text":
        return None
    if kind == "json_object":
        return str(LLMatcher.grammar_from_json_schema({"type": "object"}, overrides=JSON_OPTIONS))
    if kind == "json_schema":
        return _schema_grammar(format)
    if kind == "regex":
        return str(LLMatcher.grammar_from_regex(_text_of(format, "regex")))
    if kind == "grammar":
        return str(LLMatcher.grammar_from_lark(_text_of(format, "grammar")))
    if kind == "choice":
        return str(LLMatcher.grammar_from_regex("|".join(re.escape(choice) for choice in _choices(format))))
    known = ", ".join(nearest(kind, KINDS))
    raise UsageError(f"response_format has the type {kind[:80]!r}; known, nearest first: {known}.")


def _schema_grammar(format: Mapping[str, Any]) -> str:
    from llguidance import LLMatcher

    inner = format.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else format.get("schema")
    if not isinstance(schema, Mapping):
        raise UsageError(
            'response_format of type json_schema has no schema; write {"type": "json_schema", "json_schema": {"name": '
            '"answer", "schema": {"type": "object", …}}}.'
        )
    written = json.dumps(schema)
    if len(written) > MOST_CHARACTERS:
        raise UsageError(f"The schema has {len(written)} characters; at most {MOST_CHARACTERS}.")
    return str(LLMatcher.grammar_from_json_schema(written, overrides=JSON_OPTIONS))


def _text_of(format: Mapping[str, Any], key: str) -> str:
    found = format.get(key, format.get("pattern") if key == "regex" else None)
    if not isinstance(found, str) or not found:
        raise UsageError(f"response_format of type {key} has no {key}; it is a text.")
    if len(found) > MOST_CHARACTERS:
        raise UsageError(f"The {key} has {len(found)} characters; at most {MOST_CHARACTERS}.")
    return found


def _choices(format: Mapping[str, Any]) -> list[str]:
    found = format.get("choices", format.get("choice"))
    if (
        not isinstance(found, list | tuple)
        or not 1 <= len(found) <= MOST_CHOICES
        or not all(isinstance(choice, str) and choice for choice in found)
    ):
        raise UsageError(f"response_format of type choice has no choices; it is a list of 1 to {MOST_CHOICES} texts.")
    return list(found)


@lru_cache(maxsize=2)  # some megabytes each, and seconds to make for a large vocabulary
def _tokens(tokenizer: Tokenizer, vocab: int, eos: tuple[int, ...]) -> LLTokenizer:
    """The tokenizer as llguidance reads it."""
    from llguidance import LLTokenizer

    size = max(vocab, len(tokenizer))
    return LLTokenizer(tokenizer.to_json(), n_vocab=size, eos_token=list(eos) or None)


def _first_line(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return (lines[0] if lines else "unknown")[:300]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"

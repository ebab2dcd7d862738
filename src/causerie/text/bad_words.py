"""Texts that an answer may not contain, however tokens spell them. A token that would complete one is forbidden.

Where a letter of A to Z is small or large makes no difference. Knows no request and no engine: what it gives is a
`decoding.constraint.Constraint`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from causerie.text.borders import borders
from causerie.text.detokenize import token_bytes

if TYPE_CHECKING:
    from causerie.text.tokenizer import Tokenizer


class BadWords:
    """Some texts, for answers of one tokenizer."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, vocab: int) -> None:
        """`vocab` is how many logits a row has."""
        self._spellings = _spellings(tokenizer)
        self._words = [_BadWord(text.encode().lower(), self._spellings, vocab) for text in texts]

    def matcher(self, prompt: Sequence[int]) -> BadWordsMatcher:
        """See Constraint. A text that the end of the prompt has begun may not be ended either."""
        matcher = BadWordsMatcher(self._words, self._spellings)
        longest = max(len(word.text) for word in self._words)
        matcher.advance(prompt[-longest:])
        return matcher


class BadWordsMatcher:
    """One answer's way: of each text, how much of its beginning the answer ends with."""

    def __init__(self, words: Sequence[_BadWord], spellings: _Spellings) -> None:
        self._words = words
        self._spellings = spellings
        self._begun = [0] * len(words)

    def advance(self, tokens: Sequence[int]) -> None:
        """See Matcher."""
        for token in tokens:
            spelling = self._spellings.of(token)
            self._begun = [word.advance(begun, spelling) for word, begun in zip(self._words, self._begun, strict=True)]

    def forbid(self, row: NDArray[np.float32]) -> None:
        """See Matcher."""
        for word, begun in zip(self._words, self._begun, strict=True):
            row[word.completions(begun)] = -np.inf


class _BadWord:
    """One text, and by how much of its beginning is written the tokens that would complete it."""

    def __init__(self, text: bytes, spellings: _Spellings, vocab: int) -> None:
        self.text = text
        self._borders = borders(text)
        self._spellings, self._vocab = spellings, vocab
        self._completions = {0: self._tokens(set(spellings.that_contain(text)))}

    def advance(self, begun: int, spelling: bytes) -> int:
        """How much of it a text ends with, after one that ended with `begun` bytes of it (Knuth, Morris, Pratt)."""
        for byte in spelling:
            while begun and (begun == len(self.text) or self.text[begun] != byte):
                begun = self._borders[begun - 1]
            begun += self.text[begun] == byte
        return begun

    def completions(self, begun: int) -> NDArray[np.intp]:
        """The tokens that complete it where `begun` bytes of it are written: those that begin with the rest of it, or
        with what is missing of it to a shorter beginning that the text ends with as well."""
        if begun == len(self.text):
            begun = self._borders[begun - 1]
        if begun not in self._completions:
            starting = set(self._spellings.that_start_with(self.text[begun:]))
            shorter = self.completions(self._borders[begun - 1])
            self._completions[begun] = self._tokens(starting | set(shorter.tolist()))
        return self._completions[begun]

    def _tokens(self, tokens: set[int]) -> NDArray[np.intp]:
        return np.array(sorted(token for token in tokens if token < self._vocab), dtype=np.intp)


class _Spellings:
    """What each token of a tokenizer writes, with small letters; tokens that are never shown write nothing."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        pieces = [tokenizer.id_to_token(token) or "" for token in range(len(tokenizer))]
        self._spellings = [
            b"" if tokenizer.is_special(piece) else token_bytes(tokenizer, token).lower()
            for token, piece in enumerate(pieces)
        ]
        self._order = sorted(range(len(self._spellings)), key=self._spellings.__getitem__)

    def of(self, token: int) -> bytes:
        """What it writes; nothing for a number that is no token."""
        return self._spellings[token] if 0 <= token < len(self._spellings) else b""

    def that_contain(self, text: bytes) -> Iterator[int]:
        """The tokens in whose text this stands."""
        return (token for token, spelling in enumerate(self._spellings) if text in spelling)

    def that_start_with(self, text: bytes) -> Iterator[int]:
        """The tokens whose text begins so."""
        for place in range(bisect_left(self._order, text, key=self._spellings.__getitem__), len(self._order)):
            token = self._order[place]
            if not self._spellings[token].startswith(text):
                return
            yield token


@lru_cache(maxsize=2)  # some megabytes each, and half a second to make for a large vocabulary
def _spellings(tokenizer: Tokenizer) -> _Spellings:
    return _Spellings(tokenizer)

"""How much text one token of a vocabulary can stand for: whether a text can fit is then known before it is tokenized.

Reads tokenizer.json's own rules. Where one of them may drop text or melt it together, nothing is promised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# By how much Unicode's normal forms can shorten UTF-8: three letters of Hangul become one syllable, a mathematical
# letter of four bytes becomes a plain one, and NFKC does both.
_SHRINKING = {"NFC": 3, "NFD": 3, "NFKD": 4, "NFKC": 12}
_KEEPING_BEHAVIORS = ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
_KEEPING_PRE_TOKENIZERS = ("ByteLevel", "Metaspace", "Digits")


def most_bytes_of_a_token(rules: Mapping[str, Any]) -> int | None:
    """The most bytes of UTF-8 that one token can stand for, by a tokenizer.json: a text of more than n times as many
    has more than n tokens. None where its normalizer, its pre-tokenizer or its model may leave text out."""
    added = rules.get("added_tokens") or []
    if any(token.get("lstrip") or token.get("rstrip") for token in added):
        return None  # such a token takes any number of spaces with it
    shrinking = _shrinking(rules.get("normalizer"))
    if shrinking is None or not _keeps(rules.get("pre_tokenizer")):
        return None
    model = rules.get("model") or {}
    vocabulary = model.get("vocab") or {}
    spelled_bytes = _has(rules.get("pre_tokenizer"), "ByteLevel") or _has(rules.get("decoder"), "ByteLevel")
    if model.get("type") not in ("BPE", "Unigram") or not (spelled_bytes or model.get("byte_fallback")):
        return None
    pieces = vocabulary if isinstance(vocabulary, Mapping) else [piece for piece, _ in vocabulary]
    # A byte-level vocabulary spells each byte as one character.
    longest = max(map(len, pieces), default=0) if spelled_bytes else max(map(_bytes, pieces), default=0)
    return max([longest * shrinking, *(_bytes(token["content"]) for token in added), 1])


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", errors="replace"))


def _parts(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The steps of a sequence, in tokenizer.json's three spellings; a step alone is its own only part."""
    for name in ("normalizers", "pretokenizers", "decoders"):
        if name in step:
            return list(step[name])
    return [step]


def _shrinking(normalizer: Mapping[str, Any] | None) -> int | None:
    """By how much a normalizer can shorten a text; None where there is no bound."""
    if normalizer is None:
        return 1
    total = 1
    for step in _parts(normalizer):
        kind = step.get("type")
        if kind in _SHRINKING:
            total *= _SHRINKING[kind]
        elif kind == "Replace":
            pattern = step.get("pattern", {}).get("String")
            if pattern is None or _bytes(step.get("content", "")) < _bytes(pattern):
                return None
        elif kind != "Prepend":
            return None
    return total


def _keeps(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    """Whether a pre-tokenizer keeps all of a text."""
    return pre_tokenizer is None or all(
        step.get("type") in _KEEPING_PRE_TOKENIZERS or step.get("behavior") in _KEEPING_BEHAVIORS
        for step in _parts(pre_tokenizer)
    )


def _has(step: Mapping[str, Any] | None, kind: str) -> bool:
    return step is not None and any(part.get("type") == kind for part in _parts(step))

"""The keys `tokenizer.ggml.*` of a GGUF file, checked against each other and against limits.

Knows what the keys are called and how their values fit together; it makes no tokenizer of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from causerie.errors import CheckpointError
from causerie.text.gguf.charsmap import fault_of

LARGEST_VOCABULARY = 2**21
LARGEST_MERGES = 2**22
LONGEST_TOKEN = 2**12
"""Characters; the longest token of a published model is a run of 512 spaces."""
LARGEST_TEXT = 2**27
"""Characters of all tokens together, and of all merges."""
LARGEST_CHARSMAP = 2**24
PREFIX = "tokenizer.ggml."

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""Kinds of a token, as `token_type` numbers them."""
SPECIAL_IDS = {
    "bos": "bos_token",
    "eos": "eos_token",
    "unknown": "unk_token",
    "seperator": "sep_token",
    "padding": "pad_token",
    "cls": "cls_token",
    "mask": "mask_token",
    "eot": "eot_token",
    "eom": "eom_token",
}
"""What keys call a special token (one is misspelled in the format itself), and what tokenizer_config.json does."""
_FLAGS = (
    *("add_bos_token", "add_eos_token", "add_space_prefix", "remove_extra_whitespaces"),
    *("normalizer.lowercase", "normalizer.strip_accents"),
)
ENDS = ("eos_token", "eot_token", "eom_token")
"""Those that end a text, a turn, a message to a tool."""


@dataclass(frozen=True)
class GgufVocabulary:
    """A checked vocabulary. `scores` is there for the kinds that need them; `special` are ids by the names that
    tokenizer_config.json has; `file` is what errors call it."""

    file: str
    kind: str
    splitting: str | None
    tokens: tuple[str, ...]
    types: np.ndarray
    scores: np.ndarray | None
    merges: tuple[str, ...]
    special: Mapping[str, int]
    flags: Mapping[str, bool]
    charsmap: bytes  # SentencePiece's table of characters; empty where there is none

    def ids_of(self, *types: int) -> list[int]:
        """The ids of all tokens of these types."""
        return [int(index) for index in np.flatnonzero(np.isin(self.types, types))]

    def flag(self, name: str, otherwise: bool) -> bool:
        """A truth value of the file (add_bos_token, add_space_prefix, …), or `otherwise` where it has none."""
        return self.flags.get(name, otherwise)

    def refuse(self, key: str, what: str, expected: str) -> CheckpointError:
        """An error about one key of this file."""
        return _refusal(self.file, key, what, expected)


def read_vocabulary(metadata: Mapping[str, Any], file: str) -> GgufVocabulary:
    """The vocabulary that a file's metadata describes. CheckpointError names key, value and what was expected."""
    kind = _text(metadata, "model", file)
    if kind is None:
        raise _refusal(file, "model", "is missing", "the kind of its tokenizer, such as 'gpt2' or 'llama'")
    tokens = _tokens(metadata, file)
    types = _numbers(metadata, "token_type", len(tokens), "iu", file)
    if types is None:
        types = np.full(len(tokens), NORMAL, np.int64)
    scores = _numbers(metadata, "scores", len(tokens), "iuf", file)
    if scores is not None and not np.isfinite(scores).all():
        raise _refusal(file, "scores", "has NaN or infinity among its numbers", "finite numbers")
    return GgufVocabulary(
        file,
        kind,
        _text(metadata, "pre", file),
        tokens,
        types,
        scores,
        _merges(metadata, file),
        _special_ids(metadata, len(tokens), file),
        _flags(metadata, file),
        _charsmap(metadata, file),
    )


def _refusal(file: str, key: str, what: str, expected: str) -> CheckpointError:
    return CheckpointError(
        f"{file}: {PREFIX}{key} {what}; {expected} was expected. The file is damaged or was made wrongly: download it "
        "again, or take another conversion of the model."
    )


def _text(metadata: Mapping[str, Any], key: str, file: str) -> str | None:
    value = metadata.get(PREFIX + key)
    if value is None or isinstance(value, str):
        return value
    raise _refusal(file, key, f"is a {type(value).__name__}", "a text")


def _texts(metadata: Mapping[str, Any], key: str, most: int, file: str) -> tuple[str, ...] | None:
    value = metadata.get(PREFIX + key)
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(text, str) for text in value):
        raise _refusal(file, key, f"is a {type(value).__name__}", "an array of texts")
    if len(value) > most:
        raise _refusal(file, key, f"has {len(value)} entries", f"at most {most}")
    if sum(map(len, value)) > LARGEST_TEXT:
        raise _refusal(file, key, f"has more than {LARGEST_TEXT} characters", "a vocabulary of words")
    return tuple(value)


def _tokens(metadata: Mapping[str, Any], file: str) -> tuple[str, ...]:
    tokens = _texts(metadata, "tokens", LARGEST_VOCABULARY, file)
    if not tokens:
        raise _refusal(file, "tokens", "is missing or empty", "the texts of all tokens")
    longest = max(map(len, tokens))
    if longest > LONGEST_TOKEN:
        raise _refusal(file, "tokens", f"has a token of {longest} characters", f"at most {LONGEST_TOKEN}")
    if len(set(tokens)) != len(tokens):
        ids: dict[str, int] = {}
        for index, token in enumerate(tokens):
            if token in ids:
                what = f"has {token[:40]!r} as token {ids[token]} and as token {index}"
                raise _refusal(file, "tokens", what, "each text once")
            ids[token] = index
    return tokens


def _numbers(metadata: Mapping[str, Any], key: str, count: int, kinds: str, file: str) -> np.ndarray | None:
    value = metadata.get(PREFIX + key)
    if value is None:
        return None
    try:
        numbers = np.asarray(value)
    except ValueError:
        numbers = np.empty(0, object)
    if numbers.ndim != 1 or numbers.dtype.kind not in kinds:
        raise _refusal(file, key, f"is a {type(value).__name__}", "an array of numbers")
    if len(numbers) != count:
        raise _refusal(file, key, f"has {len(numbers)} entries", f"one for each of the {count} tokens")
    return numbers.astype(np.float64 if "f" in kinds else np.int64)


def _merges(metadata: Mapping[str, Any], file: str) -> tuple[str, ...]:
    return _texts(metadata, "merges", LARGEST_MERGES, file) or ()


def _special_ids(metadata: Mapping[str, Any], count: int, file: str) -> dict[str, int]:
    ids = {}
    for key, name in SPECIAL_IDS.items():
        value = metadata.get(f"{PREFIX}{key}_token_id")
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < count:
            raise _refusal(
                file, f"{key}_token_id", f"is {value!r:.60}", f"the number of a token, from 0 to {count - 1}"
            )
        ids[name] = value
    return ids


def _flags(metadata: Mapping[str, Any], file: str) -> dict[str, bool]:
    flags = {}
    for name in _FLAGS:
        value = metadata.get(PREFIX + name)
        if value is None:
            continue
        if not isinstance(value, bool):
            raise _refusal(file, name, f"is {value!r:.60}", "true or false")
        flags[name] = value
    return flags


def _charsmap(metadata: Mapping[str, Any], file: str) -> bytes:
    value = metadata.get(PREFIX + "precompiled_charsmap")
    if value is None:
        return b""
    if not isinstance(value, np.ndarray) or value.dtype.itemsize != 1 or value.dtype.kind not in "iu":
        raise _refusal(file, "precompiled_charsmap", f"is a {type(value).__name__}", "an array of bytes")
    if len(value) > LARGEST_CHARSMAP:
        raise _refusal(file, "precompiled_charsmap", f"has {len(value)} bytes", f"at most {LARGEST_CHARSMAP}")
    table = value.tobytes()
    if table and (fault := fault_of(table)) is not None:
        raise _refusal(file, "precompiled_charsmap", f"cannot be meant: {fault}", "SentencePiece's table of characters")
    return table

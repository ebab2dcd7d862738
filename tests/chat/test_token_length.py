"""A text of more bytes than its tokens could stand for is known to be too long without being tokenized."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer

from causerie import builtin_model_path
from causerie.text.token_length import most_bytes_of_a_token

BUILTIN = Path(builtin_model_path()) / "tokenizer.json"


@pytest.mark.parametrize("name", ["qwen2", "llama-bpe"])
def test_real_vocabularies_have_a_longest_token(conformance: Path, name: str) -> None:
    path = conformance / "tokenizers" / name / "tokenizer.json"
    longest = most_bytes_of_a_token(json.loads(path.read_text()))
    tokenizer = RustTokenizer.from_file(str(path))
    assert longest is not None
    for text in (
        "1" * 1000,
        " " * 5000,
        "=" * 3000,
        "a\u0301" * 999,
        "\u1112\u1161\u11ab" * 700,
        "🙂" * 300,
        "\n" * 2000,
    ):
        assert len(text.encode()) <= longest * len(tokenizer.encode(text).ids)


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_no_text_has_fewer_tokens_than_its_bytes_allow(text: str) -> None:
    longest = most_bytes_of_a_token(json.loads(BUILTIN.read_text()))
    assert longest is not None
    ids = RustTokenizer.from_file(str(BUILTIN)).encode(text, add_special_tokens=False).ids
    assert len(text.encode()) <= longest * len(ids)


def _changed(**parts: object) -> dict[str, object]:
    return {**json.loads(BUILTIN.read_text()), **parts}


@pytest.mark.parametrize(
    "parts",
    [
        {"normalizer": {"type": "Strip", "strip_left": True, "strip_right": True}},
        {"normalizer": {"type": "Replace", "pattern": {"String": "ab"}, "content": "c"}},
        {"normalizer": {"type": "Replace", "pattern": {"Regex": " +"}, "content": " "}},
        {"pre_tokenizer": {"type": "WhitespaceSplit"}},
        {"added_tokens": [{"id": 0, "content": "<x>", "lstrip": True, "rstrip": False}]},
        {"model": {"type": "WordPiece", "vocab": {"a": 0}}},
    ],
)
def test_nothing_is_promised_where_text_may_vanish(parts: dict[str, object]) -> None:
    assert most_bytes_of_a_token(_changed(**parts)) is None


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        {"type": "Digits", "individual_digits": True},
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        *(
            {"type": "Split", "pattern": {"String": " "}, "behavior": behavior, "invert": False}
            for behavior in ("Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
        ),
        {"type": "Punctuation", "behavior": "Isolated"},
    ],
)
def test_what_only_splits_a_text_keeps_it(pre_tokenizer: dict[str, object]) -> None:
    """Before bytes are spelled, as in the vocabulary's own order."""
    spelling = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    rules = _changed(pre_tokenizer={"type": "Sequence", "pretokenizers": [pre_tokenizer, spelling]})
    longest = most_bytes_of_a_token(rules)
    assert longest is not None
    tokenizer = RustTokenizer.from_str(json.dumps(rules))
    for text in ("a 12  34, b.", "  12", "1 " * 50, "…é 7"):
        assert len(text.encode()) <= longest * len(tokenizer.encode(text, add_special_tokens=False).ids)


def test_what_splits_a_text_may_drop_its_borders() -> None:
    dropping = {"type": "Split", "pattern": {"String": " "}, "behavior": "Removed", "invert": False}
    assert most_bytes_of_a_token(_changed(pre_tokenizer=dropping)) is None

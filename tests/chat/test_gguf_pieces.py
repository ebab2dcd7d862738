"""Vocabularies of word pieces and of unigrams in a GGUF file's metadata, against BERT's own tokenizer and what
SentencePiece made of some texts; and tables of characters that lead nowhere."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers.implementations import BertWordPieceTokenizer

from causerie.errors import CheckpointError
from causerie.text.gguf.charsmap import fault_of
from causerie.text.gguf.metadata_tokenizer import tokenizer_from_metadata
from causerie.text.tokenizer import Tokenizer

EXPECTED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "expected" / "gguf_unigrams.json").read_text(encoding="utf-8")
)
"""Two models that SentencePiece 0.2.3 trained on pages of docs/, the second with bytes for what is unknown and with all
spaces kept, both with a table of five characters; and the ids that it gives some texts."""
TEXTS = [
    *("Hello, world! It's naïve.", "ÜBER été", "日本語 and 你好", "hug hugs hugging unhugged", "x" * 101, "a\tb\n c"),
    *("", " ", "don't -- [MASK] it", "1,234.5", "☃ ☃☃", "e\u0301\u0000\ufffd"),
]
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
CONTROL, NORMAL = 3, 1


def word_piece_metadata(original: BertWordPieceTokenizer, **changes: Any) -> dict[str, Any]:
    """As llama.cpp's converter has it."""
    vocab = original.get_vocab(with_added_tokens=True)
    tokens = sorted(vocab, key=vocab.__getitem__)
    written = [t if t in SPECIAL else t.removeprefix("##") if t.startswith("##") else f"▁{t}" for t in tokens]
    ids = {"cls": "[CLS]", "seperator": "[SEP]", "unknown": "[UNK]", "padding": "[PAD]", "mask": "[MASK]"}
    return {
        "tokenizer.ggml.model": "bert",
        "tokenizer.ggml.tokens": tuple(written),
        "tokenizer.ggml.token_type": np.array([CONTROL if t in SPECIAL else NORMAL for t in tokens], np.int32),
        **{f"tokenizer.ggml.{key}_token_id": vocab[token] for key, token in ids.items()},
        **{f"tokenizer.ggml.{key}": value for key, value in changes.items()},
    }


@pytest.mark.parametrize("lowercase", [True, False])
def test_word_pieces_are_those_of_bert(lowercase: bool) -> None:
    original = BertWordPieceTokenizer(lowercase=lowercase)
    words = [*TEXTS[:-1], "ab abc bc hug un unhug"] * 3
    original.train_from_iterator(words, vocab_size=120, min_frequency=1, show_progress=False)
    said = {} if lowercase else {"normalizer.lowercase": False}
    tokenizer = tokenizer_from_metadata(word_piece_metadata(original, **said), "model.gguf")
    for text in TEXTS:
        ids = original.encode(text).ids
        assert tokenizer.encode(text, add_special_tokens=False) == ids, text
        assert tokenizer.encode(text) == [SPECIAL.index("[CLS]"), *ids, SPECIAL.index("[SEP]")]
    assert tokenizer.decode(tokenizer.encode("hugs", add_special_tokens=False)) == "hugs"
    accents = tokenizer_from_metadata(
        word_piece_metadata(original, **{"normalizer.lowercase": True, "normalizer.strip_accents": False}), "f"
    )
    assert (accents.encode("été") == accents.encode("ete")) is False


def unigram_metadata(model: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    metadata = {
        "model": "t5",
        "tokens": tuple(model["pieces"]),
        "scores": np.array(model["scores"], np.float32),
        "token_type": np.array(model["types"], np.int32),
        "add_space_prefix": model["add_space_prefix"],
        "remove_extra_whitespaces": model["remove_extra_whitespaces"],
        "precompiled_charsmap": np.frombuffer(base64.b64decode(model["charsmap"]), np.uint8),
    } | changes
    return {f"tokenizer.ggml.{key}": value for key, value in metadata.items() if value is not None}


def unigrams(model: Mapping[str, Any], **changes: Any) -> Tokenizer:
    return tokenizer_from_metadata(unigram_metadata(model, **changes), "model.gguf")


@pytest.mark.parametrize("model", EXPECTED["models"], ids=["words", "all spaces, bytes"])
def test_unigrams_are_those_of_sentencepiece(model: Mapping[str, Any]) -> None:
    tokenizer = unigrams(model)
    for text, ids in zip(EXPECTED["texts"], model["ids"], strict=True):
        assert tokenizer.encode(text, add_special_tokens=False) == ids, text
        assert tokenizer.encode(text) == [*ids, 1]
    assert tokenizer.decode(tokenizer.encode("the model and an answer", add_special_tokens=False)) == (
        "the model and an answer"
    )
    without = unigrams(model, precompiled_charsmap=None)
    assert without.encode("ﬁne") != tokenizer.encode("ﬁne") == tokenizer.encode("fine")


def test_rows_that_fill_up_do_not_change_what_unknown_ones_cost() -> None:
    """SentencePiece counts an unknown character ten below the least score."""
    known, both = -2.0, -30.0
    pieces = {"<pad>": 0.0, "</s>": 0.0, "<unk>": 0.0, "▁": known, "a": known, "☃a": both}
    model = {"pieces": [*pieces, "[PAD6]"], "scores": [*pieces.values(), -10000.0], "types": [3, 3, 2, 1, 1, 1, 5]}
    model |= {"add_space_prefix": True, "remove_extra_whitespaces": True, "charsmap": ""}
    tokenizer = unigrams(model)
    assert tokenizer.encode("☃a", add_special_tokens=False) == [3, 5]  # 30 and not 40 + 2
    assert tokenizer.encode("a☃", add_special_tokens=False) == [3, 4, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scores": None}, "tokenizer.ggml.scores is missing"),
        ({"add_space_prefix": False}, "add_space_prefix is false beside remove_extra_whitespaces"),
        ({"precompiled_charsmap": "abc"}, "precompiled_charsmap is a str; an array of bytes"),
        ({"precompiled_charsmap": np.arange(9.0)}, "precompiled_charsmap is a ndarray"),
        ({"precompiled_charsmap": np.zeros(7, np.uint8)}, "says that 0 of its 7 bytes are a trie"),
    ],
)
def test_what_does_not_fit_is_refused_by_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(CheckpointError) as refusal:
        unigrams(EXPECTED["models"][0], **changes)
    assert message in str(refusal.value)


def test_word_pieces_need_a_token_for_what_is_unknown() -> None:
    metadata = {"tokenizer.ggml.model": "bert", "tokenizer.ggml.tokens": ("▁a", "b")}
    with pytest.raises(CheckpointError, match="unknown_token_id is missing"):
        tokenizer_from_metadata(metadata, "f")


def test_a_table_that_was_changed_is_refused_or_harmless() -> None:
    table, draw = base64.b64decode(EXPECTED["models"][0]["charsmap"]), random.Random(1)
    judged = set()
    for _ in range(150):
        changed = bytearray(table)
        for _ in range(draw.choice((1, 3))):
            changed[draw.choice((draw.randrange(4, len(table)), draw.randrange(4)))] = draw.randrange(256)
        judged.add(fault_of(bytes(changed)) and fault_of(bytes(changed)).split()[-1])
        if fault_of(bytes(changed)) is None:
            tokenizer = unigrams(EXPECTED["models"][0], precompiled_charsmap=np.frombuffer(bytes(changed), np.uint8))
            tokenizer.encode("ﬁne Ａ été e\u0301 \t… 日本 \u3000\U0001f680")
    assert len(judged) > 3

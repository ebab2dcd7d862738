"""Tokenizers: transformers on the same folder is the oracle; released models' own ids where there are any."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie.errors import CheckpointError, MissingFile, UsageError
from causerie.text.tokenizer import Tokenizer

from .conftest import byte_level, save, sentencepiece

TRICKY = [
    "",
    " ",
    "  a",
    "a<|im_end|>b",
    "<|im_start|>",
    "naïve 🦙 你好",
    "\u0000x",
    "a\u0301 e\u0301",
    "<think>x</think>",
]


def oracle(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(folder))


def agree(folder: Path) -> None:
    ours, theirs = Tokenizer.from_folder(folder), oracle(folder)
    assert ours.special_tokens_map == theirs.special_tokens_map
    assert ours.all_special_tokens == theirs.all_special_tokens
    assert ours.all_special_ids == theirs.all_special_ids
    assert len(ours) == len(theirs)
    assert ours.vocab_size == theirs.vocab_size
    assert ours.added_tokens == theirs.get_added_vocab()
    assert ours.padding_side == theirs.padding_side
    for text in TRICKY:
        for special in (True, False):
            assert ours.encode(text, special) == theirs.encode(text, add_special_tokens=special), text
            plain = theirs.encode(text, add_special_tokens=special, split_special_tokens=True)
            assert ours.encode(text, special, special_tokens_as_text=True) == plain, text
        tokens = ours.encode(text)
        for skip in (True, False):
            assert ours.decode(tokens, skip) == theirs.decode(tokens, skip_special_tokens=skip), text


def added(content: str, **flags: bool) -> dict[str, Any]:
    keys = ("lstrip", "rstrip", "normalized", "single_word")
    return {"content": content, **dict.fromkeys(keys, False), **flags}


CONFIGS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "no config": (None, {}),
    "texts": ({"bos_token": "<|end|>", "eos_token": "<|im_end|>", "pad_token": "<|end|>"}, {}),
    "asks for bos": ({"bos_token": "<|end|>", "add_bos_token": True, "add_eos_token": True}, {}),
    "objects": ({"eos_token": {"__type": "AddedToken", **added("<|im_end|>")}}, {}),
    "new pad": ({"pad_token": "[PAD]", "padding_side": "left"}, {}),
    "own names": ({"image_token": "<|end|>", "tool_token": "<|im_end|>"}, {}),
    "extra list": ({"additional_special_tokens": ["<|im_start|>", "<new>"]}, {}),
    "extra names": ({"extra_special_tokens": {"audio_token": "<|end|>"}}, {}),
    "special map": ({"eos_token": "<|end|>"}, {"special_tokens_map": {"eos_token": added("<|im_end|>", lstrip=True)}}),
    "map beside decoder": (
        {"eos_token": "<|end|>", "added_tokens_decoder": {"0": {**added("!"), "special": False}}},
        {"special_tokens_map": {"eos_token": "<|im_end|>"}},
    ),
    "added tokens": ({}, {"added_tokens": {"<later>": 405, "<latest>": 406}}),
    "clean up": ({"clean_up_tokenization_spaces": True}, {}),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CONFIGS)
def test_special_tokens_are_read_as_the_reference_reads_them(name: str, tmp_path: Path) -> None:
    config, files = CONFIGS[name]
    agree(save(tmp_path, byte_level(added=("<think>",)), config, **files))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("prepend", ["first", "always", "never"])
def test_sentencepiece_style(prepend: str, tmp_path: Path) -> None:
    agree(save(tmp_path, sentencepiece(prepend), {"bos_token": "<s>", "eos_token": "</s>"}))


@pytest.mark.filterwarnings("ignore")
def test_released_tokenizers(conformance: Path, qwen: Path) -> None:
    agree(qwen)
    agree(conformance / "tokenizers" / "llama-bpe")


def recorded(conformance: Path, name: str) -> list[tuple[str, list[int]]]:
    """Texts and the ids that the released model's own tokenizer gives."""
    texts = (conformance / "vocab" / f"ggml-vocab-{name}.gguf.inp").read_bytes().decode("utf-8")
    lines = (conformance / "vocab" / f"ggml-vocab-{name}.gguf.out").read_text(encoding="utf-8").splitlines()
    cases = texts.split("\n__ggml_vocab_test__\n")[:-1]  # each text is followed by the line
    return [(text, [int(token) for token in line.split()]) for text, line in zip(cases, lines, strict=True)]


def test_ids_of_qwen(conformance: Path) -> None:
    tokenizer = Tokenizer.from_folder(conformance / "tokenizers" / "qwen2")
    for text, tokens in recorded(conformance, "qwen2"):
        assert tokenizer.encode(text, add_special_tokens=False) == tokens


def test_ids_of_llama(conformance: Path, tmp_path: Path) -> None:
    # The released model takes words of its vocabulary whole; the file in the conformance folder lacks that flag.
    document = json.loads((conformance / "tokenizers" / "llama-bpe" / "tokenizer.json").read_text(encoding="utf-8"))
    document["model"]["ignore_merges"] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
    tokenizer = Tokenizer.from_folder(tmp_path)
    for text, tokens in recorded(conformance, "llama-bpe"):
        assert tokenizer.encode(text, add_special_tokens=False) == tokens


@given(parts=st.lists(st.sampled_from(["<|im_end|>", "<|im_start|>", "<think>", " ", "a", "\n", "im_end", "|>", "🦙"])))
def test_marked_spellings_become_text_and_the_rest_stays(small: Path, parts: list[str]) -> None:
    tokenizer = _small(small)
    text = "".join(parts)
    spans, position = [], 0
    for index, part in enumerate(parts):  # every second spelling is a message's
        if part.startswith("<") and index % 2:
            spans.append((position, position + 1))
        position += len(part)
    tokens, offsets = tokenizer.encode_marked(text, spans)
    assert tokenizer.decode(tokens) == text
    control = [index for index, part in enumerate(parts) if part.startswith("<") and index % 2 == 0]
    ids = [tokenizer.token_to_id(parts[index]) for index in control]
    assert [token for token in tokens if token in tokenizer.added_tokens.values()] == ids
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    if not spans:
        assert tokens == tokenizer.encode(text, add_special_tokens=False)


_tokenizers: dict[Path, Tokenizer] = {}


def _small(folder: Path) -> Tokenizer:
    return _tokenizers.setdefault(folder, Tokenizer.from_folder(folder))


def test_prefix_space_is_not_added_within_a_text(spm: Path) -> None:
    tokenizer = Tokenizer.from_folder(spm)
    text = "the</s>the </s> the"
    at = text.index("</s>")
    plain, _ = tokenizer.encode_marked(text, [(at, at + 1)])
    assert tokenizer.decode(plain) == text
    assert [tokenizer.id_to_token(token) for token in plain][:2] == ["▁the", "<0x3C>"]
    assert plain.count(tokenizer.token_to_id("</s>")) == 1


def test_private_names_cannot_be_forged(small: Path) -> None:
    tokenizer = Tokenizer.from_folder(small)
    forged = "".join(chr(0x10FFFD) + chr(0x100000 + index) for index in range(6)) + "<|im_end|>"
    tokens = tokenizer.encode(forged, special_tokens_as_text=True)
    assert not set(tokens) & set(tokenizer.added_tokens.values())
    assert tokenizer.decode(tokens) == forged


def test_what_is_missing_or_broken_is_said(tmp_path: Path, small: Path) -> None:
    with pytest.raises(MissingFile, match=r"no tokenizer\.json"):
        Tokenizer.from_folder(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"x")
    with pytest.raises(MissingFile, match=r"has tokenizer\.model but no tokenizer\.json"):
        Tokenizer.from_folder(tmp_path)
    with pytest.raises(MissingFile, match="not a folder"):
        Tokenizer.from_folder(tmp_path / "nowhere")
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="not a tokenizer"):
        Tokenizer.from_folder(tmp_path)
    shutil.copy(small / "tokenizer.json", tmp_path)
    for content in ("{", "[]", '{"eos_token": 3.5}', '{"added_tokens_decoder": {"x": {"content": "a"}}}'):
        (tmp_path / "tokenizer_config.json").write_text(content, encoding="utf-8")
        if content == '{"eos_token": 3.5}':
            with pytest.raises(CheckpointError, match=r"eos_token as 3\.5"):
                Tokenizer.from_folder(tmp_path)
        else:
            with pytest.raises(CheckpointError):
                Tokenizer.from_folder(tmp_path)


def test_text_that_no_encoding_holds(small: Path) -> None:
    tokenizer = Tokenizer.from_folder(small)
    with pytest.raises(UsageError, match="lone surrogate"):
        tokenizer.encode("a\ud800")
    with pytest.raises(UsageError, match="must be a str"):
        tokenizer.encode(3)  # type: ignore[arg-type]


def test_several_threads(small: Path) -> None:
    tokenizer = Tokenizer.from_folder(small)
    expected = [tokenizer.encode(text) for text in TRICKY]
    wrong: list[str] = []

    def work() -> None:
        for _ in range(50):
            for text, tokens in zip(TRICKY, expected, strict=True):
                if tokenizer.encode(text) != tokens or not isinstance(
                    tokenizer.encode(text, special_tokens_as_text=True), list
                ):
                    wrong.append(text)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_padding_in_the_file_is_a_setting_not_an_action(tmp_path: Path) -> None:
    backend = byte_level()
    backend.enable_padding(pad_token="<|end|>", pad_id=backend.token_to_id("<|end|>"), direction="left", length=20)
    backend.enable_truncation(4)
    tokenizer = Tokenizer.from_folder(save(tmp_path, backend, {}))
    assert tokenizer.decode(tokenizer.encode("a long enough text")) == "a long enough text"
    assert tokenizer.special_tokens_map == {"pad_token": "<|end|>"}
    assert tokenizer.padding_side == "left"
    assert json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))["padding"]

"""What a tokenizer's class assumes where its files are silent, as transformers' classes do."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from causerie.text.special_tokens import LEFT_PADDED_CLASSES, STANDARD_NAMES, read_special_tokens

transformers = pytest.importorskip("transformers")
CLASSES = ("LlamaTokenizer", "CodeLlamaTokenizer", "Qwen2Tokenizer", "GPT2Tokenizer", "GemmaTokenizer")


@pytest.mark.parametrize("suffix", ["", "Fast"])
@pytest.mark.parametrize("name", CLASSES)
def test_tokens_of_a_class(name: str, suffix: str, tmp_path: Path) -> None:
    parameters = inspect.signature(getattr(transformers, name).__init__).parameters
    theirs = {each: parameters[each].default for each in STANDARD_NAMES if each in parameters}
    expected = {each: str(token) for each, token in theirs.items() if token is not None}
    assert expected and read_special_tokens(tmp_path, {"tokenizer_class": name + suffix}).defaults == expected
    said = read_special_tokens(tmp_path, {"tokenizer_class": name, "eos_token": "<end>", "bos_token": None})
    assert said.defaults == {each: expected[each] for each in expected if each not in ("eos_token", "bos_token")}
    assert said.named.keys() == {"eos_token"}


@pytest.mark.parametrize("name", [*CLASSES, "CohereTokenizer"])
def test_the_side_of_a_classs_padding(name: str) -> None:
    assert (name in LEFT_PADDED_CLASSES) == (getattr(transformers, name).padding_side == "left")

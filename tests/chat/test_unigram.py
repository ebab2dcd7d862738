"""Unigram tokenizers (llm-jp and others): their control tokens are pieces of the vocabulary, and likely ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from causerie.api.tokenizer.chat_tokenizer import ChatTokenizer

from .conftest import save

TEMPLATE = "{{ bos_token }}{% for message in messages %}{{ message.content }}</s>{% endfor %}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unigram with byte fallback, normalized by NFKC."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    control = [(token, 0.0) for token in ("<unk>", "<s>", "</s>")]
    letters = [(letter, -4.0) for letter in "▁abcdefghilmnorstuwy<>/"]
    vocabulary = [*control, *((f"<0x{byte:02X}>", -10.0) for byte in range(256)), *letters, ("▁Hello", -1.0)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([token for token, _ in control])
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "chat_template": TEMPLATE}
    return save(tmp_path_factory.mktemp("unigram"), tokenizer, config)


def theirs(folder: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(folder))


TEXTS = ["Hello", "Hello 🦙", "ﬁ", "the</s>end", "</s><s> a", "<unk>", "日本", ""]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("text", TEXTS)
def test_text_is_read_as_the_reference_reads_it(folder: Path, text: str) -> None:
    ours, reference = ChatTokenizer.from_folder(folder), theirs(folder)
    assert ours(text)["input_ids"] == reference(text)["input_ids"]
    assert ours.tokenize(text) == reference.tokenize(text)
    assert ours.decode(ours(text)["input_ids"]) == reference.decode(reference(text)["input_ids"])


@pytest.mark.parametrize("text", TEXTS)
def test_typed_control_tokens_stay_text(folder: Path, text: str) -> None:
    tokenizer = ChatTokenizer.from_folder(folder)
    tokens = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], sanitize_control_tokens=True, return_dict=False
    )
    control = [token for token in tokens if token in (0, 1, 2)]
    assert control == [1, 2]  # the template's own
    if "<" in text:
        assert tokenizer.decode(tokens) == f"<s>{text}</s>"

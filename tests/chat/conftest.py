"""Small tokenizers made here, and model folders around the conformance tokenizers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from causerie.text.tokenizer import Tokenizer

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXTS = [
    "Hello, world! The quick brown fox jumps over the lazy dog.",
    "user assistant system im_start im_end think a b c d e f",
    "naïve café — «quote» 你好 世界 12345  two spaces\n\nlines",
]


def save(folder: Path, tokenizer: Any, config: dict[str, Any] | None = None, **files: Any) -> Path:
    """A folder with this tokenizer, its configuration, and more files by name (".json" for objects)."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return folder


def byte_level(
    special: tuple[str, ...] = ("<|im_start|>", "<|im_end|>", "<|end|>"), added: tuple[str, ...] = ()
) -> Any:
    """A byte-level BPE tokenizer in the manner of GPT-2 and Qwen."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in added])
    return tokenizer


def sentencepiece(prepend: str = "first", strip: bool = True) -> Any:
    """A BPE tokenizer with byte fallback in the manner of Llama 2: spaces are marks, unknown characters bytes."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    pieces = ["<unk>", "<s>", "</s>", *[f"<0x{byte:02X}>" for byte in range(256)], "▁"]
    pieces += sorted(set("".join(TEXTS).replace(" ", "").replace("\n", "")) - set("世界你"))
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("l", "o"), ("▁", "▁")]
    pieces += ["".join(pair) for pair in merges]
    vocabulary = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    model = models.BPE(vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme=prepend, split=False)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + ([decoders.Strip(content=" ", left=1)] if strip else []))
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in ("<unk>", "<s>", "</s>")])
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the byte-level tokenizer and a ChatML template."""
    config = {"eos_token": "<|im_end|>", "pad_token": "<|end|>", "chat_template": CHATML, "model_max_length": 64}
    return save(tmp_path_factory.mktemp("small"), byte_level(added=("<think>", "</think>")), config)


@pytest.fixture(scope="session")
def spm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the byte-fallback tokenizer."""
    config = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return save(tmp_path_factory.mktemp("spm"), sentencepiece(), config)


@pytest.fixture(scope="session")
def qwen(conformance: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the Qwen 2 tokenizer and the Qwen 2.5 template, configured as the released model is."""
    folder = tmp_path_factory.mktemp("qwen")
    shutil.copy(conformance / "tokenizers" / "qwen2" / "tokenizer.json", folder)
    template = (conformance / "templates" / "Qwen-Qwen2.5-7B-Instruct.jinja").read_text(encoding="utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "add_bos_token": False,
        "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": 131072,
        "chat_template": template,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def qwen_tokenizer(qwen: Path) -> Tokenizer:
    return Tokenizer.from_folder(qwen)

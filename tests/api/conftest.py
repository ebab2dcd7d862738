"""A tiny model folder with everything a chat needs, made by transformers: the judge and we read the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM, AutoTokenizer, CausalLM
from causerie.api.machine.abilities import hardware, native_state, thread_count
from causerie.plan.machine_record import Fingerprint, MachineRecord
from causerie.settings import Settings

TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] -%}"
    "{{ raise_exception('Unexpected role ' + message['role']) }}{%- endif -%}"
    "{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CONTEXT = 256
TEXTS = [
    "Hello, how are you today? I am fine, thank you.",
    "The quick brown fox jumps over the lazy dog. 0123456789",
    "system user assistant: what is a token? A piece of text.",
]


def make_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer with ChatML's special tokens; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return tokenizer.get_vocab_size()


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two random layers in float32, wild enough that greedy answers vary."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("tiny")
    vocab = make_tokenizer(folder)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        initializer_range=0.3,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(folder: Path) -> Iterator[CausalLM]:
    """Our model of that folder, in float32."""
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu") as loaded:
        yield loaded


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Any:
    """Our tokenizer of that folder."""
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def theirs(folder: Path) -> Any:
    """transformers' model of that folder, in float32."""
    import torch
    from transformers import AutoModelForCausalLM as Reference

    return Reference.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="session")
def their_tokenizer(folder: Path) -> Any:
    """transformers' tokenizer of that folder, padding on the left as generating wants it."""
    from transformers import AutoTokenizer as Reference

    return Reference.from_pretrained(folder, padding_side="left")


@pytest.fixture
def measured(tmp_path: Path) -> Settings:
    """Those of a machine that was measured: 100 GB/s, and a tera of each arithmetic."""
    made = Settings(cache_folder=str(tmp_path))
    state = native_state(made)
    assert state.instruction_set is not None
    fingerprint = Fingerprint.of(hardware(), thread_count(None, made), state.instruction_set)
    peaks = dict.fromkeys(("float32", "bfloat16", "int8"), (1e12,))
    MachineRecord(fingerprint, "today", (50e9, 100e9, 200e9), peaks).save(tmp_path)
    return made

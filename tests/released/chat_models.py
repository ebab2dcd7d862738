"""Tiny models that chat: as transformers writes them, multimodal wholes where the released file is one, each with a
small tokenizer and a released chat template. Knows no backend."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.parity.cases.pictures import MODELS
from tests.parity.checkpoints import CASE_OF
from tests.parity.harness import model_of
from tests.parity.wholes import whole_of

_CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_GEMMA3 = ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>")
_GEMMA4 = ("<pad>", "<eos>", "<bos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|think|>")
_HARMONY = ("<|endoftext|>", "<|startoftext|>", "<|return|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>")
_LLAMA3 = ("<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")
_MISTRAL = ("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[THINK]", "[/THINK]")
_PICTURES = tuple(f"<picture {number}>" for number in range(4))  # tokens of what is no text
_QWEN = (*_CHATML, "<think>", "</think>")
_CONTEXT = 4096
_TEXTS = ["Hello, how are you today? I am fine, thank you.", "What is a token? A piece of text, 0123456789."]


@dataclass(frozen=True)
class ChatModel:
    """What is written: a family's model, the tokens of its template, and which of them begin and end texts."""

    family: str
    template: str  # in the conformance folder; where that has none of the family, the nearest one
    special: tuple[str, ...]
    end: str
    begin: str | None = None

    @property
    def reasons(self) -> bool:
        """Whether its template opens a reasoning that the model closes."""
        return self.template == "Qwen3.5-4B"


CHAT_MODELS = [
    ChatModel("mixtral", "mistralai-Mistral-Nemo-Instruct-2407", _MISTRAL, "</s>", "<s>"),
    ChatModel("qwen2_moe", "Qwen-Qwen2.5-7B-Instruct", _CHATML, "<|im_end|>"),
    ChatModel("dbrx", "Qwen-Qwen2.5-7B-Instruct", _CHATML, "<|im_end|>"),
    ChatModel("gpt_oss", "openai-gpt-oss-120b", _HARMONY, "<|return|>", "<|startoftext|>"),
    ChatModel("qwen3_5", "Qwen3.5-4B", _QWEN, "<|im_end|>"),
    ChatModel("qwen3_5_moe", "Qwen3.5-4B", _QWEN, "<|im_end|>"),
    ChatModel("gemma4", "google-gemma-4-31B-it-interleaved", _GEMMA4, "<turn|>", "<bos>"),
    ChatModel("gemma4_unified", "google-gemma-4-31B-it-interleaved", _GEMMA4, "<turn|>", "<bos>"),
    ChatModel("qwen3", "Qwen-Qwen3-0.6B", _QWEN, "<|im_end|>"),
    ChatModel("llama", "meta-llama-Llama-3.1-8B-Instruct", _LLAMA3, "<|eot_id|>", "<|begin_of_text|>"),
    ChatModel("qwen3_moe", "Qwen-Qwen3-0.6B", _QWEN, "<|im_end|>"),
    ChatModel("gemma3_text", "google-gemma-2-2b-it", _GEMMA3, "<end_of_turn>", "<bos>"),
    ChatModel("qwen2", "Qwen-Qwen2.5-7B-Instruct", _CHATML, "<|im_end|>"),
    ChatModel("mistral", "mistralai-Mistral-Nemo-Instruct-2407", _MISTRAL, "</s>", "<s>"),
    ChatModel("mistral3", "mistralai-Ministral-3-14B-Reasoning-2512", _MISTRAL, "</s>", "<s>"),
]


def save_chat_model(chat_model: ChatModel, templates: Path, folder: Path) -> Path:
    """Writes the model, which never says a special token, its tokenizer and its template."""
    import torch

    folder.mkdir(parents=True)
    special = (*chat_model.special, *_PICTURES)
    vocab = _save_tokenizer(chat_model, special, folder)
    template = (templates / f"{chat_model.template}.jinja").read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    model = _model(chat_model, vocab, special)
    with torch.no_grad():
        model.get_output_embeddings().weight[: len(special)] = 0.0
    model.generation_config.eos_token_id = special.index(chat_model.end)
    model.save_pretrained(folder)
    return folder


def _model(chat_model: ChatModel, vocab: int, special: tuple[str, ...]) -> Any:
    ids = {"eos_token_id": special.index(chat_model.end), "pad_token_id": 0}
    if chat_model.begin is not None:
        ids["bos_token_id"] = special.index(chat_model.begin)
    sizes: dict[str, Any] = {"vocab_size": vocab, "max_position_embeddings": _CONTEXT}
    if chat_model.family in CASE_OF:
        case = CASE_OF[chat_model.family]
        own = {"max_seq_len": _CONTEXT} if "max_seq_len" in case.changes else {}
        return model_of(replace(case, changes=case.changes | sizes | own | ids))
    pictures = next(each for each in MODELS if each.name == chat_model.family)
    if "vocab_size_per_layer_input" in pictures.text:
        sizes["vocab_size_per_layer_input"] = vocab
    meanings = {
        key: len(special) - 1 - at for at, key in enumerate(each for each in pictures.whole if "token_i" in each)
    }
    return whole_of(replace(pictures, text=pictures.text | sizes | ids, whole=pictures.whole | meanings))


def _save_tokenizer(chat_model: ChatModel, special: tuple[str, ...], folder: Path) -> int:
    """A byte-level BPE tokenizer of printable ASCII; returns the size of its vocabulary."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Replace(Regex(r"[^\n -~]"), "?")
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [
        "\u010a",
        "\u0120",
        *(chr(code) for code in range(33, 127)),
    ]  # what stands for newline and space, and ASCII
    trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=list(special), initial_alphabet=alphabet)
    tokenizer.train_from_iterator(_TEXTS, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": chat_model.end}
    config |= {"pad_token": special[0], "clean_up_tokenization_spaces": False}
    if chat_model.begin is not None:
        config["bos_token"] = chat_model.begin
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return int(tokenizer.get_vocab_size())

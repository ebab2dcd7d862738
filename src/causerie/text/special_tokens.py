"""Which tokens of a checkpoint are special and what they are called: bos, eos, pad and those a model names itself.

Reads tokenizer_config.json, special_tokens_map.json and added_tokens.json with the precedence that transformers 5.23
has, because chat templates are written against its result. It knows the files' formats and no tokenization.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causerie.checkpoint.json_object import read_optional_json
from causerie.errors import CheckpointError

STANDARD_NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")

# What a tokenizer class assumes when the checkpoint is silent. Only the families of chat models that rely on it; a
# default that the vocabulary lacks is dropped by the tokenizer instead of growing the vocabulary past the model's
# embeddings.
_CLASS_DEFAULTS: dict[str, dict[str, str]] = {
    "LlamaTokenizer": {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"},
    "CodeLlamaTokenizer": {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"},
    "Qwen2Tokenizer": {"unk_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"},
    "GPT2Tokenizer": {"unk_token": "<|endoftext|>", "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>"},
    "GemmaTokenizer": {
        "unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "mask_token": "<mask>",
    },
}  # fmt: skip
LEFT_PADDED_CLASSES = frozenset({"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"})


@dataclass(frozen=True)
class AddedToken:
    """A token that is matched in text before the vocabulary's own rules run. Flags as tokenizer.json defines them."""

    content: str
    special: bool = True
    single_word: bool = False
    lstrip: bool = False
    rstrip: bool = False
    normalized: bool = False


@dataclass(frozen=True)
class SpecialTokens:
    """Names of special tokens, further special tokens without a name, and tokens to add to the vocabulary by id."""

    named: dict[str, AddedToken]
    defaults: dict[str, str]
    extra: tuple[AddedToken, ...]
    added: dict[int, AddedToken]


def read_special_tokens(folder: Path, config: Mapping[str, Any]) -> SpecialTokens:
    """The special tokens of a model folder, given its tokenizer_config.json. CheckpointError for malformed entries."""
    merged = dict(config)
    added: dict[int, AddedToken] = {}
    if isinstance(config.get("added_tokens_decoder"), Mapping):
        for id_text, value in config["added_tokens_decoder"].items():
            added[_id(id_text)] = _added_token("added_tokens_decoder", value)
    else:  # the older files count only where the newer record is absent
        merged.update(read_optional_json(folder / "special_tokens_map.json"))
    if merged.get("extra_special_tokens") is None and "additional_special_tokens" in merged:
        merged["extra_special_tokens"] = merged["additional_special_tokens"]

    named: dict[str, AddedToken] = {}
    own_names = [key for key, value in merged.items() if key.endswith("_token") and isinstance(value, (str, Mapping))]
    for name in (*STANDARD_NAMES, *(key for key in own_names if key not in STANDARD_NAMES)):
        if merged.get(name) is not None:
            named[name] = _added_token(name, merged[name])
    extra_value = merged.get("extra_special_tokens") or []
    extra: tuple[AddedToken, ...] = ()
    if isinstance(extra_value, Mapping):
        named.update({name: _added_token(name, value) for name, value in extra_value.items()})
    elif isinstance(extra_value, list):
        extra = tuple(_added_token("extra_special_tokens", value) for value in extra_value)
    else:
        raise CheckpointError(f"{folder}: extra_special_tokens is {extra_value!r}; a list or an object was expected.")
    if "added_tokens_decoder" not in config:
        special = {token.content for token in (*named.values(), *extra)}
        for content, id_value in read_optional_json(folder / "added_tokens.json").items():
            is_special = content in special
            added[_id(id_value)] = AddedToken(content, special=is_special, normalized=not is_special)

    defaults = _CLASS_DEFAULTS.get(tokenizer_class(config), {})
    silent = {name: content for name, content in defaults.items() if name not in merged}
    return SpecialTokens(named, silent, extra, added)


def tokenizer_class(config: Mapping[str, Any]) -> str:
    """The class that tokenizer_config.json names, without the older suffix "Fast"; empty if it names none."""
    return str(config.get("tokenizer_class") or "").removesuffix("Fast")


def _id(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        number = -1
    if not 0 <= number < 2**31:
        raise CheckpointError(
            f"The tokenizer's files give an added token the id {value!r}; a whole number was expected."
        )
    return number


def _added_token(name: str, value: object) -> AddedToken:
    if isinstance(value, str):
        return AddedToken(value)
    if isinstance(value, Mapping) and isinstance(value.get("content"), str):
        flags = {key: bool(value.get(key, False)) for key in ("single_word", "lstrip", "rstrip", "normalized")}
        return AddedToken(value["content"], special=bool(value.get("special", True)), **flags)
    raise CheckpointError(
        f"The tokenizer's files give {name} as {value!r}; a text or an object with content was expected."
    )

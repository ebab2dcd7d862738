"""A GGUF file's tokenizer and what belongs to it, as tokenizer.json and tokenizer_config.json would say it.

Joins the rules of `token_rules.py` (or the file's own copy of tokenizer.json) with the names of special tokens, the
chat templates, and the tokens that end an answer. Knows keys and texts; it opens no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from causerie.errors import CheckpointError
from causerie.text.gguf.token_rules import token_rules
from causerie.text.gguf.vocabulary import CONTROL, ENDS, USER_DEFINED, GgufVocabulary, read_vocabulary
from causerie.text.special_tokens import SpecialTokens
from causerie.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer as RustTokenizer

_OWN_RULES = "tokenizer.huggingface.json"
_LARGEST_RULES = 2**28
_TEMPLATE = "tokenizer.chat_template"
_LARGEST_TEMPLATES = 2**22
_DEFAULT_IDS = {
    "llama": {"bos_token": 1, "eos_token": 2, "unk_token": 0},
    "t5": {"eos_token": 1, "unk_token": 2, "pad_token": 0},
    "bert": {"cls_token": 101, "sep_token": 102, "unk_token": 100, "pad_token": 0, "mask_token": 103},
}
"""What files of a kind leave out where it is as SentencePiece and BERT have it."""
_ENDINGS = frozenset(
    {
        "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
        "<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
        "<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[", "</s>",
    }
)  # fmt: skip
"""Spellings of tokens that end an answer, as llama.cpp has them: older files give no id of one."""


def tokenizer_from_metadata(metadata: Mapping[str, Any], file: str) -> Tokenizer:
    """The tokenizer that a GGUF file's metadata describes; `file` is what errors and `folder` call it. Raises
    CheckpointError where its keys do not fit together, Unsupported for a kind or rule that is not one of ours."""
    vocabulary = _with_default_ids(read_vocabulary(metadata, file))
    backend = _own_rules(metadata, vocabulary)
    if backend is None:
        backend = token_rules(vocabulary, str(metadata.get("general.name", "")))
    config: dict[str, Any] = {"clean_up_tokenization_spaces": False}
    templates = _templates(metadata, file)
    if templates:
        config["chat_template"] = templates
    length = metadata.get(f"{metadata.get('general.architecture')}.context_length")
    if isinstance(length, int):
        config["model_max_length"] = length
    tokenizer = Tokenizer(backend, SpecialTokens({}, {}, (), {}), config, file)
    for name, token_id in vocabulary.special.items():
        tokenizer.name_special(name, vocabulary.tokens[token_id])
    return tokenizer


def answer_ends(metadata: Mapping[str, Any], file: str) -> list[int]:
    """The ids of all tokens that end an answer: eos, eot and eom, and tokens that are spelled like one."""
    vocabulary = _with_default_ids(read_vocabulary(metadata, file))
    ends = [vocabulary.special[name] for name in ENDS if name in vocabulary.special]
    spelled = {
        vocabulary.tokens[index]: index
        for index in vocabulary.ids_of(CONTROL, USER_DEFINED)
        if vocabulary.tokens[index] in _ENDINGS
    }
    if {"<|return|>", "<|call|>"} <= spelled.keys() or {"<|flush|>", "<|calls|>"} <= spelled.keys():
        spelled.pop("<|end|>", None)  # ends a message there, and not the answer
    if "<|tool_response>" in spelled:
        spelled.pop("</s>", None)  # a token of HTML there
    return list(dict.fromkeys([*ends, *sorted(spelled.values())]))


def _with_default_ids(vocabulary: GgufVocabulary) -> GgufVocabulary:
    count = len(vocabulary.tokens)
    defaults = {name: token for name, token in _DEFAULT_IDS.get(vocabulary.kind, {}).items() if token < count}
    return replace(vocabulary, special={**defaults, **vocabulary.special})


def _own_rules(metadata: Mapping[str, Any], vocabulary: GgufVocabulary) -> RustTokenizer | None:
    """The tokenizer.json that a file carries whole, which says all that the other keys leave open."""
    text = metadata.get(_OWN_RULES)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > _LARGEST_RULES:
        raise CheckpointError(
            f"{vocabulary.file}: {_OWN_RULES} is no text of at most {_LARGEST_RULES} characters, as a tokenizer.json "
            "is. Take another conversion of the model."
        )
    from tokenizers import Tokenizer as RustTokenizer

    try:
        backend = RustTokenizer.from_str(text)
    except Exception as error:  # the library raises nothing more specific
        raise CheckpointError(
            f"{vocabulary.file}: {_OWN_RULES} is not a tokenizer.json that can be read: {error}. Take another "
            "conversion of the model."
        ) from error
    largest = max(backend.get_vocab(with_added_tokens=True).values(), default=-1)
    if largest >= len(vocabulary.tokens):
        raise vocabulary.refuse(
            "tokens", f"has {len(vocabulary.tokens)} entries and {_OWN_RULES} token {largest}", "both"
        )
    return backend


def _templates(metadata: Mapping[str, Any], file: str) -> dict[str, str]:
    """Chat templates by name; "default" is the one without a name."""
    templates = {}
    for key, text in metadata.items():
        if key != _TEMPLATE and not key.startswith(_TEMPLATE + "."):
            continue
        if not isinstance(text, str) or len(text) > _LARGEST_TEMPLATES:
            raise CheckpointError(
                f"{file}: {key} is no text of at most {_LARGEST_TEMPLATES} characters. Take another conversion of the "
                "model."
            )
        templates[key.removeprefix(_TEMPLATE).removeprefix(".") or "default"] = text
    return templates

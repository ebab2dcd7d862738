"""The options of a tokenizer's call: which are known, which do nothing, and what may be tokenized.

Knows no vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from causerie.errors import Unsupported, UsageError, unknown

NEUTRAL: dict[str, tuple[Any, ...]] = {
    "stride": (0,),
    "is_split_into_words": (False,),
    "return_overflowing_tokens": (False,),
    "text_target": (None,),
    "text_pair_target": (None,),
    "verbose": (True, False),
    "tokenizer_kwargs": (None, {}),
}
CALL_OPTIONS = (
    "text", "add_special_tokens", "padding", "truncation", "max_length", "pad_to_multiple_of", "padding_side",
    "return_tensors", "return_attention_mask", "return_token_type_ids", "return_special_tokens_mask",
    "return_offsets_mapping", "return_length", "split_special_tokens",
)  # fmt: skip


def refuse(options: Mapping[str, Any], neutral: Mapping[str, tuple[Any, ...]], kind: str, known: Sequence[str]) -> None:
    """Options of the field that we do not have pass with the values that do nothing, and are refused with others."""
    for name, value in options.items():
        if name not in neutral:
            raise unknown(kind, name, known)
        if not any(value is allowed or value == allowed for allowed in neutral[name]):
            raise Unsupported(f"{name}={value!r} is not supported by this tokenizer. Leave it out.")


def asked(value: bool | None, default: bool) -> bool:
    """An option that may be left to the tokenizer."""
    return default if value is None else bool(value)


def texts_of(text: Any) -> list[str]:
    """One text or several as a list. Raises UsageError for anything else."""
    if isinstance(text, str):
        return [text]
    if isinstance(text, (list, tuple)) and all(isinstance(each, str) for each in text):
        if text:
            return list(text)
        raise UsageError("The list of texts is empty. Give at least one text.")
    if isinstance(text, (list, tuple)) and text and isinstance(text[0], Mapping):
        raise UsageError("This is a chat, not text. Use apply_chat_template(chat, add_generation_prompt=True, …).")
    raise UsageError(f"Text to tokenize is a {type(text).__name__}; a str or a list of str was expected.")

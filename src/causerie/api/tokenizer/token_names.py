"""`TokenNames`: the tokens of a vocabulary by the field's names: which are special, and each as text and as a number.

Knows no chat and makes no tokens of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from causerie.api.tensors import to_lists
from causerie.errors import Unsupported, unknown
from causerie.text.special_tokens import STANDARD_NAMES
from causerie.text.tokenizer import Tokenizer


def _spelling(name: str) -> property:
    def get(self: TokenNames) -> str | None:
        return self.special_tokens_map.get(name)

    def put(self: TokenNames, value: str | None) -> None:
        self.set_special(name, value)

    return property(get, put, doc=f"The text of the {name.replace('_', ' ')}, None if the checkpoint has none.")


def _number(name: str) -> property:
    def get(self: TokenNames) -> int | None:
        return self.text.special_id(name)

    def put(self: TokenNames, value: int | None) -> None:
        self.set_special(name, None if value is None else self.convert_ids_to_tokens(value))

    return property(get, put, doc=f"The id of the {name.replace('_', ' ')}, None if the checkpoint has none.")


class TokenNames:
    """The vocabulary of a tokenizer. `text` is the tokenizer of this program."""

    bos_token = _spelling("bos_token")
    eos_token = _spelling("eos_token")
    unk_token = _spelling("unk_token")
    sep_token = _spelling("sep_token")
    pad_token = _spelling("pad_token")
    cls_token = _spelling("cls_token")
    mask_token = _spelling("mask_token")
    bos_token_id = _number("bos_token")
    eos_token_id = _number("eos_token")
    unk_token_id = _number("unk_token")
    sep_token_id = _number("sep_token")
    pad_token_id = _number("pad_token")
    cls_token_id = _number("cls_token")
    mask_token_id = _number("mask_token")

    def __init__(self, text: Tokenizer) -> None:
        self.text = text

    # --- tokens as text and as numbers ---

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The spelling of an id, or of each of several."""
        numbers = to_lists(ids)
        if isinstance(numbers, int):
            return self.text.id_to_token(numbers)
        skipped = set(self.all_special_ids) if skip_special_tokens else set()
        return [self.text.id_to_token(number) for number in numbers if number not in skipped]

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """The id of a token, or of each of several; the unknown token's id (or None) for those not in the
        vocabulary."""
        if isinstance(tokens, str):
            token_id = self.text.token_to_id(tokens)
            return self.unk_token_id if token_id is None else token_id
        return [self.convert_tokens_to_ids(token) for token in tokens]

    def convert_tokens_to_string(self, tokens: Sequence[str]) -> str:
        """The text of tokens given as the vocabulary spells them."""
        return self.text.decode_pieces(list(tokens))

    # --- the vocabulary and its special tokens ---

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary without added tokens."""
        return self.text.vocab_size

    def __len__(self) -> int:
        return len(self.text)

    def __bool__(self) -> bool:
        return True

    def get_vocab(self) -> dict[str, int]:
        """All tokens and their ids."""
        return self.text.vocabulary()

    @property
    def vocab(self) -> dict[str, int]:
        """All tokens and their ids."""
        return self.get_vocab()

    def get_added_vocab(self) -> dict[str, int]:
        """The tokens added to the vocabulary and their ids."""
        return dict(self.text.added_tokens)

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """Names and texts of special tokens, as templates see them."""
        return self.text.special_tokens_map

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a name of their own (extra_special_tokens in newer files)."""
        return list(self.text.extra_special_tokens)

    @property
    def extra_special_tokens(self) -> list[str]:
        """Special tokens without a name of their own."""
        return list(self.text.extra_special_tokens)

    @property
    def all_special_tokens(self) -> list[str]:
        """All special tokens, named or not."""
        return self.text.all_special_tokens

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of all special tokens."""
        return self.text.all_special_ids

    def set_special(self, name: str, content: str | None) -> None:
        """Names a token of the vocabulary as special ("pad_token", …)."""
        self.text.name_special(name, content)

    def add_tokens(self, new_tokens: Any, special_tokens: bool = False) -> int:
        """How many of these tokens were new: 0. Raises Unsupported for one that the vocabulary lacks, or that is not
        yet matched before its rules run."""
        tokens = [new_tokens] if isinstance(new_tokens, str) or not isinstance(new_tokens, Iterable) else new_tokens
        for token in map(str, tokens):
            if token not in self.text.added_tokens or (special_tokens and not self.text.is_special(token)):
                raise Unsupported(
                    f"{token!r} cannot be added: a model has no embedding for a token that it was not trained with. "
                    "Take a token that it has, or add it in transformers and train the model with it."
                )
        return 0

    def add_special_tokens(
        self, special_tokens_dict: Mapping[str, Any], replace_extra_special_tokens: bool = True
    ) -> int:
        """Names tokens of the vocabulary as special, as {"pad_token": "<|endoftext|>"}; returns how many were new: 0.
        Raises Unsupported for one that the vocabulary lacks, and for further special tokens without a name."""
        for name, token in special_tokens_dict.items():
            if name in ("additional_special_tokens", "extra_special_tokens"):
                self.add_tokens(token, special_tokens=True)
                if replace_extra_special_tokens and {*map(str, token)} != {*self.text.extra_special_tokens}:
                    raise Unsupported(f"{name} cannot be replaced; it is {list(self.text.extra_special_tokens)}.")
                continue
            if name not in STANDARD_NAMES:
                raise unknown("special token", name, (*STANDARD_NAMES, "extra_special_tokens"))
            if self.text.token_to_id(str(token)) is None:
                self.add_tokens(token)
            self.set_special(name, str(token))
        return 0

    def num_special_tokens_to_add(self) -> int:
        """How many tokens add_special_tokens adds to one text."""
        before, after = self.text.surrounding()
        return len(before) + len(after)

"""A checkpoint's tokenizer: text to tokens and back exactly as its tokenizer.json says, through the `tokenizers`
library.

It knows special tokens and their names; it knows no messages, no templates and no model. Decoding piece by piece is
`detokenize.py`; text whose typed control tokens must stay text goes through `plain_spelling.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from causerie.checkpoint.json_object import read_optional_json
from causerie.errors import CheckpointError, MissingFile, UsageError
from causerie.text.plain_spelling import PlainSpelling, Span, plain_spelling
from causerie.text.special_tokens import (
    LEFT_PADDED_CLASSES,
    STANDARD_NAMES,
    AddedToken,
    SpecialTokens,
    read_special_tokens,
    tokenizer_class,
)

if TYPE_CHECKING:
    from tokenizers import AddedToken as RustAddedToken
    from tokenizers import Tokenizer as RustTokenizer

_LARGEST_TOKENIZER = 256 * 1024 * 1024


class Tokenizer:
    """Text to tokens and back. Several threads may use it at once."""

    def __init__(self, backend: RustTokenizer, special: SpecialTokens, config: Mapping[str, Any], folder: str) -> None:
        self.folder = folder
        self.config = dict(config)
        self._backend = backend
        padding = backend.padding or {}
        backend.no_truncation()
        backend.no_padding()
        self._named = {name: token.content for name, token in special.named.items()}
        for name, content in special.defaults.items():
            if backend.token_to_id(content) is not None:
                self._named.setdefault(name, content)
        if padding.get("pad_token"):
            self._named.setdefault("pad_token", padding["pad_token"])
        self.extra_special_tokens = tuple(token.content for token in special.extra)
        _add_missing(backend, special)
        self.added_tokens = {token.content: id for id, token in sorted(backend.get_added_tokens_decoder().items())}
        self._special_added = {
            token.content for token in backend.get_added_tokens_decoder().values() if token.special
        }  # as the library sees them: what skip_special_tokens leaves out
        side = self.config.get("padding_side") or padding.get("direction")
        left = tokenizer_class(self.config) in LEFT_PADDED_CLASSES
        self.padding_side: str = side if side in ("left", "right") else ("left" if left else "right")
        self._plain: PlainSpelling | None = None
        decoder = backend.decoder
        self._decoder_rules: dict[str, Any] | None = None if decoder is None else json.loads(decoder.__getstate__())

    @staticmethod
    def from_folder(folder: Path | str) -> Tokenizer:
        """The tokenizer of a model folder. MissingFile without tokenizer.json, CheckpointError if it cannot be used."""
        folder = Path(folder)
        path = folder / "tokenizer.json"
        if not path.is_file():
            raise MissingFile(_what_is_missing(folder))
        if path.stat().st_size > _LARGEST_TOKENIZER:
            raise CheckpointError(f"{path} is larger than {_LARGEST_TOKENIZER} bytes; a tokenizer is far smaller.")
        config = read_optional_json(folder / "tokenizer_config.json")
        from tokenizers import Tokenizer as RustTokenizer

        try:
            backend = RustTokenizer.from_file(str(path))
        except Exception as error:  # the library raises nothing more specific for a damaged file
            raise CheckpointError(
                f"{path} is not a tokenizer that the tokenizers library can read: {error}. Download the file again."
            ) from error
        return Tokenizer(backend, read_special_tokens(folder, config), config, str(folder))

    # --- text to tokens ---

    def encode(self, text: str, add_special_tokens: bool = True, special_tokens_as_text: bool = False) -> list[int]:
        """Tokens of `text`. `add_special_tokens` adds what tokenizer.json's post-processor adds (often a bos token);
        with `special_tokens_as_text` the spelling of a special token in `text` gives ordinary tokens."""
        return self.encode_with_spans(text, add_special_tokens, special_tokens_as_text)[0]

    def encode_with_spans(
        self, text: str, add_special_tokens: bool = True, special_tokens_as_text: bool = False
    ) -> tuple[list[int], list[Span]]:
        """Tokens of `text` and the characters (start, end) each came from; (0, 0) for added ones."""
        _check_text(text)
        if special_tokens_as_text and any(token in text for token in self._special_added):
            tokens, spans = self._twin(text).encode(text, (), frozenset(self._special_added))
            before, after = self.surrounding() if add_special_tokens else ([], [])
            return before + tokens + after, [(0, 0)] * len(before) + spans + [(0, 0)] * len(after)
        encoding = self._backend.encode(text, add_special_tokens=add_special_tokens)
        return encoding.ids, encoding.offsets

    def pieces(self, text: str, add_special_tokens: bool = False) -> list[str]:
        """The tokens of `text` as the library spells them: mostly as the vocabulary does; an unknown one and one that
        takes spaces beside it as they stand in the text."""
        _check_text(text)
        return list(self._backend.encode(text, add_special_tokens=add_special_tokens).tokens)

    def encode_marked(self, text: str, plain: Sequence[Span]) -> tuple[list[int], list[Span]]:
        """As `encode_with_spans` without adding tokens, where added tokens spelled inside the character spans `plain`
        (sorted, not overlapping) become ordinary tokens. Everything else is tokenized exactly as by `encode`."""
        if not plain:
            return self.encode_with_spans(text, add_special_tokens=False)
        _check_text(text)
        return self._twin(text).encode(text, plain, frozenset())

    def _twin(self, text: str) -> PlainSpelling:
        self._plain = plain_spelling(self._backend, text, self._plain)
        return self._plain

    def surrounding(self) -> tuple[list[int], list[int]]:
        """Tokens which the post-processor puts before and after any text."""
        encoding = self._backend.encode("a", add_special_tokens=True)
        own = [index for index, added in enumerate(encoding.special_tokens_mask) if not added]
        return encoding.ids[: own[0]], encoding.ids[own[-1] + 1 :]

    # --- tokens to text ---

    def decode(
        self,
        tokens: Iterable[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
    ) -> str:
        """Text of `tokens`; ids that the vocabulary lacks give nothing. The clean-up (spaces before punctuation, by
        default as tokenizer_config.json says) is for WordPiece vocabularies and never applied to BPE, which it
        damages."""
        text = self._backend.decode(list(tokens), skip_special_tokens=skip_special_tokens)
        clean = clean_up_tokenization_spaces
        if clean is None:
            clean = bool(self.config.get("clean_up_tokenization_spaces", False))
        if clean and (type(self._backend.model).__name__ != "BPE" or self.config.get(_CLEAN_BPE_ANYWAY)):
            for spaced, joined in _CLEANED:
                text = text.replace(spaced, joined)
        return text

    def to_json(self) -> str:
        """All of it, as tokenizer.json says it."""
        return str(self._backend.to_str())

    def decoder_rules(self) -> dict[str, Any] | None:
        """tokenizer.json's decoder as an object, or None where it has none (tokens are then joined with spaces)."""
        return self._decoder_rules

    def decode_pieces(self, pieces: list[str]) -> str:
        """Text of token strings, as `decode` after looking them up."""
        decoder = self._backend.decoder
        return " ".join(pieces) if decoder is None else str(decoder.decode(pieces))

    # --- the vocabulary ---

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary without the tokens added to it (the field's meaning; `len()` counts all)."""
        return self._backend.get_vocab_size(with_added_tokens=False)

    def __len__(self) -> int:
        return self._backend.get_vocab_size(with_added_tokens=True)

    def vocabulary(self) -> dict[str, int]:
        """All tokens and their ids."""
        return self._backend.get_vocab(with_added_tokens=True)

    def token_to_id(self, token: str) -> int | None:
        """The id of a token, or None."""
        return self._backend.token_to_id(token)

    @property
    def backend(self) -> RustTokenizer:
        """The tokenizer of the `tokenizers` library. What is changed in it is changed here."""
        return self._backend

    def id_to_token(self, token_id: int) -> str | None:
        """The token of an id as the vocabulary spells it, or None."""
        return self._backend.id_to_token(token_id) if 0 <= token_id < 2**32 else None

    def is_special(self, token: str) -> bool:
        """Whether `skip_special_tokens` leaves this token out."""
        return token in self._special_added

    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that are matched before the vocabulary's own rules run, by their ids."""
        present = self._backend.get_added_tokens_decoder()
        return {id: AddedToken(token.content, **_flags(token)) for id, token in sorted(present.items())}

    # --- special tokens ---

    @property
    def special_tokens_map(self) -> dict[str, str]:
        """Names and spellings of special tokens (bos_token, eos_token, … and a model's own), as templates see them."""
        own = [name for name in self._named if name not in STANDARD_NAMES]
        return {name: self._named[name] for name in (*STANDARD_NAMES, *own) if name in self._named}

    @property
    def all_special_tokens(self) -> list[str]:
        """Spellings of named and further special tokens, each once."""
        return list(dict.fromkeys((*self.special_tokens_map.values(), *self.extra_special_tokens)))

    @property
    def all_special_ids(self) -> list[int]:
        """Ids of `all_special_tokens`."""
        ids = (self.token_to_id(token) for token in self.all_special_tokens)
        return [token_id for token_id in ids if token_id is not None]

    def special_id(self, name: str) -> int | None:
        """The id of a named special token such as "eos_token", or None where the checkpoint names none."""
        content = self._named.get(name)
        return None if content is None else self.token_to_id(content)

    def name_special(self, name: str, content: str | None) -> None:
        """Names `content` as the special token `name` (None forgets it). UsageError if the vocabulary lacks it."""
        if content is None:
            self._named.pop(name, None)
        elif self.token_to_id(content) is None:
            raise UsageError(f"{name} = {content!r} is not a token of this vocabulary; choose one that is.")
        else:
            self._named[name] = content

    @property
    def eos_id(self) -> int | None:
        """Id of the token that ends a text (generation_config.json may name more)."""
        return self.special_id("eos_token")


# The replacements of transformers' clean_up_tokenization, in its order.
_CLEANED = (
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"),
    (" 've", "'ve"), (" 're", "'re"),
)  # fmt: skip
_CLEAN_BPE_ANYWAY = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output"


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        raise UsageError(f"Text to tokenize must be a str, not {type(text).__name__}.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The text has a lone surrogate (U+{ord(text[error.start]):04X}) at character {error.start}, which no "
            "encoding of text can hold. Remove it, or decode the input with errors='replace'."
        ) from error


def _add_missing(backend: RustTokenizer, special: SpecialTokens) -> None:
    """Adds the special and added tokens that tokenizer.json lacks, or has with other flags, as transformers 5.23
    does."""
    present = backend.get_added_tokens_decoder()
    known_exactly = {_identity(token) for token in present.values()}
    missing = [token for _, token in sorted(special.added.items()) if _identity(token) not in known_exactly]
    known = {token.content for token in present.values()} | {token.content for token in missing}
    for token in (*special.named.values(), *special.extra):
        if token.content not in known:
            known.add(token.content)
            missing.append(
                AddedToken(token.content, True, token.single_word, token.lstrip, token.rstrip, token.normalized)
            )
    if missing:
        from tokenizers import AddedToken as RustAddedToken

        backend.add_tokens([RustAddedToken(token.content, **_flags(token)) for token in missing])


def _flags(token: AddedToken | RustAddedToken) -> dict[str, bool]:
    return {name: bool(getattr(token, name)) for name in ("single_word", "lstrip", "rstrip", "normalized", "special")}


def _identity(token: AddedToken | RustAddedToken) -> tuple[str, tuple[bool, ...]]:
    return token.content, tuple(_flags(token).values())


def _what_is_missing(folder: Path) -> str:
    if not folder.is_dir():
        return f"{folder} is not a folder, so it has no tokenizer.json. Give the folder of a model."
    others = [
        name for name in ("tokenizer.model", "spiece.model", "vocab.json", "tekken.json") if (folder / name).is_file()
    ]
    if others:
        return (
            f"{folder} has {others[0]} but no tokenizer.json, which is the form read here. Load it once with "
            "transformers' "
            "AutoTokenizer and call save_pretrained, which writes tokenizer.json, or take a copy of the model that "
            "has one."
        )
    return (
        f"{folder} has no tokenizer.json. Copy it from the model's page together with tokenizer_config.json, or give "
        "another folder."
    )

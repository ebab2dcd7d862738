"""Tokens to text one token at a time: what comes out never changes later, and all of it together is what decoding the
whole list gives, byte for byte, for any list of tokens. Knows no stop strings and no engine."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from causerie.text.decoders import Stage, build_stages, byte_level_bytes, fallback_byte
from causerie.text.tokenizer import Tokenizer


class Detokenizer:
    """The text of a growing list of tokens. `push` returns the new text that is certain: characters come when their
    last byte is there, and cost does not grow with the text. Joined with `finish` it equals
    `tokenizer.decode(tokens, skip_special_tokens, clean_up_tokenization_spaces=False)`."""

    def __init__(
        self, tokenizer: Tokenizer, skip_special_tokens: bool = False, shown_specials: Collection[str] = frozenset()
    ) -> None:
        """`shown_specials` are special tokens that come out all the same, as they are spelled."""
        self._tokenizer = tokenizer
        self._skip = skip_special_tokens
        self._shown_specials = frozenset(shown_specials)
        self._stages: list[Stage] | None = build_stages(tokenizer.decoder_rules())
        self._pieces: list[str] = []  # only where the decoder needs the whole list

    def left_out(self, spelling: str) -> int | None:
        """The special token that is spelled so and that this detokenizer leaves out; None where there is none."""
        return self._tokenizer.token_to_id(spelling) if self._leaves_out(spelling) else None

    def _leaves_out(self, spelling: str) -> bool:
        return self._skip and self._tokenizer.is_special(spelling) and spelling not in self._shown_specials

    def push(self, token: int) -> str:
        """The text that `token` makes certain; "" while a character is unfinished. Unknown ids give nothing."""
        piece = self._tokenizer.id_to_token(token)
        if piece is None or self._leaves_out(piece):
            return ""
        if self._stages is None:
            self._pieces.append(piece)
            return ""
        return self._through(self._stages, [piece])

    def follow(self, token: int) -> None:
        """What comes goes on after this token, whose text is known already: a space before it stays. Where the decoder
        needs the whole list it begins anew all the same."""
        if self._stages is not None:
            self.push(token)
            self._flush(self._stages)  # nothing of this token is left to come

    def push_all(self, tokens: Iterable[int]) -> str:
        """The text that several tokens make certain."""
        return "".join([self.push(token) for token in tokens])

    def finish(self) -> str:
        """What was held back, once no token follows. The detokenizer is then used up."""
        if self._stages is None:
            pieces, self._pieces = self._pieces, []
            return self._tokenizer.decode_pieces(pieces)
        return self._flush(self._stages)

    @classmethod
    def _flush(cls, stages: list[Stage]) -> str:
        return "".join(cls._through(stages[index + 1 :], stage.end()) for index, stage in enumerate(stages))

    @staticmethod
    def _through(stages: list[Stage], pieces: list[str]) -> str:
        for stage in stages:
            pieces = stage.feed(pieces)
        return "".join(pieces)


def token_bytes(tokenizer: Tokenizer, token: int) -> bytes:
    """The bytes that one token stands for wherever it comes, for lists of log-probabilities; b"" for unknown ids.

    A leading space belongs to the token, also where decoding a whole text drops it."""
    piece = tokenizer.id_to_token(token)
    if piece is None:
        return b""
    kinds = _decoder_kinds(tokenizer)
    if piece in tokenizer.added_tokens:
        return piece.encode("utf-8")
    if "ByteLevel" in kinds:
        return byte_level_bytes(piece)
    byte = fallback_byte(piece) if "ByteFallback" in kinds else None
    if byte is not None:
        return bytes([byte])
    marked = "Metaspace" in kinds or "Replace" in kinds
    return (piece.replace("\u2581", " ") if marked else piece).encode("utf-8")


def _decoder_kinds(tokenizer: Tokenizer) -> frozenset[str]:
    rules = tokenizer.decoder_rules() or {}
    return frozenset(str(step.get("type")) for step in [rules, *rules.get("decoders", [])])

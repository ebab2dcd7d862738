"""The decoders of tokenizer.json as stages that take tokens one at a time and never take text back.

Each stage repeats what the `tokenizers` library does to a whole list of token strings, with as little held back as that
allows. `build_stages` returns None for decoders (WordPiece, CTC, patterns) that need the whole list. The rules
were read off the library's behaviour and are tested against it. It knows neither ids nor special tokens.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Stage(Protocol):
    """One step of decoding. The joined output of all feeds and the end equals the step on the whole list."""

    def feed(self, pieces: list[str]) -> list[str]:
        """What is certain after these further pieces."""
        ...

    def end(self) -> list[str]:
        """What was held back, once no piece follows."""
        ...


def byte_level_alphabet() -> dict[str, int]:
    """The characters that stand for the 256 bytes in byte-level vocabularies (GPT-2's table): printable Latin-1
    characters stand for themselves, the other bytes for the characters from U+0100 on, in order."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {chr(byte): byte for byte in printable}
    others = [byte for byte in range(256) if byte not in set(printable)]
    table.update({chr(0x100 + index): byte for index, byte in enumerate(others)})
    return table


_ALPHABET = byte_level_alphabet()
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


def byte_level_bytes(piece: str) -> bytes:
    """Bytes of one byte-level token; a piece with any other character (an added token) is its UTF-8."""
    try:
        return bytes(_ALPHABET[character] for character in piece)
    except KeyError:
        return piece.encode("utf-8")


def fallback_byte(piece: str) -> int | None:
    """The byte of a token such as `<0x0A>`, None for other tokens."""
    match = _BYTE_TOKEN.match(piece)
    return int(match.group(1), 16) if match else None


class ByteLevel:
    """Tokens are bytes of UTF-8: characters appear when complete, impossible bytes as U+FFFD."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, pieces: list[str]) -> list[str]:
        return [self._utf8.decode(byte_level_bytes(piece)) for piece in pieces]

    def end(self) -> list[str]:
        return [self._utf8.decode(b"", final=True)]


class ByteFallback:
    """Runs of tokens such as `<0xE4>` become characters. A run is held until it ends: when it is not UTF-8 as a whole,
    the library writes one U+FFFD for each of its bytes, the well-formed ones included."""

    def __init__(self) -> None:
        self._run = bytearray()

    def feed(self, pieces: list[str]) -> list[str]:
        out: list[str] = []
        for piece in pieces:
            byte = fallback_byte(piece)
            if byte is None:
                out += self.end()
                out.append(piece)
            else:
                self._run.append(byte)
        return out

    def end(self) -> list[str]:
        run, self._run = bytes(self._run), bytearray()
        if not run:
            return []
        try:
            return [run.decode("utf-8")]
        except UnicodeDecodeError:
            return ["\ufffd"] * len(run)


class Replace:
    """One string for another in every piece."""

    def __init__(self, pattern: str, content: str) -> None:
        self._pattern, self._content = pattern, content

    def feed(self, pieces: list[str]) -> list[str]:
        return [piece.replace(self._pattern, self._content) for piece in pieces]

    def end(self) -> list[str]:
        return []


class StripPieces:
    """Up to `start` and `stop` copies of a character removed at the ends of every piece."""

    def __init__(self, content: str, start: int, stop: int) -> None:
        self._content, self._start, self._stop = content, start, stop

    def feed(self, pieces: list[str]) -> list[str]:
        return [self._strip(piece) for piece in pieces]

    def _strip(self, piece: str) -> str:
        left = min(self._start, len(piece) - len(piece.lstrip(self._content)))
        right = min(self._stop, len(piece) - len(piece.rstrip(self._content)))
        return piece[left : max(left, len(piece) - right)]

    def end(self) -> list[str]:
        return []


class StripWhole:
    """Up to `start` copies of a character removed at the beginning of the whole text (which an earlier step fused)."""

    def __init__(self, content: str, start: int) -> None:
        self._content, self._left = content, start

    def feed(self, pieces: list[str]) -> list[str]:
        out: list[str] = []
        for piece in pieces:
            cut = 0
            while cut < len(piece) and self._left and piece[cut] == self._content:
                cut += 1
                self._left -= 1
            if cut < len(piece):
                self._left = 0
                out.append(piece[cut:])
        return out

    def end(self) -> list[str]:
        return []


class Metaspace:
    """The mark of a space becomes a space; in the first piece it vanishes where encoding had put one there."""

    def __init__(self, mark: str, drops_first: bool, fused: bool) -> None:
        self._mark, self._drops, self._fused = mark, drops_first, fused

    def feed(self, pieces: list[str]) -> list[str]:
        out = []
        for piece in pieces:
            out.append(piece.replace(self._mark, "" if self._drops else " "))
            if not self._fused:
                self._drops = False
        return out

    def end(self) -> list[str]:
        return []


class JoinWithSpaces:
    """A tokenizer without a decoder: token strings with a space between."""

    def __init__(self) -> None:
        self._first = True

    def feed(self, pieces: list[str]) -> list[str]:
        out = []
        for piece in pieces:
            out.append(piece if self._first else " " + piece)
            self._first = False
        return out

    def end(self) -> list[str]:
        return []


def build_stages(rules: Mapping[str, Any] | None) -> list[Stage] | None:
    """Fresh stages for tokenizer.json's `decoder`; None where a step needs all tokens at once."""
    if rules is None:
        return [JoinWithSpaces()]
    steps: Sequence[Mapping[str, Any]] = rules.get("decoders", []) if rules.get("type") == "Sequence" else [rules]
    stages: list[Stage] = []
    fused = False
    for step in steps:
        if step.get("type") == "Fuse":
            fused = True
            continue
        stage = _stage(step, fused)
        if stage is None:
            return None
        stages.append(stage)
        fused = fused or isinstance(stage, ByteLevel)
    return stages


def _stage(step: Mapping[str, Any], fused: bool) -> Stage | None:
    kind = step.get("type")
    if kind == "ByteLevel" and not fused:
        return ByteLevel()
    if kind == "ByteFallback" and not fused:
        return ByteFallback()
    if kind == "Metaspace":
        return Metaspace(str(step["replacement"]), step.get("prepend_scheme", "always") != "never", fused)
    if kind == "Replace":
        pattern = step.get("pattern", {}).get("String")
        # After fusing, a longer pattern could lie across two pieces.
        if pattern and (len(pattern) == 1 or not fused):
            return Replace(pattern, str(step.get("content", "")))
    if kind == "Strip":
        content, start, stop = str(step["content"]), int(step["start"]), int(step["stop"])
        if not fused:
            return StripPieces(content, start, stop)
        if stop == 0:
            return StripWhole(content, start)
    return None

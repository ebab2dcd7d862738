"""Text token by token: joined it equals decoding all at once, for any tokens of any kind of vocabulary."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from causerie.text.decoders import build_stages
from causerie.text.detokenize import Detokenizer, token_bytes
from causerie.text.special_tokens import SpecialTokens
from causerie.text.tokenizer import Tokenizer

from .conftest import byte_level, sentencepiece

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ["🦙👩‍👩‍👧", "你好世界", "naïve", "  two", "\n\n", "▁", "Ġ", "<0x41>", "\ufffd"]
)


def _decoder(name: str) -> Any:
    from tokenizers import decoders

    bytes_then_space = [decoders.ByteFallback(), decoders.Metaspace()]
    return {
        "metaspace": decoders.Metaspace(),
        "metaspace never": decoders.Metaspace(prepend_scheme="never"),
        "fallback then metaspace": decoders.Sequence(bytes_then_space),
        "metaspace then fallback": decoders.Sequence(bytes_then_space[::-1]),
        "strip pieces": decoders.Sequence([decoders.Strip(content="e", left=1, right=0)]),
        "long replace": decoders.Sequence([decoders.Fuse(), decoders.Replace("the", "THE")]),
        "wordpiece": decoders.WordPiece(),
        "fused bytes": decoders.Sequence([decoders.ByteLevel(), decoders.Replace("e", "3"), decoders.Strip("H", 1, 0)]),
    }[name]


@cache
def tokenizer(kind: str) -> Tokenizer:
    if kind == "byte level":
        backend = byte_level(special=("<|im_end|>", "<｜begin▁of▁sentence｜>"), added=("<think>", "hello world", "é"))
    elif kind == "no decoder":
        backend = sentencepiece()
        backend.decoder = None
    elif kind.startswith("llama"):
        backend = sentencepiece(strip=kind == "llama")
    else:
        backend = sentencepiece()
        backend.decoder = _decoder(kind)
    return Tokenizer(backend, SpecialTokens({}, {}, (), {}), {}, "here")


KINDS = [
    "byte level", "llama", "llama without strip", "no decoder", "metaspace", "metaspace never",
    "fallback then metaspace", "metaspace then fallback", "strip pieces", "long replace", "wordpiece",
    "fused bytes",
]  # fmt: skip


@st.composite
def token_lists(draw: st.DrawFn, kind: str) -> list[int]:
    """Tokens of real text with any others (lone bytes, special, unknown ids) thrown in."""
    known = tokenizer(kind)
    parts = st.lists(st.integers(0, len(known) + 2), max_size=6) | TEXT.map(lambda text: known.encode(text, False))
    return [token for part in draw(st.lists(parts, max_size=6)) for token in part]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_joined_pieces_are_the_whole(kind: str, data: st.DataObject) -> None:
    known = tokenizer(kind)
    tokens = data.draw(token_lists(kind))
    skip = data.draw(st.booleans())
    detokenizer = Detokenizer(known, skip_special_tokens=skip)
    pieces = [detokenizer.push(token) for token in tokens]
    assert "".join(pieces) + detokenizer.finish() == known.decode(tokens, skip, False)


@given(pieces=st.lists(st.sampled_from(["", " ", "  ", "   ", " a", "a ", "a"]), max_size=6), left=st.integers(0, 4))
@example(pieces=[" ", "", " ", " a"], left=3)
def test_the_beginning_is_stripped_across_pieces(pieces: list[str], left: int) -> None:
    from tokenizers import decoders

    stages = build_stages(
        {
            "type": "Sequence",
            "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": left, "stop": 0}],
        }
    )
    assert stages is not None
    (stage,) = stages
    whole = decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", left, 0)]).decode(pieces)
    assert "".join(part for piece in pieces for part in stage.feed([piece])) == whole


@pytest.mark.parametrize("kind", ["byte level", "llama"])
@given(text=TEXT)
@example("🦙")
@example("\ufffd")
def test_no_replacement_character_for_an_unfinished_one(kind: str, text: str) -> None:
    known = tokenizer(kind)
    tokens = known.encode(text, False)
    whole = known.decode(tokens)
    detokenizer = Detokenizer(known)
    shown = ""
    for token in tokens:
        shown += detokenizer.push(token)
        assert whole.startswith(shown)


def test_pieces_come_as_soon_as_characters_are_whole() -> None:
    known = tokenizer("byte level")
    detokenizer = Detokenizer(known)
    pieces = [detokenizer.push(token) for token in known.encode("a🦙b", False)]
    assert [piece for piece in pieces if piece] == ["a", "🦙", "b"]


@pytest.mark.parametrize("kind", ["byte level", "llama"])
@given(text=TEXT)
def test_bytes_of_tokens_join_to_the_text(kind: str, text: str) -> None:
    known = tokenizer(kind)
    joined = b"".join(token_bytes(known, token) for token in known.encode(text, False)).decode("utf-8")
    plain = text.replace("▁", " ") if kind == "llama" else text
    assert joined in (plain, " " + plain)


def test_tokens_of_released_models(qwen_tokenizer: Tokenizer) -> None:
    tokens = list(range(0, len(qwen_tokenizer), 97))
    detokenizer = Detokenizer(qwen_tokenizer)
    assert detokenizer.push_all(tokens) + detokenizer.finish() == qwen_tokenizer.decode(tokens)
    assert token_bytes(qwen_tokenizer, 10**9) == b""


@pytest.mark.parametrize("kind", ["byte level", "llama", "metaspace", "no decoder"])
def test_what_follows_a_known_token_is_no_beginning(kind: str) -> None:
    """A text cut between any two tokens is whole again: with its spaces, and no character twice."""
    known = tokenizer(kind)
    tokens = known.encode("the bread rises \n\n two 🦙 é", False)
    whole, cuts = known.decode(tokens, False, False), 0
    for cut in range(1, len(tokens)):
        begun = known.decode(tokens[:cut], False, False)
        if not whole.startswith(begun) or "\ufffd" in begun:
            continue  # within a character
        detokenizer = Detokenizer(known)
        detokenizer.follow(tokens[cut - 1])
        assert begun + detokenizer.push_all(tokens[cut:]) + detokenizer.finish() == whole
        cuts += 1
    assert cuts > 10

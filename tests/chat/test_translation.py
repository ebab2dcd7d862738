"""Texts in the tokens of a second tokenizer, and back: however a text grew, it is what the whole of it is in the other
one's tokens, and what goes on is the guess's own text, in the tokens that the first tokenizer would have for it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as RustTokenizer
from tokenizers import decoders, models, pre_tokenizers, trainers

from causerie.builtin import builtin_model_path
from causerie.errors import Unsupported
from causerie.text.special_tokens import read_special_tokens
from causerie.text.tokenizer import Tokenizer
from causerie.text.translation import TokenTranslator

SAMPLE = """The café's naïve owner said: «Grüße aus Köln»!  She paid 12,345.67 € — twice…

    def f(x):  # tabs\tand   spaces
        return {"a": [x] * 3, "b": None}

日本語のテキストと한국어, русский текст, עברית، العربية. 🎉🎊👩‍👩‍👧 e\u0301 ﬁ
"""
WORDS = [
    "the",
    " the",
    "cat",
    " sat",
    "\n\n",
    "  ",
    " ",
    "é",
    "日本",
    "語",
    "🎉",
    "👩‍👧",
    "x = 1",
    "ing",
    "<",
    "|",
    "23",
    "'s",
]
texts = st.lists(st.sampled_from(WORDS), max_size=40).map("".join)


def trained() -> Tokenizer:
    """A small tokenizer of the style of SentencePiece: spaces are marked, and one is put before a text."""
    backend = RustTokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special, initial_alphabet=["▁"], show_progress=False)
    backend.train_from_iterator([SAMPLE, *WORDS], trainer)
    file = json.loads(backend.to_str())
    names = [*special, *bytes_, *(name for name in file["model"]["vocab"] if name not in special)]
    file["model"]["vocab"] = {name: number for number, name in enumerate(names)}
    config = {"bos_token": "<s>", "eos_token": "</s>"}
    rust = RustTokenizer.from_str(json.dumps(file))
    return Tokenizer(rust, read_special_tokens(Path("nowhere"), config), config, "marked")


@cache
def tokenizer(name: str) -> Tokenizer:
    return trained() if name == "marked" else Tokenizer.from_folder(builtin_model_path())


OURS, THEIRS = ("builtin", "marked"), ("qwen2", "llama-bpe")
PAIRS = [(one, other) for one in (*OURS, "qwen2") for other in (*OURS, *THEIRS)]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def pair(request: pytest.FixtureRequest) -> tuple[Tokenizer, Tokenizer]:
    """A model's tokenizer and a draft's."""
    one, other = (
        tokenizer(name)
        if name in OURS
        else Tokenizer.from_folder(request.getfixturevalue("conformance") / "tokenizers" / name)
        for name in request.param
    )
    return one, other


def test_however_a_text_grew_it_is_the_whole_of_it_in_other_tokens(pair: tuple[Tokenizer, Tokenizer]) -> None:
    model, draft = pair
    translator = TokenTranslator(model, draft)
    tokens = model.encode(3 * SAMPLE, add_special_tokens=False)
    whole = [*translator.beginning, *draft.encode(model.decode(tokens), add_special_tokens=False)]
    for stride in (1, 3, 50, len(tokens)):
        text = translator.begin()
        for end in range(stride, len(tokens) + stride, stride):
            grown = text.grow(tokens[:end])
        assert list(grown) == whole
        assert len(text._stretch) < 400, "all of the text is encoded again for each token"


@given(said=texts, guessed=texts)
def test_a_guess_goes_back_to_its_own_text(pair: tuple[Tokenizer, Tokenizer], said: str, guessed: str) -> None:
    model, draft = pair
    translator = TokenTranslator(model, draft)
    said = f"So{said}"  # the first space of a text is not told from none
    tokens = model.encode(said, add_special_tokens=False)
    text = translator.begin()
    whole = list(text.grow(tokens))
    guess = draft.encode(said + guessed, add_special_tokens=False)
    if guess[: len(whole)] != whole:  # the guess's first token would be another way to end what was said
        return
    guess = guess[len(whole) :]
    back, counts, _ = text.back(guess)
    assert model.decode([*tokens, *back]) == said + guessed[: len(guessed) if back else 0]
    assert counts == sorted(counts) and len(counts) == len(back)
    assert not back or counts[-1] == len(guess)
    canonical = model.encode(said + guessed, add_special_tokens=False)
    if canonical[: len(tokens)] == tokens:
        assert back == canonical[len(tokens) :]


@pytest.mark.parametrize("other", OURS)
@pytest.mark.parametrize("said", ["so 🎉 it", "so🎉🎉, it", "é日é"])
def test_half_a_character_is_left_out_and_gone_on_with(said: str, other: str) -> None:
    model, draft = tokenizer("builtin"), tokenizer(other)
    tokens, whole = (each.encode(said, add_special_tokens=False) for each in (model, draft))
    text = TokenTranslator(model, draft).begin()
    halves = checks = 0
    for end in range(1, len(tokens)):
        grown = list(text.grow(tokens[:end]))
        if model.decode(tokens[:end]).endswith("\ufffd"):
            halves += 1
            assert draft.decode(grown).strip() == model.decode(tokens[:end]).rstrip("\ufffd").strip()
            if grown == whole[: len(grown)]:
                checks += 1
                assert text.back(whole[len(grown) :])[0] == tokens[end:]
            assert text.back(draft.encode("x", add_special_tokens=False))[0] == [], "half a character and no end of it"
    assert halves > 1 and (checks == halves or other == "marked")


def test_control_tokens_are_called_by_the_other_ones_names_or_left_out() -> None:
    marked, builtin = tokenizer("marked"), tokenizer("builtin")
    tokens = builtin.encode("<|begin|><|user|>Hello<|end|>")
    assert list(TokenTranslator(builtin, builtin).begin().grow(tokens)) == tokens
    translator = TokenTranslator(builtin, marked)
    grown = list(translator.begin().grow(tokens))
    assert marked.decode(grown) == "Hello</s>"
    ends = translator.ends
    assert grown[-1] in ends and not set(grown[:-1]) & set(ends)


def test_a_guess_ends_before_a_control_token() -> None:
    builtin = tokenizer("builtin")
    translator = TokenTranslator(builtin, tokenizer("marked"))
    text = translator.begin()
    text.grow(builtin.encode("What is", add_special_tokens=False))
    guess = translator.draft.encode(" your name", add_special_tokens=False)
    expected = builtin.encode(" your name", add_special_tokens=False)
    assert text.back([*guess, translator.ends[0], *guess]) == (expected, text.back(guess)[1], True)
    assert text.back([translator.ends[0]]) == ([], [], False)


def test_whether_the_last_token_is_whole() -> None:
    builtin = tokenizer("builtin")
    text = TokenTranslator(builtin, builtin).begin()
    text.grow(builtin.encode("What is", add_special_tokens=False))
    words = builtin.encode(" your name", add_special_tokens=False)
    assert text.back(words)[2]
    letters = [builtin.token_to_id(letter) for letter in ("Ġ", "y", "o", "u")]
    assert text.back([letter for letter in letters if letter is not None])[2] is False


def test_a_tokenizer_that_needs_the_whole_text_is_refused() -> None:
    backend = RustTokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    backend.decoder = decoders.WordPiece()
    pieces = Tokenizer(backend, read_special_tokens(Path("nowhere"), {}), {}, "pieces")
    with pytest.raises(Unsupported, match="The tokenizer of pieces needs all tokens of a text"):
        TokenTranslator(tokenizer("builtin"), pieces)

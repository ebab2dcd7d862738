"""Words that may not come: what is forbidden is what a search of the whole text would find."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causerie import AutoModelForCausalLM, builtin_model_path
from causerie.api.generation.config import GenerationConfig
from causerie.errors import UsageError
from causerie.text.bad_words import BadWords
from causerie.text.detokenize import token_bytes
from causerie.text.tokenizer import Tokenizer

WORDS = ("the model", "aaba", "causerie", "é", "ab", "abab ", "\n\n")
tokenizer = Tokenizer.from_folder(Path(builtin_model_path()))
spellings = [
    b"" if tokenizer.is_special(str(tokenizer.id_to_token(token))) else token_bytes(tokenizer, token).lower()
    for token in range(len(tokenizer))
]
# Texts that walk along the words, and away from them.
texts = st.lists(
    st.sampled_from([*WORDS, *(word[:cut] for word in WORDS for cut in range(1, len(word))), " ", "x", "THE MOD"]),
    max_size=6,
).map("".join)


@given(prompt=texts, answer=texts, word=st.sampled_from(WORDS))
def test_what_would_complete_a_word_is_forbidden_and_nothing_else(prompt: str, answer: str, word: str) -> None:
    asked, said = (tokenizer.encode(text, add_special_tokens=False) for text in (prompt, answer))
    matcher = BadWords([word], tokenizer, len(tokenizer)).matcher(asked)
    matcher.advance(said)
    row = np.zeros(len(tokenizer), np.float32)
    matcher.forbid(row)
    end = b"".join(spellings[token] for token in [*asked, *said])
    # Only its newest end can be completed: what was written before is written.
    bad = word.encode().lower()
    end = end[max(0, len(end) - len(bad) + 1) :]
    expected = {token for token, spelling in enumerate(spellings) if spelling and bad in end + spelling}
    assert set(np.flatnonzero(np.isneginf(row)).tolist()) == expected


@pytest.mark.parametrize("value", [[""], ["  "], [7], "x" * 257, ["a"] * 65, 3])
def test_what_is_no_list_of_words_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="bad_words is"):
        GenerationConfig(bad_words=value)


def test_a_form_and_bad_words_are_asked_together() -> None:
    """Of two figures that one comes whose word is not banned."""
    with AutoModelForCausalLM.from_pretrained(builtin_model_path()) as model:
        form = {"type": "choice", "choice": ["7", "8"]}
        prompt = [tokenizer.encode("The number: ", add_special_tokens=False)]
        answers = [
            tokenizer.decode(model.generate(prompt, response_format=form, **words)[0][len(prompt[0]) :], True)
            for words in ({"bad_words": ["7"]}, {"bad_words": ["8"]})
        ]
    assert answers == ["8", "7"]

"""The first screen's questions suit the model."""

from __future__ import annotations

import pytest

from causerie.cli.chat.sample_questions import sample_questions


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("builtin", "temperature"),
        ("Qwen/Qwen2.5-Coder-7B-Instruct", "Python"),
        ("./models/deepseek-math-7b/", "100!"),
        ("google/medgemma-4b-it", "ECG"),
        ("smollm2", "bicycle"),
        ("/srv/code/llama", "bicycle"),
    ],
)
def test_two_questions_for_a_model(model: str, word: str) -> None:
    questions = sample_questions(model)
    assert word in questions[0] and len(set(questions)) == 2 and sum(map(len, questions)) < 72

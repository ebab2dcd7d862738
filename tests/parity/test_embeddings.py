"""Embeddings equal the mean of transformers' last hidden states, for every family and feature, in batches."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.api.embedding_vectors import POOLING, normalized
from causerie.backends.ops import Backend
from causerie.builtin import builtin_model_path
from causerie.engine.engine import Engine
from causerie.errors import ContextLengthError, UsageError
from tests.parity.cases import CASES, Case
from tests.parity.harness import load, reference, some_tokens

FolderOf = Callable[[Case | str], Path]


@cache
def expected_vectors(folder: Path) -> list[tuple[list[int], NDArray[np.float32]]]:
    """Prompts and what they are by transformers; kept, as each backend is compared with it."""
    judge = reference(folder)
    decoder = judge.model if judge.base_model is judge else judge.base_model  # Llama 4 says that it has no head
    vectors = []
    for count in (min(40, getattr(judge.config, "max_position_embeddings", 40)), 1, 9):
        prompt = some_tokens(count, count)
        with torch.no_grad():
            states = decoder(torch.tensor([prompt])).last_hidden_state[0]
        vectors.append((prompt, torch.nn.functional.normalize(states.mean(0), dim=0).numpy()))
    return vectors


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_family(case: Case, backend: Backend, folder_of: FolderOf) -> None:
    engine = Engine(load(folder_of(case), backend))
    vectors = expected_vectors(folder_of(case))
    numbers = [engine.submit(engine.request(prompt, POOLING)) for prompt, _ in vectors]
    means = {}
    while engine.busy:
        means |= {event.request: event.mean_state for event in engine.step()}
    for number, (_, expected) in zip(numbers, vectors, strict=True):
        np.testing.assert_allclose(normalized(means[number]), expected, atol=1e-5)


def test_the_built_in_model(backend: Backend) -> None:
    from transformers import AutoModel, AutoTokenizer

    folder = str(builtin_model_path())
    texts = ["What is a token?", "What are tokens?", "Grüße, 你好"]
    tokenizer, judge = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    with AutoModelForCausalLM.from_pretrained("builtin", backend=backend.name, dtype="float32") as model:
        found = model.embed(texts)
        assert found.shape == (3, model.step_model.spec.width) and found.dtype == np.float32
        assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
        assert found[0] @ found[1] > found[0] @ found[2]
        for text, vector in zip(texts, found, strict=True):
            with torch.no_grad():
                mean = judge(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
            np.testing.assert_allclose(vector, torch.nn.functional.normalize(mean, dim=0).numpy(), atol=1e-5)
            np.testing.assert_allclose(model.embed(tokenizer(text)["input_ids"]), vector, atol=1e-6)


def test_what_cannot_be_embedded() -> None:
    with AutoModelForCausalLM.from_pretrained("builtin") as model:
        for wrong, words in (([], "no texts"), ("", "no tokens"), (["Hi", []], "no tokens"), ([[10**6]], "1000000")):
            with pytest.raises(UsageError, match=words):
                model.embed(wrong)
        with pytest.raises(ContextLengthError):
            model.embed([[1] * 2049])
        assert model.embed([[1] * 2048]).shape == (1, model.step_model.spec.width)

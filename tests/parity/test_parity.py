"""Logits and greedy text equal those of transformers, for every family and every feature in configs.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import Backend
from tests.parity.cases import CASES, PROMPT, Case
from tests.parity.harness import (
    greedy,
    load,
    measure,
    prompt_logits,
    reference,
    reference_greedy,
    reference_logits,
    reference_padded,
    some_tokens,
)

FolderOf = Callable[[Case | str], Path]
ONE_EACH = [
    "llama, biases",
    "lfm2",
    "mistral",
    "mixtral",
    "gpt-oss",
    "glm4 with experts",
    "qwen2 with experts",
    "qwen3 with experts",
    "qwen2, upper layers slide",
    "qwen3",
]
ONE_EACH += ["gemma3n", "gemma4", "gemma4 with experts", "llama4", "laguna"]
ONE_EACH += ["phi", "stablelm, normed heads", "cohere2", "olmo, cut off, biases", "gpt2", "opt", "falcon, new", "bloom"]
ONE_EACH += ["deepseek v2", "deepseek v3, queries of the input, biases, yarn, one group"]
ONE_EACH += ["qwen3.5", "qwen3-next"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_logits_and_greedy_text(case: Case, backend: Backend, folder_of: FolderOf) -> None:
    found = measure(case.name, folder_of(case), backend)
    assert found.worst <= 1e-4
    assert found.greedy == found.tokens
    assert found.largest > 2  # a model whose logits are all alike would agree with anything


@pytest.mark.parametrize("name", [*ONE_EACH, "llama, dynamic rope"])
@pytest.mark.parametrize("chunk", [1, 5, 32])
def test_chunks_change_nothing(name: str, chunk: int, backend: Backend, folder_of: FolderOf) -> None:
    model = load(folder_of(name), backend)
    prompt = some_tokens(PROMPT, 3)
    whole, parts = (prompt_logits(model, [prompt], size)[0] for size in (None, chunk))
    np.testing.assert_allclose(parts, whole, atol=1e-4)


@pytest.mark.parametrize("name", ONE_EACH)
def test_a_padded_batch(name: str, backend: Backend, folder_of: FolderOf) -> None:
    prompts = [some_tokens(length, length) for length in (PROMPT, 3, 17, 1)]
    padded = reference_padded(folder_of(name), tuple(map(tuple, prompts)), 8)
    model = load(folder_of(name), backend)
    for logits, expected in zip(prompt_logits(model, prompts), padded.logits, strict=True):
        np.testing.assert_allclose(logits, expected, atol=1e-4)
    assert greedy(model, prompts, 8) == padded.greedy


def test_dynamic_rope_across_its_context(backend: Backend, folder_of: FolderOf) -> None:
    # The prompt fits the original context, the answer does not: each new token turns at the length it makes.
    folder = folder_of("llama, dynamic rope")
    prompt = some_tokens(20, 4)
    assert greedy(load(folder, backend), [prompt], 30) == [reference_greedy(reference(folder), prompt, 30)]


@cache
def halves(folder: Path, dtype: str) -> tuple[list[int], NDArray[np.float32], NDArray[np.float32]]:
    """A prompt, its logits by transformers in a half format, and those of exact arithmetic on the same weights."""
    prompt, judge = some_tokens(PROMPT, 5), reference(folder, dtype)
    return prompt, reference_logits(judge, prompt), reference_logits(judge.float(), prompt)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", [*ONE_EACH, "llama, yarn rope"])
def test_half_precision(name: str, dtype: str, backend: Backend, folder_of: FolderOf) -> None:
    # Exact arithmetic on the same rounded weights is the truth that both programs approximate. Each rounds activations
    # at its own places (we keep scores, shares and rotations in float32), so their logits differ from each other as
    # much as from the truth; what can be asked is that ours lie no farther from it than theirs do. The quarter is for
    # chance: both distances are sums of a few thousand roundings.
    folder = folder_of(name)
    prompt, theirs, truth = halves(folder, dtype)
    ours = prompt_logits(load(folder, backend, dtype=dtype), [prompt])[0]

    def distance(logits: np.ndarray) -> float:
        # Of rows the median: one whose scores are near a tie may go to another expert, in either program.
        return float(np.median(np.sqrt(np.square(logits - truth).mean(-1))))

    assert distance(ours) <= 1.25 * distance(theirs)
    assert distance(theirs) < 0.05 * truth.std()  # the comparison says something


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weights_as_stored(dtype: str, backend: Backend, folder_of: FolderOf, tmp_path: Path) -> None:
    # Stored in a half format and held in float32, numbers are those of the file exactly.
    judge = reference(folder_of("qwen2"), dtype)
    judge.save_pretrained(tmp_path)
    model = load(tmp_path, backend, dtype="float32")
    prompt = some_tokens(20, 6)
    np.testing.assert_allclose(prompt_logits(model, [prompt])[0], reference_logits(judge.float(), prompt), atol=1e-4)
    assert load(tmp_path, backend).format == dtype

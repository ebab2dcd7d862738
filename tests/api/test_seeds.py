"""Seeds that are set for the whole process, by ours, by transformers' set_seed and by torch: sampled answers repeat."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import causerie
from causerie import CausalLM, pipeline
from causerie.errors import UsageError

DRAWN = {"do_sample": True, "max_new_tokens": 12, "temperature": 1.3}


def answers(model: CausalLM, count: int = 3) -> list[list[int]]:
    return [model.generate([5, 6, 7], **DRAWN)[0] for _ in range(count)]


@pytest.mark.parametrize("seed", [causerie.set_seed, transformers.set_seed, torch.manual_seed])
def test_a_global_seed_repeats_sampled_answers(model: CausalLM, seed: Callable[[int], Any]) -> None:
    seed(0)
    first = answers(model)
    seed(0)
    assert answers(model) == first
    assert len({tuple(row) for row in first}) == 3  # the generator moves on
    seed(1)
    assert answers(model) != first
    assert answers(model) != answers(model)


@pytest.mark.parametrize("seed", [causerie.set_seed, transformers.set_seed])
def test_a_global_seed_repeats_pipelines_and_streams(model: CausalLM, seed: Callable[[int], Any]) -> None:
    pipe = pipeline("text-generation", model)

    def said() -> list[Any]:
        seed(3)
        rows = model.generate([[5, 6], [7]], **DRAWN, num_return_sequences=2)
        tokens = [event.token for event in model.stream([5, 6], **DRAWN)]
        return [rows, tokens, pipe("fox", max_new_tokens=8), "".join(pipe.stream("fox", max_new_tokens=8))]

    first = said()
    assert said() == first and len({tuple(row) for row in first[0]}) == 4


def test_a_calls_own_seed_goes_before_a_global_one(model: CausalLM) -> None:
    own = model.generate([5, 6, 7], **DRAWN, seed=4)
    causerie.set_seed(0)
    before = torch.get_rng_state()
    assert model.generate([5, 6, 7], **DRAWN, seed=4) == own
    model.generate([5, 6, 7], max_new_tokens=3)
    assert torch.equal(torch.get_rng_state(), before)  # neither a seeded nor a greedy answer uses the generator up


def test_set_seed_seeds_what_theirs_seeds() -> None:
    def drawn() -> list[float]:
        return [random.random(), float(np.random.rand()), float(torch.rand(1))]

    transformers.set_seed(5)
    expected = drawn()
    causerie.set_seed(5)
    assert drawn() == expected
    for wrong in (-1, 2**32, 1.5, "0", True):
        with pytest.raises(UsageError, match="seed is"):
            causerie.set_seed(wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="deterministic is 1"):
        causerie.set_seed(0, deterministic=1)  # type: ignore[arg-type]


WITHOUT_TORCH = """
import random, sys
from causerie import AutoModelForCausalLM, set_seed
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], device_map="cpu")
def drawn():
    return model.generate([5, 6, 7], do_sample=True, max_new_tokens=12)[0]
if sys.argv[2] != "none":
    set_seed(int(sys.argv[2]))
print(drawn(), drawn())
if sys.argv[2] != "none":
    set_seed(int(sys.argv[2]))
    assert "torch" not in sys.modules
    import torch
print(drawn())
"""


@pytest.mark.parametrize("seed", ["0", "none"])
def test_a_seed_holds_without_torch_and_for_a_torch_imported_later(model: CausalLM, folder: Path, seed: str) -> None:
    if model.backend != "native":
        pytest.skip("The torch backend imports torch.")
    runs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", WITHOUT_TORCH, str(folder), seed],
            capture_output=True,
            text=True,
            timeout=120,
        )
        for _ in range(2)
    ]
    assert all(run.returncode == 0 for run in runs), runs
    assert (runs[0].stdout == runs[1].stdout) is (seed == "0")

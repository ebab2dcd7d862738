"""How long a sequence may be: what a scaled rotation is made for, not what it was scaled from; and answers beyond."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from causerie import AutoModelForCausalLM
from causerie.errors import ConfigError, ContextLengthError
from causerie.models.registry import spec_from_config
from tests.parity.configs import PROMPT, TINY
from tests.parity.harness import reference, reference_greedy, some_tokens

LLAMA = TINY | {"model_type": "llama"}
OLD_LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


@pytest.mark.parametrize(
    ("changes", "context"),
    [
        ({}, 128),
        ({"rope_scaling": {"type": "linear", "factor": 4.0}}, 512),
        ({"rope_scaling": {"type": "dynamic", "factor": 2.5}}, 320),
        # Qwen2.5's README: the scaling is added and max_position_embeddings left as it was.
        ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}}, 512),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, 512),
        # DeepSeek, Qwen3: max_position_embeddings has the whole length already, or more.
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}}, 128),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 24}}, 128),
        ({"rope_scaling": OLD_LLAMA3 | {"original_max_position_embeddings": 32}}, 128),
        ({"rope_scaling": {"type": "linear", "factor": 1e14}}, 2**24),
    ],
    ids=str,
)
def test_a_scaling_makes_the_context_longer(changes: dict[str, Any], context: int) -> None:
    assert spec_from_config(LLAMA | changes).context == context


@pytest.mark.parametrize("case", ["llama, dynamic rope", "qwen3, tied head, dynamic rope", "llama, linear rope"])
def test_answers_go_beyond_the_original_context(case: str, folder_of: Callable[[str], Path]) -> None:
    # 24 and 20 positions scaled by 2.5 and 4; the prompt alone is longer than either.
    folder = folder_of(case)
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu", threads=1) as model:
        for length in (15, PROMPT):
            prompt = some_tokens(length, 3)
            answer = model.generate([prompt], max_new_tokens=15)[0][length:]
            assert answer == reference_greedy(reference(folder), prompt, 15)
        with pytest.raises(ContextLengthError, match=str(model.context)):
            model.generate([some_tokens(model.context)])


@pytest.mark.parametrize(
    ("family", "key", "harmless", "harmful"),
    [
        ("qwen2", "use_mrope", False, True),  # DeepSeek-R1-Distill-Qwen
        ("llama", "activation", "swiglu", "geglu"),  # Falcon 3
        ("llama", "max_sequence_length", 2048, None),  # Llama 1, Vicuna
    ],
)
def test_keys_of_published_configs(family: str, key: str, harmless: Any, harmful: Any) -> None:
    plain = TINY | {"model_type": family}
    assert spec_from_config(plain | {key: harmless}) == spec_from_config(plain)
    if harmful is not None:
        with pytest.raises(ConfigError, match=key):
            spec_from_config(plain | {key: harmful})

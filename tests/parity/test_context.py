"""How long a sequence may be: what transformers takes as the bound, however rotations are scaled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from causerie import AutoModelForCausalLM
from causerie.errors import ConfigError, ContextLengthError
from causerie.models.registry import spec_from_config
from tests.parity.cases import TINY
from tests.parity.harness import reference, reference_greedy, some_tokens

LLAMA = TINY | {"model_type": "llama"}
OLD_LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"rope_scaling": {"type": "linear", "factor": 4.0}},
        {"rope_scaling": {"type": "dynamic", "factor": 2.5}},
        # Qwen2.5's README: the scaling is added and max_position_embeddings left as it was.
        {"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}},
        {"rope_scaling": {"type": "yarn", "factor": 4.0}},
        # DeepSeek, Qwen3: max_position_embeddings has the whole length already, or more.
        {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}},
        {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 24}},
        {"rope_scaling": OLD_LLAMA3 | {"original_max_position_embeddings": 32}},
        {"rope_scaling": {"type": "linear", "factor": 1e14}},
    ],
    ids=str,
)
def test_context_is_the_bound_that_transformers_warns_at(changes: dict[str, Any]) -> None:
    theirs = LlamaConfig(**json.loads(json.dumps(TINY | changes)))
    # What its generate() stops and warns at; the rules of scaling change it nowhere.
    assert spec_from_config(LLAMA | changes).context == theirs.max_position_embeddings == 128


def test_linear_scaling_over_16384_has_a_context_of_16384() -> None:
    linear = {"max_position_embeddings": 16384, "rope_scaling": {"type": "linear", "factor": 4.0}}
    assert spec_from_config(LLAMA | linear).context == 16384


@pytest.mark.parametrize("case", ["llama, dynamic rope", "qwen3, tied head, dynamic rope", "llama, linear rope"])
def test_answers_end_at_the_context(case: str, folder_of: Callable[[str], Path]) -> None:
    folder = folder_of(case)
    with AutoModelForCausalLM.from_pretrained(folder, dtype="float32", device_map="cpu", threads=1) as model:
        prompt = some_tokens(model.context - 5, 3)
        answer = model.generate([prompt], max_new_tokens=5)[0][len(prompt) :]
        assert answer == reference_greedy(reference(folder), prompt, 5)
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

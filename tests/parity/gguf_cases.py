"""Tiny checkpoints of which a GGUF file can say everything, as llama.cpp's converter writes it. Data, and how they are
saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from causerie.models.config import read_config
from tests.parity.cases import CASES
from tests.parity.checkpoints import save_checkpoint
from tests.parity.harness import save_case

_BY_NAME = {case.name: case for case in CASES}


@dataclass(frozen=True)
class GgufCase:
    """A case of tests/parity/cases with some keys changed; or the checkpoint of a family that has no case."""

    name: str
    case: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    first_files: Mapping[str, Any] = field(default_factory=dict)  # written into config.json, which transformers reads


def save_gguf_case(case: GgufCase, folder: Path) -> Path:
    """Writes the checkpoint."""
    if case.case in _BY_NAME:
        known = _BY_NAME[case.case]
        save_case(replace(known, changes=known.changes | dict(case.changes)), folder)
    else:
        save_checkpoint(case.case, folder)
    if case.first_files:
        (folder / "config.json").write_text(json.dumps(read_config(folder) | dict(case.first_files)))
    return folder


GGUF_CASES = [
    GgufCase("llama", "llama, own head_dim"),
    GgufCase("llama-llama3", "llama, llama3 rope"),
    GgufCase("llama-linear", "llama, linear rope"),
    GgufCase(
        "llama-yarn",
        "llama, yarn with betas",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 64,
                "beta_fast": 4.0,
                "beta_slow": 0.5,
                "attention_factor": 1.7,
            }
        },
    ),
    GgufCase("llama-biases", "llama, biases"),
    GgufCase("llama-tied", "llama, tied head"),
    GgufCase("mixtral", "mixtral, three of five uneven experts"),
    GgufCase("qwen2", "qwen2"),
    GgufCase("qwen2moe", "qwen2 with experts"),
    GgufCase("qwen3", "qwen3, biases, own head_dim"),
    GgufCase("qwen3moe", "qwen3 with experts"),
    GgufCase("gemma", "gemma"),
    GgufCase("gemma2", "gemma2"),
    GgufCase(
        "gemma3",
        "gemma3",
        {
            "num_hidden_layers": 7,
            "layer_types": ["sliding_attention"] * 5 + ["full_attention", "sliding_attention"],
            "rope_parameters": {
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
                "sliding_attention": {"rope_type": "default", "rope_theta": 2500.0},
            },
        },
    ),
    GgufCase("phi3", "phi3, window and uneven heads"),
    GgufCase("phi3-longrope", "phi3, long texts"),
]

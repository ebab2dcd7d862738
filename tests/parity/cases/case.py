"""What a tiny model is: a few keys that all of them have, and those that its case changes. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PROMPT = 44  # tokens: more than every window and original context below

TINY: dict[str, Any] = {
    "vocab_size": 131,
    "hidden_size": 64,
    "intermediate_size": 88,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


@dataclass(frozen=True)
class Case:
    """A tiny model: TINY with some keys changed."""

    name: str
    family: str
    changes: dict[str, Any] = field(default_factory=dict, hash=False)
    lacks: tuple[str, ...] = ()  # keys of TINY that the family does not have

    @property
    def values(self) -> dict[str, Any]:
        """What the config class of the family is made with."""
        return {key: value for key, value in TINY.items() if key not in self.lacks} | self.changes

    @property
    def dynamic(self) -> bool:
        """Whether its rotations depend on the length of the whole prompt, so that batches differ from single ones."""
        return self.changes.get("rope_parameters", {}).get("rope_type") == "dynamic"


def rope(rope_type: str, **numbers: Any) -> dict[str, Any]:
    """The keys that say how heads turn."""
    return {"rope_parameters": {"rope_type": rope_type, "rope_theta": 10000.0, **numbers}}


LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
YARN = {"factor": 4.0, "original_max_position_embeddings": 32}

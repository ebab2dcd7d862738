"""GPT-NeoX and Pythia."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import CENTERED, attention_biased, dense


@gguf_architecture("gptneox")
def gptneox(m: Metadata) -> dict[str, Any]:
    """Halves of a layer are beside each other or one after the other."""
    return dense(m, "gpt_neox", "layer_norm_eps", CENTERED) | {
        "attention_bias": attention_biased(m),
        "use_parallel_residual": m.boolean("use_parallel_residual", True),
    }

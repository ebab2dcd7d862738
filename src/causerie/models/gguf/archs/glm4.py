"""GLM-4-0414 and GLM-Z1. Heads turn in pairs, but for those of models that see pictures."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import gate_and_up, paired_names, plain_names
from causerie.models.gguf.values import attention_biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """The rows of the gate come first."""
    names = plain_names(m, spec) if _sees(m) else paired_names(m, spec)
    return names | gate_and_up(spec)


def _sees(m: Metadata) -> bool:
    return any(m.integers("rope.dimension_sections", 4, 0))


@gguf_architecture("glm4", weights=weights)
def glm4(m: Metadata) -> dict[str, Any]:
    """A part of each head turns."""
    return dense(m, "glm4") | {"attention_bias": attention_biased(m)}

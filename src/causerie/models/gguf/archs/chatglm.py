"""GLM-4 9B, ChatGLM and GLM-Edge. Heads turn in pairs."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.names import gate_and_up, paired_names
from causerie.models.gguf.values import attention_biased, dense
from causerie.models.names import Table
from causerie.spec.decoder import Decoder


def weights(m: Metadata, spec: Decoder) -> Table:
    """The rows of the gate come first."""
    return paired_names(m, spec) | gate_and_up(spec)


@gguf_architecture("chatglm", weights=weights)
def chatglm(m: Metadata) -> dict[str, Any]:
    """A part of each head turns."""
    return dense(m, "glm") | {"attention_bias": attention_biased(m)}

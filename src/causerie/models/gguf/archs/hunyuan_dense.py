"""The dense Hunyuan models."""

from __future__ import annotations

from typing import Any

from causerie.models.gguf.architecture import gguf_architecture
from causerie.models.gguf.metadata import Metadata
from causerie.models.gguf.values import attention_biased, dense


@gguf_architecture("hunyuan-dense")
def hunyuan_dense(m: Metadata) -> dict[str, Any]:
    """Files have the base of rotations as it is after it was enlarged for long texts."""
    return dense(m, "hunyuan_v1_dense") | {"attention_bias": attention_biased(m)}

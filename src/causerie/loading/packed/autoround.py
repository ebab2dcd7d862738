"""Checkpoints of AutoRound, which packs as GPTQ or as AWQ does (`packing_format`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.errors import Unsupported
from causerie.loading.packed.awq import AwqTensors
from causerie.loading.packed.gptq import GptqTensors
from causerie.loading.packed.model_matrix import PackedTensors

METHODS = ("auto-round", "intel/auto-round")
_DEFAULT = "auto_round:auto_gptq"


def autoround_tensors(values: Mapping[str, Any]) -> PackedTensors:
    """Who reads them. Raises Unsupported for another packing."""
    packing = str(values.get("packing_format") or _DEFAULT)
    if "gptq" in packing:
        return GptqTensors({**values, "checkpoint_format": "gptq"})
    if "awq" in packing:
        return AwqTensors({**values, "version": "gemm"})
    raise Unsupported(
        f"quantization_config of config.json sets 'packing_format' to {packing!r}; of AutoRound's checkpoints those "
        "packed as 'auto_gptq' and 'auto_awq' are read. Use the float16 or bfloat16 checkpoint, with "
        "quantization='int4' for 4 bits."
    )

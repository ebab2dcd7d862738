"""Tensors of quantized checkpoints that no matrix is made of: those that say how activations, or keys and values in the
cache, were to be rounded, which are taken here as they are, more exactly; and biases of zeros."""

from __future__ import annotations

import re

from causerie.checkpoint.index import TensorIndex

_ROUNDING = re.compile(
    r"\.(?:(?:input|output|activation|input_activation|output_activation)_(?:global_)?(?:scale|zero_point|amax)"
    r"|(?:k|v|q|kv|prob)_(?:cache_)?(?:scale|zero_point)|kv_cache_scaling_factor|input_scale_ub)$"
)


def rounds_activations(tensor: str) -> bool:
    """Whether a tensor is such a one, by its name."""
    return _ROUNDING.search(tensor) is not None


def is_bias_of_zeros(tensor: str, index: TensorIndex) -> bool:
    """Whether it is what GPTQ's programs save beside every matrix, also where the model has no bias."""
    module = tensor.removesuffix(".bias")
    return module != tensor and f"{module}.qweight" in index and not index.read(tensor).any()

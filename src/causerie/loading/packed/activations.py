"""Tensors of quantized checkpoints that say how activations, or keys and values in the cache, were to be rounded. They
are read here as they are, more exactly, so that these tensors are left in their files."""

from __future__ import annotations

import re

_ROUNDING = re.compile(
    r"\.(?:(?:input|output|activation|input_activation|output_activation)_(?:global_)?(?:scale|zero_point|amax)"
    r"|(?:k|v|q|kv|prob)_(?:cache_)?(?:scale|zero_point)|kv_cache_scaling_factor|input_scale_ub)$"
)


def rounds_activations(tensor: str) -> bool:
    """Whether a tensor is such a one, by its name."""
    return _ROUNDING.search(tensor) is not None

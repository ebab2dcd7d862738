"""Embeddings of texts: the mean of a model's hidden states over a text's tokens, of length 1.

Knows no engine and no tokenizer by itself; `CausalLM.embed` hands it what it needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from causerie.decoding.params import SamplingParams
from causerie.errors import UsageError

Embedded: TypeAlias = NDArray[np.float32]
POOLING = SamplingParams(max_tokens=0, pool_states=True)
"""How the engine is asked for the mean state of a prompt."""


def normalized(mean: NDArray[np.float64] | None) -> Embedded:
    """A mean state [width] with length 1, as float32; one of length 0 stays as it is. Raises UsageError where a text's
    states hold no numbers."""
    if mean is None or not np.isfinite(mean).all():
        raise UsageError(
            "The model's hidden states hold NaN or infinite values, so there is no embedding. Its weights are damaged, "
            "or too large for the format they are held in: try another dtype."
        )
    length = float(np.sqrt(np.square(mean).sum()))
    return (mean / (length or 1.0)).astype(np.float32)


def is_tokens(inputs: object) -> bool:
    """Whether this is one text as token ids, and not several texts."""
    if isinstance(inputs, str) or not isinstance(inputs, Sequence):
        return False
    return len(inputs) > 0 and all(hasattr(each, "__index__") for each in inputs)

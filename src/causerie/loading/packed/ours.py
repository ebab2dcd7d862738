"""Checkpoints that `save_pretrained` wrote: beside each other `<tensor>.<array>` for each array of the format, and the
formats by tensor in config.json; input_factors.py says what may be there too. A part of a fused tensor is saved
alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from causerie.checkpoint.expression import Tensor
from causerie.checkpoint.index import TensorIndex
from causerie.errors import ConfigError
from causerie.loading.input_factors import factors_tensor
from causerie.loading.packed.model_matrix import ModelMatrix, PackedMatrix
from causerie.quant.formats import QUANTIZED

METHOD = "causerie"
VERSION, EVENED_VERSION = 1, 2
"""Of the layout that `save_pretrained` writes; where inputs are evened, which the first one knows nothing of."""
KEEPS_TYPES = "keeps_types"
"""The key that says that tensors which are not quantized have each a type of its own, in which they are held."""


def says_types(config: Mapping[str, Any]) -> bool:
    """Whether config.json says so."""
    values = config.get("quantization_config")
    return isinstance(values, Mapping) and values.get("quant_method") == METHOD and values.get(KEEPS_TYPES) is True


class SavedTensors:
    """Implements `model_matrix.PackedTensors`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Raises ConfigError for another version of the layout."""
        if values.get("version") not in (VERSION, EVENED_VERSION):
            raise ConfigError(
                f"The folder holds version {values.get('version')!r} of our quantized layout and this program reads "
                f"{VERSION} and {EVENED_VERSION}. Quantize the original model again."
            )
        self._formats = values.get("weights")

    def matrix(self, index: TensorIndex, matrix: ModelMatrix) -> PackedMatrix | None:
        """By the key of its expression."""
        if not isinstance(self._formats, Mapping):
            raise ConfigError(
                "quantization_config of config.json has no 'weights', which should give the format of each tensor."
            )
        tensor, shape = matrix.expression.key, matrix.shape
        name = self._formats.get(tensor)
        if name is None:
            return None
        if not isinstance(name, str) or name not in QUANTIZED:
            raise ConfigError(f"config.json says that {tensor!r} is held as {name!r}; known: {', '.join(QUANTIZED)}.")
        format = QUANTIZED[name]
        if (why := format.refusal(shape[1])) is not None:
            raise ConfigError(f"config.json says that {tensor!r}, {shape[1]} wide, is held as {name}, but {why}.")
        arrays = {array: Tensor(f"{tensor}.{array}") for array in format.buffers(shape)}
        packed = PackedMatrix(format, shape, arrays, factors=factors_tensor(index, tensor))
        packed.check(index)
        return packed

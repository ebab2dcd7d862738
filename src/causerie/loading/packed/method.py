"""How config.json says that its checkpoint is quantized, and who reads such ones: the table of the programs that write
them. Knows no tensor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed import awq, bitsandbytes, fp8, mxfp4, ours
from causerie.loading.packed.model_matrix import PackedTensors

KEY = "quantization_config"
METHODS: Mapping[str, Callable[[Mapping[str, Any]], PackedTensors]] = {
    ours.METHOD: ours.SavedTensors,
    bitsandbytes.METHOD: bitsandbytes.BitsAndBytesTensors,
    mxfp4.METHOD: mxfp4.Mxfp4Tensors,
    awq.METHOD: awq.AwqTensors,
    fp8.METHOD: fp8.Fp8Tensors,
    fp8.ROWWISE_METHOD: fp8.RowwiseFp8Tensors,
}


def method_of(config: Mapping[str, Any]) -> str | None:
    """How config.json says that its checkpoint is quantized: None, or a key of METHODS. Raises Unsupported for another
    way, ConfigError where it is not said."""
    values = config.get(KEY)
    if values is None or values == {}:
        return None
    if not isinstance(values, Mapping):
        raise ConfigError(f"config.json sets {KEY!r} to {type(values).__name__}; it must be an object.")
    method = values.get("quant_method")
    if method is None and (values.get("load_in_4bit") or values.get("load_in_8bit")):
        method = bitsandbytes.METHOD  # written before the field had a name for it
    if method not in METHODS:
        by = "in a way that config.json does not name (MLX?)" if method is None else f"by {method!r}"
        raise Unsupported(
            f"The checkpoint is quantized {by}; {', '.join(METHODS)} are read here. Use its float16 "
            "or bfloat16 checkpoint, with quantization='int4' for 4 bits."
        )
    return str(method)


def packed_tensors(config: Mapping[str, Any]) -> PackedTensors | None:
    """Who finds the quantized matrices of a checkpoint; None where all are plain. Raises as `method_of`, and
    ConfigError for what the method cannot be told."""
    method = method_of(config)
    return None if method is None else METHODS[method](config[KEY])


def without_method(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as the family reads it."""
    return {key: value for key, value in config.items() if key != KEY}

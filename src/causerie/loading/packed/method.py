"""How config.json says that its checkpoint is quantized, and who reads such ones: the table of the programs that write
them. Knows no tensor."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from causerie.errors import ConfigError, Unsupported
from causerie.loading.packed import (
    autoround,
    awq,
    bitsandbytes,
    compressed,
    fp8,
    gemma,
    gptq,
    mlx,
    modelopt,
    mxfp4,
    ours,
)
from causerie.loading.packed.model_matrix import PackedTensors

KEY = "quantization_config"
MLX_KEY = "quantization"
"""Where MLX says the same, and in old files alone."""
METHODS: Mapping[str, Callable[[Mapping[str, Any]], PackedTensors]] = {
    ours.METHOD: ours.SavedTensors,
    bitsandbytes.METHOD: bitsandbytes.BitsAndBytesTensors,
    mxfp4.METHOD: mxfp4.Mxfp4Tensors,
    awq.METHOD: awq.AwqTensors,
    gptq.METHOD: gptq.GptqTensors,
    **dict.fromkeys(autoround.METHODS, autoround.autoround_tensors),
    compressed.METHOD: compressed.CompressedTensors,
    **dict.fromkeys(mlx.METHODS, mlx.MlxTensors),
    modelopt.METHOD: modelopt.ModelOptTensors,
    gemma.METHOD: gemma.GemmaTensors,
    fp8.METHOD: fp8.Fp8Tensors,
    fp8.ROWWISE_METHOD: fp8.RowwiseFp8Tensors,
}

_ELSEWHERE: Mapping[str, str] = {
    "torchao": ", whose tensors are objects of torchao's classes",
    "exl3": ", whose codes run through a trellis",
    "exl2": ", whose layout is made for its own kernels",
    "hqq": ", whose layouts are made for its own kernels",
    "eetq": ", whose layout is made for its own kernels",
    "quanto": ", whose tensors are objects of quanto's classes",
    "aqlm": ", whose codes name vectors of a learned table",
    "vptq": ", whose codes name vectors of a learned table",
    "higgs": ", whose codes name points of a grid",
    "spqr": ", which keeps single weights apart",
    "bitnet": ", whose matrices were trained with activations in 8 bits",
}
"""What checkpoints of other programs are that are not read."""


def method_of(config: Mapping[str, Any]) -> str | None:
    """How config.json says that its checkpoint is quantized: None, or a key of METHODS. Raises Unsupported for another
    way, ConfigError where it is not said."""
    values = _said(config)
    if not values:
        return None
    method = values.get("quant_method")
    if method is None and (values.get("load_in_4bit") or values.get("load_in_8bit")):
        method = bitsandbytes.METHOD  # written before the field had a name for it
    if method is None and mlx.is_mlx(values):
        method = mlx.METHODS[0]
    if not isinstance(method, str) or method not in METHODS:
        by = "in a way that config.json does not name" if method is None else f"by {method!r}"
        what = _ELSEWHERE.get(str(method), "")
        raise Unsupported(
            f"The checkpoint is quantized {by}{what}; {', '.join(METHODS)} are read here. Use its float16 "
            "or bfloat16 checkpoint, with quantization='int4' for 4 bits."
        )
    return method


def packed_tensors(config: Mapping[str, Any]) -> PackedTensors | None:
    """Who finds the quantized matrices of a checkpoint; None where all are plain. Raises as `method_of`, and
    ConfigError for what the method cannot be told."""
    method = method_of(config)
    return None if method is None else METHODS[method](_said(config))


def without_method(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as the family reads it."""
    return {key: value for key, value in config.items() if key not in (KEY, MLX_KEY)}


def _said(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What config.json says of quantization; nothing where all is plain. Raises ConfigError for what is no object."""
    key = KEY if config.get(KEY) is not None else MLX_KEY
    values = config.get(key)
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise ConfigError(f"config.json sets {key!r} to {type(values).__name__}; it must be an object.")
    return values


def plain_names(config: Mapping[str, Any], tensors: Iterable[str]) -> frozenset[str]:
    """What tensors of a checkpoint would be called if it were plain, as far as that is another name."""
    if method_of(config) is None:
        return frozenset(tensors)
    return frozenset(_PACKED_NAME.sub(lambda name: _PLAIN[name[0]], tensor) for tensor in tensors)


_PLAIN = {
    ".qweight": ".weight",
    ".weight_packed": ".weight",
    ".embedding_quantized": ".weight",
    ".switch_mlp.": ".experts.0.",
}
_PACKED_NAME = re.compile(r"\.(?:qweight|weight_packed|embedding_quantized)$|\.switch_mlp\.")

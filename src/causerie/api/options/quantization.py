"""`BitsAndBytesConfig` under the field's names, and the short form `quantization="int4"`: both become a `QuantConfig`.

What bitsandbytes' formats mean is kept: the same layers, the same dequantized values. Knows no tensor and no backend.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from causerie.api.options.torch_names import dtype_name
from causerie.errors import Unsupported, UsageError, unknown
from causerie.quant.config import QuantConfig

_STORAGE = ("uint8", "int8", "float16", "bfloat16", "float32", "float64")
_MARKS = ("quant_method", "_load_in_4bit", "_load_in_8bit")  # to_dict() of the field says these as well


@dataclass(frozen=True)
class BitsAndBytesConfig:
    """The field's options of loading in 8 and 4 bits.

    load_in_8bit, load_in_4bit: one of the two. bnb_4bit_quant_type: "fp4" or "nf4". bnb_4bit_use_double_quant: also
    quantize the magnitudes. llm_int8_skip_modules: modules to leave as they are, as the checkpoint names them; by
    default the head, and given a list exactly those in it.

    Three options name how another program computes and change nothing here: bnb_4bit_compute_dtype, since sums are
    never coarser than it may ask for; bnb_4bit_quant_storage, the type under which packed bytes are kept; and
    llm_int8_threshold, since activations are not quantized by whole rows, so that large ones need no path of their own.
    """

    load_in_8bit: bool = False
    load_in_4bit: bool = False
    llm_int8_threshold: float = 6.0
    llm_int8_skip_modules: list[str] | None = None
    llm_int8_enable_fp32_cpu_offload: bool = False
    llm_int8_has_fp16_weight: bool = False
    bnb_4bit_compute_dtype: Any = "float32"
    bnb_4bit_quant_type: str = "fp4"
    bnb_4bit_use_double_quant: bool = False
    bnb_4bit_quant_storage: Any = "uint8"

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.type == "bool" and not isinstance(getattr(self, field.name), bool):
                raise UsageError(f"{field.name} is {getattr(self, field.name)!r}; it must be True or False.")
        if self.load_in_8bit and self.load_in_4bit:
            raise UsageError("load_in_8bit and load_in_4bit are both True; a weight has one of the two. Pass one.")
        if self.bnb_4bit_quant_type not in ("fp4", "nf4"):
            raise unknown("bnb_4bit_quant_type", self.bnb_4bit_quant_type, ("fp4", "nf4"))
        if isinstance(self.llm_int8_threshold, bool) or not isinstance(self.llm_int8_threshold, int | float):
            raise UsageError(f"llm_int8_threshold is {self.llm_int8_threshold!r}; it must be a number.")
        skip = self.llm_int8_skip_modules
        if skip is not None and not (isinstance(skip, list | tuple) and all(isinstance(name, str) for name in skip)):
            raise UsageError(f"llm_int8_skip_modules is {skip!r}; it must be a list of names, such as ['lm_head'].")
        compute = dtype_name(self.bnb_4bit_compute_dtype)
        object.__setattr__(self, "bnb_4bit_compute_dtype", "float32" if compute == "auto" else compute)
        storage = str(self.bnb_4bit_quant_storage or "uint8").removeprefix("torch.")
        if storage not in _STORAGE:
            raise unknown("bnb_4bit_quant_storage", storage, _STORAGE)
        object.__setattr__(self, "bnb_4bit_quant_storage", storage)
        if self.llm_int8_enable_fp32_cpu_offload:
            raise Unsupported("llm_int8_enable_fp32_cpu_offload=True spreads a model over devices; one holds it here.")
        if self.llm_int8_has_fp16_weight:
            raise Unsupported("llm_int8_has_fp16_weight=True keeps weights for training, which is not done here.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as the field writes them into config.json."""
        return {"quant_method": "bitsandbytes", **{field.name: getattr(self, field.name) for field in fields(self)}}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> BitsAndBytesConfig:
        """The config of such values. Raises UnknownName for a key that is none of the field's."""
        known = {field.name for field in fields(BitsAndBytesConfig)}
        options = {name: value for name, value in values.items() if name not in _MARKS}
        for name in options:
            if name not in known:
                raise unknown("option of BitsAndBytesConfig", name, known)
        return BitsAndBytesConfig(**options)

    def to_json_string(self) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def quantization(self) -> QuantConfig | None:
        """What it means here; None where it asks for neither 8 nor 4 bits."""
        if not (self.load_in_8bit or self.load_in_4bit):
            return None
        double = "_double" if self.bnb_4bit_use_double_quant else ""
        format = "bnb_int8" if self.load_in_8bit else f"{self.bnb_4bit_quant_type}{double}"
        skip = self.llm_int8_skip_modules
        # A list replaces the default, which is to leave the head alone.
        return QuantConfig(format) if skip is None else QuantConfig(format, head=format, skip=tuple(skip))


def quant_config(quantization: Any, config: Any) -> QuantConfig | None:
    """The one of `quantization` (a name, "none" or a QuantConfig) and `config` (a BitsAndBytesConfig, ours or the
    field's own, or its dictionary) that was given. Raises UsageError where both were, UnknownName for a name."""
    if quantization is not None and config is not None:
        raise UsageError(
            f"quantization={quantization!r} and quantization_config ask for one thing in two ways; pass one of them."
        )
    if config is not None:
        return _of_config(config).quantization()
    if quantization is None or quantization == "none" or isinstance(quantization, QuantConfig):
        return None if isinstance(quantization, str) else quantization
    if not isinstance(quantization, str):
        raise UsageError(f"quantization is {quantization!r}; it must be a name such as 'int4', or 'none'.")
    return QuantConfig.named(quantization)


def _of_config(config: Any) -> BitsAndBytesConfig:
    if isinstance(config, BitsAndBytesConfig):
        return config
    if not isinstance(config, Mapping) and type(config).__name__ == "BitsAndBytesConfig":
        config = config.to_dict()  # the field's own, of transformers
    if not isinstance(config, Mapping):
        raise Unsupported(
            f"quantization_config is {type(config).__name__}; BitsAndBytesConfig is known here, and "
            "quantization='int8' or 'int4' are Causerie's own formats."
        )
    method = str(config.get("quant_method", "bitsandbytes")).rpartition(".")[2].lower()
    if method not in ("bitsandbytes", "bits_and_bytes"):
        raise Unsupported(f"quantization_config says quant_method={method!r}; 'bitsandbytes' is known here.")
    return BitsAndBytesConfig.from_dict(config)

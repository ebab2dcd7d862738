"""Devices and element types by name, equal to torch's own objects without importing torch.

`model.device` can be handed to a tensor's `.to(...)` and compared with torch.device("cpu"); `model.dtype` is
torch.bfloat16 itself where torch is imported, else a text that equals it. Knows no backend.
"""

from __future__ import annotations

import sys
from typing import Any

from causerie.errors import UsageError, unknown
from causerie.quant.cache_format import CACHE_FORMATS
from causerie.quant.weight import FORMATS


class DeviceName(str):
    """A device's name, such as "cpu" or "cuda:0"."""

    __slots__ = ()

    @property
    def type(self) -> str:
        """ "cpu", "cuda", … without the number."""
        return self.partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]  # torch.device has it as a number, a text as a method
        """The number of the device, None where the name has none."""
        number = self.partition(":")[2]
        return int(number) if number else None

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other if isinstance(other, str) else str(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class DType(str):
    """An element type's name: "float32", "float16" or "bfloat16"."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, str(other).removeprefix("torch."))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def dtype_object(name: str) -> Any:
    """The torch dtype of this name where torch is imported, else the name as a DType."""
    return getattr(sys.modules.get("torch"), name, None) or DType(name)


def dtype_name(dtype: Any) -> str:
    """ "auto", "float32", "float16" or "bfloat16" for a text, a torch dtype or None (auto). Raises UnknownName."""
    if dtype is None:
        return "auto"
    name = str(dtype).removeprefix("torch.")
    if name != "auto" and name not in FORMATS:
        raise unknown("dtype", dtype, ("auto", *FORMATS))
    return name


def cache_dtype_name(dtype: Any) -> str | None:
    """The cache's format for a text or a torch dtype; None for "auto" and None. Raises UnknownName."""
    name = "auto" if dtype is None else str(dtype).removeprefix("torch.")
    if name != "auto" and name not in CACHE_FORMATS:
        raise unknown("cache dtype", dtype, ("auto", *CACHE_FORMATS))
    return None if name == "auto" else name


def device_name(device_map: Any) -> str:
    """ "auto", "cpu", "cuda", "cuda:0", … for what the field takes as device_map or device: a text, a number (a CUDA
    device, -1 the CPU), a torch.device, {"": any of these}, or None (auto). Raises UsageError."""
    if isinstance(device_map, dict):
        if set(device_map) != {""}:
            raise UsageError(
                f"device_map={device_map!r} puts parts of a model in several places; a model stays in one here. "
                'Pass device_map="auto", "cpu", "cuda:0", or {"": "cuda:0"}.'
            )
        return device_name(device_map[""])
    if device_map is None:
        return "auto"
    if isinstance(device_map, int) and not isinstance(device_map, bool):
        return f"cuda:{device_map}" if device_map >= 0 else "cpu"
    name = str(device_map)
    if isinstance(device_map, bool) or not name or name.partition(":")[0] not in _DEVICES:
        raise unknown("device", device_map, _DEVICES)
    return name


_DEVICES = ("auto", "cpu", "cuda", "mps", "balanced", "balanced_low_0", "sequential", "disk")

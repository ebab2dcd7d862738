"""The one corner where torch objects come in and go out. Torch is imported only when a caller asks for its tensors;
whether a value is one is seen without importing it. Knows no model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from causerie.errors import BackendUnavailable, UsageError, unknown

if TYPE_CHECKING:
    import numpy as np
    import torch

TENSOR_KINDS = ("pt", "np")


def is_torch(value: object) -> bool:
    """Whether a value is a torch tensor. Without torch in this process nothing can be one."""
    torch = sys.modules.get("torch")
    tensor = getattr(torch, "Tensor", None)
    return tensor is not None and isinstance(value, tensor)


def is_torch_imported() -> bool:
    """Whether this process has imported torch, so that its objects cost nothing."""
    return hasattr(sys.modules.get("torch"), "Tensor")


def is_numpy(value: object) -> bool:
    """Whether a value is a numpy array. Does not import numpy."""
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    return array is not None and isinstance(value, array)


def to_torch(value: Any, device: Any = None) -> torch.Tensor:
    """A torch tensor of lists, a numpy array, or a tensor. BackendUnavailable if torch is not installed."""
    try:
        import torch
    except ImportError as error:
        raise BackendUnavailable(
            "return_tensors='pt' needs torch, which is not installed. Run: pip install causerie[torch], or use "
            "return_tensors='np'."
        ) from error
    if isinstance(value, torch.Tensor):
        tensor = value
    elif is_numpy(value):
        tensor = torch.from_numpy(value.copy())
    else:
        tensor = torch.tensor(value)
    return tensor if device is None else tensor.to(device)


def to_numpy(value: Any) -> np.ndarray[Any, Any]:
    """A numpy array of lists, an array, or a torch tensor (copied from its device; bfloat16 becomes float32)."""
    import numpy as np

    if is_torch(value):
        detached = value.detach().cpu()
        if str(detached.dtype) == "torch.bfloat16":  # numpy has no such type
            detached = detached.float()
        return np.asarray(detached.numpy())
    return np.asarray(value)


def to_lists(value: Any) -> Any:
    """Plain Python numbers and lists of a tensor, an array, a scalar of either, or nested lists of these."""
    if is_torch(value) or is_numpy(value):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [to_lists(item) for item in value]
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        return value.item()
    return value


def to_kind(value: Any, kind: str | None) -> Any:
    """Lists as they are (None), as a torch tensor ("pt") or as a numpy array ("np"). UsageError for rows of unequal
    length, UnknownName for another kind."""
    name = getattr(kind, "value", kind)  # the field also has an enumeration
    if name is None:
        return value
    if name not in TENSOR_KINDS:
        raise unknown("return_tensors", name, TENSOR_KINDS)
    if isinstance(value, list) and value and isinstance(value[0], list) and len({len(row) for row in value}) > 1:
        lengths = sorted({len(row) for row in value})
        raise UsageError(
            f"Rows of {lengths[0]} to {lengths[-1]} tokens cannot be one tensor. Pass padding=True, or leave "
            "return_tensors out."
        )
    if name == "pt":
        tensor = to_torch(value)
        return tensor.long() if tensor.numel() == 0 else tensor
    import numpy as np

    return np.asarray(value, dtype=np.int64)

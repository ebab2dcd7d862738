"""The arguments of the field's forward(): those that are done, those that ask for nothing, and the rest, by name.

Knows no model and no tensor but the logits it is handed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.api.generation.resolution import refuse_arguments
from causerie.api.tensors import to_numpy
from causerie.errors import Unsupported, UsageError

_FOREIGN = {
    "labels": "Training is not what this program does.",
    "output_attentions": "Layers are not observable.",
    "output_hidden_states": "Layers are not observable.",
}
_KNOWN = ("input_ids", "attention_mask", "logits_to_keep", "return_dict", "use_cache")


@dataclass(frozen=True)
class ForwardCall:
    """What one call of a model asks of its output. `use_cache` changes nothing: logits are the same with either."""

    columns: slice | NDArray[np.int64]  # which columns of the logits
    return_dict: bool = True

    @staticmethod
    def read(arguments: Mapping[str, Any]) -> ForwardCall:
        """Raises Unsupported for an argument that asks for what is not done here, UnknownName for one nobody knows,
        UsageError for a value that cannot be."""
        options = {name: value for name, value in arguments.items() if value is not None}
        columns = _columns(options.pop("logits_to_keep", 0))
        return_dict = _truth("return_dict", options.pop("return_dict", True))
        _truth("use_cache", options.pop("use_cache", True))
        for name, why in _FOREIGN.items():
            if options.pop(name, False) is not False:
                raise Unsupported(f"{name}={arguments[name]!r} is not something Causerie does. {why}")
        refuse_arguments(options, _KNOWN)
        return ForwardCall(columns, return_dict)


def _columns(logits_to_keep: Any) -> slice | NDArray[np.int64]:
    """The last `logits_to_keep` columns, all for 0; or those with these numbers, in a list, an array or a tensor."""
    numbers = to_numpy(logits_to_keep)
    if numbers.dtype.kind not in "iu" or numbers.ndim > 1 or (numbers.ndim == 0 and numbers < 0):
        raise UsageError(
            f"logits_to_keep is {logits_to_keep!r}; expected how many of the last tokens' logits to keep (0 keeps "
            "all), or a list of their places."
        )
    return slice(-int(numbers), None) if numbers.ndim == 0 else numbers


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{name} is {value!r}; it must be True or False.")
    return value

"""How llama.cpp's converter makes a GGUF file of a tiny checkpoint: its metadata, and of each tensor what was done to
those of the checkpoint. Recorded from the converter itself (scripts/record_gguf_recipes.py), which is not needed to
follow them. Knows nothing of Causerie.

A step is the name of a tensor, or a list: what is done, with its numbers, and to what.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "gguf_recipes"
Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Recipe:
    """One file."""

    name: str
    case: str  # of tests/parity/cases, or a family whose checkpoint tests/parity/checkpoints.py makes
    changes: Mapping[str, Any]  # of the case
    first_files: Mapping[str, Any]  # keys of config.json as the first files of the family have them
    metadata: Mapping[str, Any]
    tensors: list[list[Any]]

    @classmethod
    def named(cls, name: str) -> Recipe:
        """The one of that name."""
        return cls(**{"name": name, **json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))})

    def follow(self, tensors: Mapping[str, Float32]) -> Iterator[tuple[str, Float32]]:
        """The tensors of the GGUF file that is made of these, each with its name."""
        for name, layers, step in self.tensors:
            for layer in layers or [None]:
                numbered = name if layer is None else name.replace("{i}", str(layer))
                own = step if layer is None else _numbered(step, "{i}", layer)
                yield numbered, np.ascontiguousarray(made(own, tensors), np.float32)


def recipes() -> list[str]:
    """The names of all."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def made(step: Any, tensors: Mapping[str, Float32]) -> Float32:
    """What a step gives."""
    if isinstance(step, str):
        return tensors[step]
    what, *rest = step
    if what == "numbers":
        return np.array(rest[0], np.float32)
    if what == "stack":
        return np.stack([made(each, tensors) for each in rest[0]])
    if what == "joined":
        return np.concatenate([made(each, tensors) for each in rest[0]])
    *numbers, of = rest
    if what == "experts":
        return np.stack([made(_numbered(of, "{e}", e), tensors) for e in range(numbers[0])])
    array = made(of, tensors)
    if what == "shaped":
        return array.reshape(numbers[0])
    if what == "plus one":
        return array + np.float32(1)
    if what == "minus exp":
        return -np.exp(array)
    if what == "turned":
        return array.swapaxes(-1, -2)
    if what == "place":
        return array[numbers[0]]
    if what == "paired":  # element i of each head beside the one half a head further
        return array.reshape(numbers[0], 2, -1, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)
    if what == "rows":
        return array[_places(numbers[0])]
    columns = array[:, _places(numbers[0])]
    return columns if what == "columns" else columns.T


def _places(runs: list[list[int]]) -> list[int]:
    """Each run is a first place, how many follow, and how far they are apart."""
    return [place for first, count, step in runs for place in range(first, first + count * step, step)]


def _numbered(step: Any, mark: str, number: int) -> Any:
    """The step with a number in the place of a mark."""
    if isinstance(step, str):
        return step.replace(mark, str(number))
    return [_numbered(each, mark, number) for each in step] if isinstance(step, list) else step

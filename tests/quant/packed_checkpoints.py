"""Checkpoints as programs of the field quantize them, made from a plain one: a recipe says which tensors take the place
of a matrix, and what they stand for. Beside each stands the plain checkpoint of these values."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from causerie.backends.torch.backend import TorchBackend
from causerie.errors import WeightFileError
from causerie.quant.formats import QUANTIZED
from tests.parity.harness import backend_or_none, prompt_logits, some_tokens
from tests.quant.conftest import loaded, tensors

PROJECTIONS = r"layers\.\d+\..*_proj\.weight"
NAMES = {"mixer.k": "self_attn.k_proj", "ffn.down": "mlp.down_proj", "mixer.o": "self_attn.o_proj"}
"""Some matrices of a layer, as they are called here and in files."""


Pack = Callable[[str, Tensor], tuple[dict[str, Tensor], Tensor]]


@dataclass(frozen=True)
class Recipe:
    """`pack` makes of a module's name and the rows of its matrix the tensors by the ends of their names, and the
    values that they stand for."""

    name: str
    config: Mapping[str, Any]
    pack: Pack
    which: str = PROJECTIONS
    further: Mapping[str, Any] = field(default_factory=dict)  # in config.json
    small_floats: bool = False  # native products read activations in bfloat16


def write_checkpoints(recipe: Recipe, plain: Path, home: Path) -> tuple[Path, Path]:
    """The packed checkpoint of a plain one, and the plain one of its values."""
    packed, values = home / "packed", home / "values"
    for folder in (packed, values):
        shutil.copytree(plain, folder)
    tensors, decoded = load_file(plain / "model.safetensors"), load_file(plain / "model.safetensors")
    torch.manual_seed(0)
    for name in sorted(tensors):
        if re.search(recipe.which, name):
            module = name.removesuffix(".weight")
            parts, decoded[name] = recipe.pack(module, tensors.pop(name).float())
            tensors |= {module + ending: part.contiguous() for ending, part in parts.items()}
    decoded = {name: tensor.float().contiguous() for name, tensor in decoded.items()}
    save_file(tensors, packed / "model.safetensors")
    save_file(decoded, values / "model.safetensors")
    write_config(packed, {"quantization_config": dict(recipe.config), **recipe.further})
    return packed, values


def write_config(folder: Path, changes: Mapping[str, Any]) -> None:
    """Changes keys of config.json."""
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def change_tensors(folder: Path, change: Callable[[dict[str, Tensor]], None]) -> None:
    """Changes the tensors of a folder."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")


def logits(folder: Path, backend: str) -> NDArray[np.float32]:
    """Of some tokens, in float32."""
    model = loaded(folder, None, backend_or_none(backend), dtype="float32")
    return np.asarray(prompt_logits(model, [some_tokens(12)])[0])


def check_parity(recipe: Recipe, packed: Path, values: Path, backend: str) -> None:
    """The packed checkpoint gives the logits of its values; and is kept packed."""
    model = loaded(packed, None, backend_or_none(backend), dtype="float32")
    assert model.quantization is not None
    ours = np.asarray(prompt_logits(model, [some_tokens(12)])[0])
    expected = logits(values, "torch")
    assert np.abs(expected).max() > 0.1
    if backend == "torch":
        assert np.abs(ours - expected).max() < 2e-5 * np.abs(expected).max()
    else:  # native products of whole numbers read activations in 8 bits, those of small floats in bfloat16
        assert np.sqrt(np.square(ours - expected).mean()) < (0.015 if recipe.small_floats else 0.06) * expected.std()


def placed_values(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The values of every quantized matrix that is placed, by its canonical name."""
    backend = RecordingBackend()
    loaded(folder, None, backend, dtype="float32")
    return backend.values


def check_values(packed: Path, values: Path) -> int:
    """The packed checkpoint's matrices are exactly its values; how many it has."""
    placed, expected = placed_values(packed), tensors(values)
    for ours, theirs in NAMES.items():
        np.testing.assert_array_equal(placed[f"layers.1.{ours}"], expected[f"model.layers.1.{theirs}.weight"])
    return len(placed)


def check_faults(packed: Path, damage: Callable[[dict[str, Tensor]], None], *sentences: str) -> None:
    """Where its tensors were damaged so, all of these are said at once."""
    change_tensors(packed, damage)
    with pytest.raises(WeightFileError) as told:
        loaded(packed)
    for sentence in sentences:
        assert sentence in str(told.value)


class RecordingBackend(TorchBackend):
    """Keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, NDArray[np.float32]] = {}

    def builder(self, spec: Any, formats: Any) -> Any:
        inner = super().builder(spec, formats)
        place, values = inner.place_quantized, self.values

        def place_quantized(name: str, shape: Any, format: str, read: Any, transform: Any = None) -> Any:
            rows = QUANTIZED[format].decode(read(0, shape[0]), shape)
            if transform is not None and transform.order is not None:
                plain = np.empty_like(rows)
                plain[:, transform.order] = rows
                rows = plain
            values[name] = rows
            return place(name, shape, format, read, transform)

        inner.place_quantized = place_quantized  # type: ignore[method-assign]
        return inner

"""Writes the model of random numbers that a folder of `make_model.py --prepared` holds as a GGUF file in Q4_0, the same
numbers in llama.cpp's 4 bits: one matrix at a time, for it may be larger than memory.

    python gguf_random.py FOLDER FILE.gguf           in the llama_cpp environment

Head and embedding are in Q4_0 too, where llama-quantize would take more bits for the head. Knows one family, Qwen3 with
experts.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf_model import FAMILIES, FLOAT32, add_sizes, add_vocabulary, gguf_name
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1]))
from model_shapes import tensors
from random_numbers import RandomNumbers, values

FAMILY = "qwen3_moe"
Q4_0 = gguf.GGMLQuantizationType.Q4_0
BLOCK_WEIGHTS, BLOCK_BYTES = 32, 18
PART = 2**22  # weights that are quantized at once
_EXPERT = re.compile(r"(.*mlp\.experts\.)(\d+)\.(gate|up|down)_proj\.weight")


@dataclass
class Stack:
    """One tensor of the file: a vector or a matrix, or the matrices of all experts of a layer."""

    name: str
    shape: tuple[int, ...]  # of each
    sources: list[str]

    @property
    def quantized(self) -> bool:
        """Whether it is in Q4_0; else in float32."""
        return len(self.shape) == 2 and not self.name.endswith(FLOAT32)

    @property
    def bytes_shape(self) -> tuple[int, ...]:
        """As it lies in the file."""
        rows = (*self.shape[:-1], self.shape[-1] // BLOCK_WEIGHTS * BLOCK_BYTES)
        return (len(self.sources), *rows) if len(self.sources) > 1 else rows

    def declare(self, writer: gguf.GGUFWriter) -> None:
        """Says what will be written."""
        name = gguf_name(self.name, FAMILY)
        if self.quantized:
            writer.add_tensor_info(name, self.bytes_shape, np.dtype(np.uint8), prod(self.bytes_shape), Q4_0)
        else:
            writer.add_tensor_info(name, self.shape, np.dtype(np.float32), 4 * prod(self.shape))

    def made(self, numbers: RandomNumbers) -> NDArray[Any]:
        """What is written."""
        if not self.quantized:
            return read(numbers, self.sources[0], 0, prod(self.shape)).reshape(self.shape)
        rows, width = self.shape
        step = max(1, PART // width)
        parts = [
            gguf.quants.quantize(read(numbers, source, first * width, min(step, rows - first) * width), Q4_0)
            for source in self.sources
            for first in range(0, rows, step)
        ]
        return np.concatenate(parts).reshape(self.bytes_shape)


def read(numbers: RandomNumbers, name: str, first: int, count: int) -> NDArray[np.float32]:
    """Numbers of a tensor, one after the other."""
    out = np.empty(count, np.uint16)
    numbers.read(name, first, out)
    return values(out)


def stacks(config: dict[str, Any]) -> Iterator[Stack]:
    """The tensors of the file, those of the experts where their layer ends."""
    gathered: dict[str, Stack] = {}
    for name, shape in tensors(config):
        expert = _EXPERT.fullmatch(name)
        if expert is None:
            yield from gathered.values()
            gathered = {}
            yield Stack(name, shape, [name])
        else:
            stack = gathered.setdefault(expert[3], Stack(f"{expert[1]}{expert[3]}.weight", shape, []))
            stack.sources.append(name)
    yield from gathered.values()


def write(folder: Path, target: Path) -> None:
    """Writes the file, under another name until it is whole. Raises SystemExit for a folder of another family."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] != FAMILY:
        raise SystemExit(f"{folder.name} is of the family {config['model_type']}; {FAMILY} can be written.")
    part, numbers = target.with_suffix(".part"), RandomNumbers()
    writer = gguf.GGUFWriter(part, FAMILIES[FAMILY])
    add_sizes(writer, config, gguf.LlamaFileType.MOSTLY_Q4_0)
    add_vocabulary(writer, folder, config)
    for stack in stacks(config):
        stack.declare(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for stack in stacks(config):
        writer.write_tensor_data(stack.made(numbers))
    writer.close()
    part.replace(target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(Path(sys.argv[1]), Path(sys.argv[2]))

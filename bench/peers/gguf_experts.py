"""Experts of a model folder as llama.cpp holds them: all of a layer in one tensor for each of their matrices.

Knows two arrangements on disk: a tensor for each expert (Qwen3-MoE), and stacks in MXFP4 whose gates and ups take turns
(gpt-oss). Knows no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import gguf
import numpy as np
from numpy.typing import NDArray

STACKED = [f"{part}.{kind}" for part in ("gate", "up", "down") for kind in ("weight", "bias")]
_ALONE = re.compile(r"(.*mlp\.experts\.)(\d+)\.(gate|up|down)_proj\.weight")
_STACK = re.compile(r"(.*mlp\.experts\.)(gate_up|down)_proj_(blocks|scales|bias)")


def add_expert_sizes(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    """How many experts there are, how many a token uses, and how wide they are; nothing of a model without any."""
    count = config.get("num_experts") or config.get("num_local_experts")
    if count is None:
        return
    writer.add_expert_count(count)
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_feed_forward_length(config.get("moe_intermediate_size") or config["intermediate_size"])
    if config.get("sliding_window"):
        writer.add_sliding_window(config["sliding_window"])


def gathered(tensors: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The tensors with experts stacked, layer by layer, under names that end in those of `STACKED`."""
    for name, bits in tensors.items():
        alone, stack = _ALONE.fullmatch(name), _STACK.fullmatch(name)
        if alone is not None:
            if alone[2] == "0":
                yield f"{alone[1]}{alone[3]}.weight", np.stack(list(_experts(tensors, alone)))
        elif stack is not None:
            if stack[3] != "scales":
                yield from _parts(tensors, stack, bits)
        else:
            yield name, bits


def _experts(tensors: Mapping[str, NDArray[Any]], first: re.Match[str]) -> Iterator[NDArray[Any]]:
    number = 0
    while (name := f"{first[1]}{number}.{first[3]}_proj.weight") in tensors:
        yield tensors[name]
        number += 1


def _parts(
    tensors: Mapping[str, NDArray[Any]], stack: re.Match[str], bits: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """One matrix of a stack, or its bias; two where rows of gates and ups take turns."""
    if stack[3] == "blocks":
        kind, rows = "weight", mxfp4(bits, tensors[f"{stack[1]}{stack[2]}_proj_scales"])
    else:
        kind, rows = "bias", bits
    if stack[2] == "down":
        yield f"{stack[1]}down.{kind}", rows
    else:
        yield f"{stack[1]}gate.{kind}", rows[:, ::2]
        yield f"{stack[1]}up.{kind}", rows[:, 1::2]


def mxfp4(blocks: NDArray[np.uint8], scales: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blocks [..., groups, 16], in which neighbours share a byte, the first in its low half, and scales [..., groups]
    as ggml's rows [..., 17 · groups]: a scale, then bytes that hold elements i and i + 16 (ggml-common.h)."""
    codes = np.stack((blocks & 15, blocks >> 4), axis=-1).reshape(*blocks.shape[:-1], 32)
    halves = codes[..., :16] | codes[..., 16:] << 4
    return np.concatenate((scales[..., None], halves), axis=-1).reshape(*blocks.shape[:-2], -1)

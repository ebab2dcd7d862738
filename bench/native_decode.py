"""Decode and prefill of the native backend on a model of Qwen2.5-0.5B's shape with random weights, beside the memory.

    python bench/native_decode.py [--dtype int4] [--packing none] [--threads N] [--instruction-set NAME] [--depth 64]

The probe reads memory before and after every round of decoding: on a shared machine only the ratio of the two means
something, and only in one run. Knows nothing of the engine: steps are made by hand.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.backend import NativeBackend
from causerie.backends.ops import CacheShape
from causerie.backends.step import Step
from causerie.models.decoder import forward
from causerie.models.model import Model
from causerie.models.rope import RopeTable
from causerie.models.spec import MLP, Attention, Decoder, Layer, Norm, Rope
from causerie.quant.format import Buffers
from causerie.quant.formats import QUANTIZED, format_named
from causerie.quant.weight import BYTES


def qwen_half_billion() -> Decoder:
    """24 layers of width 896, tied head of 151,936 rows, 14 query and 2 key/value heads of 64."""
    norm = Norm(1e-6)
    mixer = Attention(14, 2, 64, 64**-0.5, Rope(1e6, 64, 32768), qkv_bias=True)
    return Decoder("qwen2", 151936, 896, (Layer(mixer, MLP(4864), norm),) * 24, norm, True, 32768)


def random_rows(shape: tuple[int, ...], dtype: str, bank: NDArray[np.float32]) -> Callable[[int, int], NDArray[Any]]:
    """A reader of rows cut from a bank of random numbers: drawing half a billion would take longer than the test."""
    scale = shape[1] ** -0.5 if len(shape) == 2 else 1.0
    values = bank * np.float32(scale)
    pool = (values.view(np.uint32) >> 16).astype(np.uint16) if dtype == "bfloat16" else values.astype(dtype)

    def rows(start: int, stop: int) -> NDArray[Any]:
        return np.resize(pool, (stop - start, *shape[1:]))

    return rows


def tiled(format: str, width: int, bank: NDArray[np.float32]) -> Callable[[int, int], Buffers]:
    """A reader of quantized rows, some encoded ones again and again: encoding is not what is measured here."""
    kind, count = format_named(format), 64
    rows = bank[: count * width].reshape(count, width) * np.float32(width**-0.5)
    some = kind.encode(rows, kind.constant([rows]))

    def read(start: int, stop: int) -> Buffers:
        wanted = kind.buffers((stop - start, width))
        return {name: np.resize(array, wanted[name].shape) for name, array in some.items()}

    return read


def load(backend: NativeBackend, spec: Decoder, dtype: str, tokens: int) -> tuple[Model, float]:
    """The model and how many seconds placing took, drawing not counted."""
    bank = np.random.default_rng(0).standard_normal(4 * 2**20 + 57, dtype=np.float32)
    plain = "bfloat16" if dtype in QUANTIZED else dtype
    backend.reserve(spec, {name: dtype if len(shape) == 2 else plain for name, shape in spec.weights()})
    spent, weights = 0.0, {}
    for name, shape in spec.weights():
        read = random_rows(shape, plain, bank)
        drawn = [0.0]

        def rows(a: int, b: int, read: Any = read, drawn: list[float] = drawn) -> NDArray[Any]:
            before = time.perf_counter()
            made = read(a, b)
            drawn[0] += time.perf_counter() - before
            return made

        before = time.perf_counter()
        if dtype in QUANTIZED and len(shape) == 2:
            weights[name] = backend.place_quantized(name, (shape[0], shape[1]), dtype, tiled(dtype, shape[1], bank))
        else:
            weights[name] = backend.place(name, shape, rows, plain)
        spent += time.perf_counter() - before - drawn[0]
    room = CacheShape(-(-tokens // 32), 32, "float32" if dtype == "float32" else "bfloat16")
    executable = backend.compile(spec, weights, forward, room, 512)
    return Model(spec, executable, room, 512, dtype, "cpu", sum(weight.nbytes for weight in weights.values())), spent


def step(first: int, count: int, blocks: int) -> Step:
    """`count` tokens of one sequence from position `first`; logits of the last."""
    positions = np.arange(first, first + count, dtype=np.int32)
    arrays = (positions % 1000, positions, [0, count], range(blocks), [0, blocks], [count - 1], positions)
    flat = [np.array(part, np.int32) for part in arrays]
    return Step(*flat, np.empty((0, 2), np.int32))


def timed(action: Callable[[], Any]) -> float:
    """Seconds that one call takes."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def print_profile(model: Model, one: Step) -> None:
    """Where the time of a step goes: the best of some for each kind of instruction, and what it reads."""
    turns = RopeTable(model.spec.ropes).rows(one.positions, one.rope_lengths)
    runs = [model.executable.profile(one, turns) for _ in range(8)]  # type: ignore[attr-defined]
    found: dict[str, tuple[float, int]] = {}
    for same in zip(*runs, strict=True):
        timing = same[0]
        kind = " ".join([timing.operation, *(part.rpartition(".")[2] for part in timing.detail.split())])
        seconds, size = found.get(kind, (0.0, 0))
        found[kind] = seconds + min(each.seconds for each in same), size + timing.nbytes
    for kind, (seconds, size) in sorted(found.items(), key=lambda item: -item[1][0]):
        print(f"{1e3 * seconds:8.3f} ms  {size / max(seconds, 1e-9) / 1e9:6.1f} GB/s  {kind}")


def main() -> None:
    """Prints decode and prefill tokens/s, each with its share of the probed bandwidth."""
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--dtype", default="bfloat16", choices=(*BYTES, *QUANTIZED))
    parse.add_argument("--threads", type=int)
    parse.add_argument("--instruction-set")
    parse.add_argument("--packing", help="of bfloat16: auto, lossless or none")
    parse.add_argument("--depth", type=int, default=64, help="tokens before the first decoded one")
    parse.add_argument("--rounds", type=int, default=8, help="rounds of 8 decoded tokens, each beside a probe")
    parse.add_argument("--profile", action="store_true", help="where the time of a decoded token goes")
    options = parse.parse_args()
    backend = NativeBackend(options.threads, options.instruction_set, options.packing)
    spec = qwen_half_billion()
    end = max(options.depth + 8 * options.rounds, 512)
    model, placed = load(backend, spec, options.dtype, end)
    blocks = model.cache.blocks
    print(
        f"{backend.instruction_set.name}, {backend.threads} threads, "
        f"{model.weight_bytes / 1e9:.3f} GB placed in {placed:.2f} s"
    )
    prefill = [timed(lambda: model.run(step(0, 512, blocks))) for _ in range(2)]
    print(f"prefill of 512: {512 / min(prefill):.0f} tokens/s, {0.716 * 512 / min(prefill):.0f} GFLOP/s")
    for rows in (1, 2, 4, 8, 16, 32):
        some = step(0, rows, blocks)
        print(f"step of {rows:2}: {1e3 * min(timed(lambda some=some: model.run(some)) for _ in range(4)):.1f} ms")
    for first in range(0, options.depth, 512):
        model.run(step(first, min(512, options.depth - first), blocks))
    shares, speeds = [], []
    for position in range(options.depth, options.depth + 8 * options.rounds, 8):
        probe = backend.read_bandwidth(seconds=0.05)
        best = min(timed(lambda at=position + i: model.run(step(at, 1, blocks))) for i in range(8))
        probe = max(probe, backend.read_bandwidth(seconds=0.05))
        speeds.append(1 / best)
        shares.append(model.weight_bytes / best / probe)
        print(f"decode {1 / best:6.1f} tokens/s   probe {probe / 1e9:5.1f} GB/s   share {100 * shares[-1]:3.0f} %")
    if options.profile:
        print_profile(model, step(options.depth, 1, blocks))
    print(f"median: {np.median(speeds):.1f} tokens/s, {100 * np.median(shares):.0f} % of the probe")


if __name__ == "__main__":
    main()

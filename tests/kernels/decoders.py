"""Small decoders with random weights for the native backend, a float64 reference of them, and ways to run prompts.

Knows no checkpoint and no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, cycle
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from causerie.backends.native.backend import NativeBackend
from causerie.backends.native.builder import NativeBuilder
from causerie.backends.native.library import instruction_sets
from causerie.backends.ops import BlockCount, CacheShape, Executable, Forward
from causerie.backends.step import BlockTables, Step
from causerie.models.decoder import forward as decoder_forward
from causerie.models.model import Model
from causerie.quant.encoders import encoder_named
from causerie.quant.format import Buffers, ranges
from causerie.quant.formats import QUANTIZED
from causerie.quant.transform import Transform
from causerie.quant.weight import Weight
from causerie.spec.attention import Attention
from causerie.spec.decoder import Decoder
from causerie.spec.delta import DeltaRule
from causerie.spec.experts import Experts, Shared
from causerie.spec.layer import Layer
from causerie.spec.mamba import Mamba
from causerie.spec.mamba2 import Mamba2
from causerie.spec.mlp import MLP, Activation, Gating
from causerie.spec.norm import Norm
from causerie.spec.ops import Ops, Value, Weights
from causerie.spec.rope import Rope
from causerie.spec.router import Router
from causerie.spec.short_conv import ShortConv
from causerie.spec.side_by_side import SideBySide

Array = NDArray[Any]
RUNNABLE = [each.name for each in instruction_sets() if each.lacking is None]
BLOCKS = 40  # of the first page group; the others have one more each
SLOTS = 9
PLAIN_NORM = Norm(1e-5)


@dataclass(frozen=True)
class Shape:
    """The choices of a test decoder."""

    vocab: int = 203
    width: int = 96
    hidden: int = 136
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 20
    dims: int | None = None
    window: int | None = None
    layers: int = 2
    tied: bool = True
    bias: bool = False
    qk_norm: bool = False
    act: Activation = "silu"
    experts: int = 0
    active: int = 1
    router: Router | None = None  # else a plain one of the `active`
    gating: Gating | None = None  # of experts, else `act`
    expert_bias: bool = False
    shared: Shared | None = None
    sinks: bool = False
    norm: Norm = PLAIN_NORM
    own_norms: bool = False
    gated: bool = True
    parallel: Literal["one norm", "two norms"] | None = None
    slopes: bool = False
    turns: bool = True
    windows: tuple[int | None, ...] = ()  # of the layers in turn, in place of `window`
    recurrence: Mamba | Mamba2 | SideBySide | None = None  # of every second layer, the first one too
    taps: int = 0  # every second layer is a convolution, the first one too; 0: none is
    delta: tuple[int, int, int, int, int] | None = None  # of DeltaRule: such layers, in the same places
    shares: Mapping[int, int] = field(default_factory=dict)  # of layers that have no keys, those that they read them of
    mixer: Mapping[str, Any] = field(default_factory=dict)  # further fields of every layer's
    block: Mapping[str, Any] = field(default_factory=dict)  # of every layer
    whole: Mapping[str, Any] = field(default_factory=dict)  # of the decoder

    def decoder(self) -> Decoder:
        """The spec."""
        norm = self.norm
        slopes = tuple(0.7**head for head in range(self.heads))
        rope = Rope(10000.0, self.head_dim if self.dims is None else self.dims, 512)
        mixer = Attention(
            self.heads,
            self.kv_heads,
            self.head_dim,
            scale=self.head_dim**-0.5,
            rope=rope if self.turns else None,
            window=self.window,
            qkv_bias=self.bias,
            out_bias=self.bias,
            sinks=self.sinks,
            qk_norm=norm if self.qk_norm else None,
            qk_norm_own=self.own_norms,
            slopes=slopes if self.slopes else None,
        )
        mixer = replace(mixer, **self.mixer)
        mlp = MLP(self.hidden, self.act, self.bias, self.gated)
        router = self.router or Router(self.active)
        experts = Experts(self.experts, router, self.hidden, self.gating or self.act, self.expert_bias, self.shared)
        layer = Layer(mixer, experts if self.experts else mlp, norm, parallel=self.parallel)
        layer = replace(layer, **self.block)
        windows = zip(range(self.layers), cycle(self.windows or (self.window,)), strict=False)
        layers = [layer.with_attention(window=window) for _, window in windows]
        for i, source in self.shares.items():
            layers[i] = layers[i].with_attention(shares=source, keys_as_values=False)
        if self.taps:
            conv = replace(layer, mixer=ShortConv(self.width, self.taps, self.bias))
            layers[::2] = [conv] * len(layers[::2])
        if self.recurrence is not None:
            layers[::2] = [replace(layer, mixer=self.recurrence)] * len(layers[::2])
        if self.delta:
            rule = replace(layer, mixer=DeltaRule(*self.delta, norm))
            layers[::2] = [rule] * len(layers[::2])
        return Decoder("test", self.vocab, self.width, tuple(layers), norm, self.tied, 512, **self.whole)


def room_for(spec: Decoder, block_size: int, cache: str) -> CacheShape:
    """Of each page group another number of blocks, SLOTS slots where layers keep one."""
    groups = tuple(BlockCount(BLOCKS + i, group.window) for i, group in enumerate(spec.page_groups))
    return CacheShape(groups, block_size, cache, SLOTS if spec.slot_layers else 0)


def to_bf16(array: Array) -> Array:
    """Bit patterns, rounded to nearest even."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(bits: Array) -> Array:
    """The float32 values of bit patterns."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def stored_as(array: Array, format: str) -> Array:
    """A float32 array as a checkpoint of that dtype holds it."""
    if format == "bfloat16":
        return to_bf16(array)
    return array.astype(np.float16 if format == "float16" else np.float32)


def widened(array: Array) -> Array:
    """What `stored_as` made, as float64."""
    return (from_bf16(array) if array.dtype == np.uint16 else array).astype(np.float64)


def random_weights(spec: Decoder, format: str = "float32", seed: int = 0) -> dict[str, Array]:
    """Every weight as stored; norms around one, biases not zero."""
    draw = np.random.default_rng(seed)
    weights = {}
    for name, shape, _ in spec.weights():
        if len(shape) == 2:
            values = draw.normal(0, 1.5 * shape[1] ** -0.5, shape)
        else:
            values = draw.uniform(0.4, 1.6, shape) if "norm" in name else draw.normal(0, 0.5, shape)
        weights[name] = stored_as(values.astype(np.float32), format)
    return weights


STORED = {np.dtype(np.uint16): "bfloat16", np.dtype(np.float16): "float16", np.dtype(np.float32): "float32"}


def build(
    spec: Decoder,
    stored: Mapping[str, Array],
    *,
    format: str | None = None,
    quantized: Mapping[str, str] | None = None,
    packed: Mapping[str, tuple[str, Buffers]] | None = None,
    transforms: Mapping[str, Transform] | None = None,
    cache: str = "float32",
    threads: int = 1,
    instruction_set: str | None = None,
    packing: str | None = None,
    forward: Forward = decoder_forward,
    max_tokens: int = 256,
    beside: Model | None = None,
) -> Model:
    """A model of these weights, held as stored or as `format`; matrices named in `quantized`, or all by "", as that;
    those in `packed` are what arrays of a format say in their place. Quantized ones may transform their inputs. Where
    it runs `beside` another, it shares that one's threads and cache."""
    packed, transforms = packed or {}, transforms or {}
    backend = NativeBackend(threads, instruction_set, packing)
    formats = {name: _held(name, array, format, quantized) for name, array in stored.items()}
    builder = backend.builder(spec, formats | {name: held for name, (held, _) in packed.items()})
    weights = {
        name: _place_packed(builder, name, shape, *packed[name], transforms.get(name))
        if name in packed
        else _place(builder, name, stored[name], format, quantized, transforms.get(name))
        for name, shape, _ in spec.weights()
    }
    room = room_for(spec, backend.block_size, cache)
    if beside is None:
        executable: Executable = builder.compile(weights, forward, room, max_tokens)
    else:
        executable, room = builder.compile_beside(beside.executable, weights, forward, max_tokens), beside.cache
    held = sum(weight.nbytes for weight in weights.values())
    return Model(spec, executable, room, max_tokens, format or "float32", "cpu", held, held)


def logits_only(rows: Callable[[Ops, Decoder, Weights], Value]) -> Forward:
    """A pass whose logits are these selected rows; no step of it may want hidden states."""
    return lambda ops, spec, weights: ops.exits(rows(ops, spec, weights))


def _held(name: str, array: Array, format: str | None, quantized: Mapping[str, str] | None) -> str:
    plain = format or STORED[array.dtype]
    return plain if array.ndim == 1 or not quantized else quantized.get(name, quantized.get("", plain))


def _place(
    builder: NativeBuilder,
    name: str,
    array: Array,
    format: str | None,
    quantized: Mapping[str, str] | None,
    transform: Transform | None,
) -> Weight:
    held = _held(name, array, format, quantized)
    if held not in QUANTIZED:
        return builder.place(name, array.shape, lambda a, b: array[a:b], STORED[array.dtype])
    encoder, rows = encoder_named(held), widened(array).astype(np.float32)
    constant = encoder.constant([rows])
    shape = (array.shape[0], array.shape[1])
    return builder.place_quantized(name, shape, held, lambda a, b: encoder.encode(rows[a:b], constant), transform)


def _place_packed(
    builder: NativeBuilder, name: str, shape: tuple[int, ...], held: str, arrays: Buffers, transform: Transform | None
) -> Weight:
    format, (rows, width) = QUANTIZED[held], shape

    def read(first: int, last: int) -> Buffers:
        return {each: arrays[each][place] for each, place in ranges(format, width, first, last).items()}

    return builder.place_quantized(name, (rows, width), held, read, transform)


Work = tuple[Sequence[int], int, Sequence[int]]
"""Tokens of a sequence, the position of the first, the sequence's block table."""


def make_step(work: Sequence[Work], rows: Sequence[int] | None = None, copies: Sequence[tuple[int, int]] = ()) -> Step:
    """A step of sequences on a model with one page group; logits of `rows`, or of all."""
    return grouped_step([(tokens, first, [table]) for tokens, first, table in work], rows, [copies])


def grouped_step(
    work: Sequence[tuple[Sequence[int], int, Sequence[Sequence[int]]]],
    rows: Sequence[int] | None = None,
    copies: Sequence[Sequence[tuple[int, int]]] = (),
    slots: Sequence[tuple[int, int]] = (),
) -> Step:
    """The same with a block table of each page group, of which there are as many as `copies`, and `slots` for each
    sequence."""
    tokens = [token for some, _, _ in work for token in some]
    positions = [position for some, first, _ in work for position in range(first, first + len(some))]
    tables = []
    for group, pairs in enumerate(copies):
        own = [each[group] for *_, each in work]
        flat = [block for table in own for block in table]
        starts = accumulate(map(len, own), initial=0)
        tables.append(BlockTables(int32(flat), int32(starts), int32(pairs).reshape(-1, 2)))
    return Step(
        tokens=int32(tokens),
        positions=int32(positions),
        starts=int32(accumulate((len(some) for some, _, _ in work), initial=0)),
        tables=tuple(tables),
        slots=int32(slots).reshape(-1, 2),
        rows=int32(range(len(tokens)) if rows is None else rows),
        rope_lengths=int32(positions),
    )


def step_on(
    model: Model,
    work: Sequence[Work],
    rows: Sequence[int] | None = None,
    copies: Sequence[tuple[int, int]] = (),
    slots: Sequence[tuple[int, int]] | None = None,
) -> Step:
    """A step on any model: a sequence's table is the same in every page group, and sequence i keeps slot i unless
    `slots` says otherwise."""
    windows = [group.window for group in model.cache.groups]
    tables = [[hidden(table, window, first) for window in windows] for _, first, table in work]
    own = [(i if first else -1, i) for i, (_, first, _) in enumerate(work)] if slots is None else slots
    grouped = [(tokens, first, each) for (tokens, first, _), each in zip(work, tables, strict=True)]
    return grouped_step(grouped, rows, [copies] * len(windows), own if model.cache.slots else [])


def int32(numbers: Iterable[Any]) -> NDArray[np.int32]:
    """As arrays of a step are."""
    return np.array(list(numbers), np.int32)


def hidden(table: Sequence[int], window: int | None, first: int) -> list[int]:
    """A block table as a step may have it whose rows begin at position `first`: without the blocks before the
    window."""
    gone = 0 if window is None else max(0, first - window + 1) // 32
    return [-1] * gone + list(table[gone:])


def build_case(shape: Shape, own: Mapping[str, Any], **options: Any) -> Model:
    """A decoder with random weights, held as the case's `own` says, and with a cache that rounds nothing."""
    spec, quantized = shape.decoder(), own.get("quantized")
    stored = random_weights(spec, "bfloat16" if quantized else own["format"])
    return build(spec, stored, cache="float32", quantized=quantized, **options)


def prompt_logits(
    model: Model, prompts: Sequence[Sequence[int]], chunk: int = 999, table_seed: int = 0
) -> list[NDArray[np.float32]]:
    """Logits [tokens, vocab] of prompts run together, `chunk` tokens of each a step, in blocks dealt out at random; of
    slots each has its own."""
    draw = np.random.default_rng(table_seed)
    windows = [group.window for group in model.cache.groups]
    free = [[int(block) for block in draw.permutation(BLOCKS)] for _ in windows]
    tables = [[[order.pop() for _ in range(-(-len(prompt) // 32))] for order in free] for prompt in prompts]
    slots = [int(slot) for slot in draw.permutation(model.cache.slots)]
    found: list[list[NDArray[np.float32]]] = [[] for _ in prompts]
    for first in range(0, max(map(len, prompts)), chunk):
        busy = [i for i, prompt in enumerate(prompts) if len(prompt) > first]
        work = [
            (
                prompts[i][first : first + chunk],
                first,
                [hidden(table, window, first) for table, window in zip(tables[i], windows, strict=True)],
            )
            for i in busy
        ]
        used = [(slots[i] if first else -1, slots[i]) for i in busy] if slots else []
        step = grouped_step(work, copies=[()] * len(windows), slots=used)
        for i, part in zip(busy, np.split(model.run(step).logits, step.starts[1:-1]), strict=True):
            found[i].append(part)
    return [np.concatenate(parts) for parts in found]


def some_tokens(count: int, vocab: int, seed: int = 0) -> list[int]:
    """Random token ids."""
    return [int(token) for token in np.random.default_rng(seed).integers(0, vocab, count)]

"""What a backend is: a machine that holds weights and runs decoders. What a decoder may ask of it step by step is
spec/ops.py's. Knows no model, and none of the backends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.backends.step import Step
from causerie.checkpoint.extent import Extent
from causerie.errors import EngineError
from causerie.quant.cache_format import check_kept
from causerie.quant.encoder import Encoder
from causerie.quant.encoders import encoder_named
from causerie.quant.format import Buffers
from causerie.quant.gguf_records import StoredRecords
from causerie.quant.transform import Transform
from causerie.quant.weight import Weight
from causerie.spec.decoder import EMBEDDING, Decoder
from causerie.spec.ops import Ops, Value, Weights

Rotations: TypeAlias = tuple[NDArray[np.float32], ...]  # one per Decoder.ropes: [tokens, 2, dims / 2], cos then sin

PACKINGS = ("auto", "lossless", "none")
"""How the native backend may hold bfloat16 matrices, always with the same results: in 12 bits a weight, in 16, or as is
faster on the machine."""


Forward: TypeAlias = Callable[[Ops, Decoder, Weights], tuple[Value, ...]]
"""models/decoder.py: logits, states, and a row for each token at each of the pass's taps."""


@dataclass(frozen=True)
class StepOutput:
    """What a step gives. The arrays are the caller's own."""

    logits: NDArray[np.float32]  # [r, vocab] of `Step.rows`
    states: NDArray[np.float32]  # [h, width] of `Step.state_rows`, after the last norm: what the head reads
    taps: NDArray[np.float32] | None = None  # [n, taps, width] of all rows, where the pass has taps


@dataclass(frozen=True)
class BlockCount:
    """How many blocks the layers of one page group have, and how far these layers look back (None: to the
    beginning)."""

    blocks: int
    window: int | None = None


@dataclass(frozen=True)
class CacheShape:
    """How much cache an executable keeps: for each of Decoder.page_groups so many blocks of `block_size` positions,
    kept in `dtype`, and so many `slots`, each of which holds what all of Decoder.slot_layers keep of one sequence."""

    groups: tuple[BlockCount, ...]
    block_size: int
    dtype: str  # one of quant/cache_format.py's CACHE_FORMATS
    slots: int = 0

    def check(self, spec: Decoder) -> None:
        """Raises EngineError where it is not the shape of a cache for `spec`, Unsupported for a format in which what it
        keeps is not kept."""
        windows, needed = [each.window for each in self.groups], [group.window for group in spec.page_groups]
        if windows != needed:
            raise EngineError(
                f"A cache has groups of blocks for windows {windows}, and this {spec.family} model's layers have "
                f"{needed}. There must be one for each of Decoder.page_groups."
            )
        for pages in filter(None, (layer.pages for layer in spec.layers)):
            check_kept(self.dtype, pages)
        if bool(self.slots) != bool(spec.slot_layers):
            raise EngineError(
                f"A cache has {self.slots} slots, and {len(spec.slot_layers)} layers of this {spec.family} model keep "
                "one. Both must be 0, or neither."
            )


@dataclass(frozen=True)
class ExpertReads:
    """Experts that stay in their file: how many there are, how many memory holds, and how often one that a step needed
    was there, was not, or had been asked for ahead; and the bytes that were read."""

    experts: int
    slots: int
    hits: int
    misses: int
    early: int
    nbytes: int


class Executable(Protocol):
    """A placed model that can run steps. One thread at a time."""

    def run(self, step: Step, rotations: Rotations) -> StepOutput:
        """Logits and hidden states of the rows that want them. `step.tokens` holds at most the `max_tokens` given to
        `Builder.compile`."""
        ...

    def expert_choices(self) -> list[NDArray[np.int64]]:
        """How many rows of all steps so far went to each expert, for each layer that has experts; from any thread."""
        ...

    def close(self) -> None:
        """Frees weights and cache; nothing may be run afterwards."""
        ...


class Builder(Protocol):
    """A model on its way into a backend: each of its weights is placed once, and then it is compiled."""

    def place(self, name: str, shape: tuple[int, ...], rows: Callable[[int, int], NDArray[Any]], stored: str) -> Weight:
        """Takes one weight. `rows(a, b)` reads rows a..b of the checkpoint's tensor (dtype `stored`: "float32",
        "float16", or "bfloat16" as uint16 bit patterns), so that only a slice need be in memory twice; what it returns
        holds until it is called again."""
        ...

    def place_quantized(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        read: Callable[[int, int], Buffers],
        transform: Transform | None = None,
    ) -> Weight:
        """Takes one quantized matrix of `format`. `read(a, b)` gives the arrays of rows a..b in the format's reference
        layout (quant/format.py): a is a multiple of its row_step, and so is b, or it is the last row's. Slices are
        asked for once, in order. Its inputs go through `transform` first, which a table that is embedded cannot have;
        no checkpoint that is read brings one yet."""
        ...

    def compile(self, weights: Weights, forward: Forward, cache: CacheShape, max_tokens: int) -> Executable:
        """A runnable model of the weights that were placed; `max_tokens` is the most tokens one step will bring.
        Raises OutOfMemory."""
        ...


def check_transform(transform: Transform | None, name: str, shape: tuple[int, int]) -> None:
    """Raises EngineError for a matrix that cannot have this transform."""
    if transform is not None and (transform.width != shape[1] or (name == EMBEDDING and transform.order is not None)):
        raise EngineError(
            f"Weight {name!r} of {shape} is placed with a transform of {transform.width} inputs; it must have as many, "
            "and a table that is embedded has them in their own order."
        )


@runtime_checkable
class SharingBuilder(Builder, Protocol):
    """Of a backend on which a model may keep what it keeps where another of the same layers does."""

    def compile_beside(self, first: Executable, weights: Weights, forward: Forward, max_tokens: int) -> Executable:
        """As `compile`, over the cache of `first`, which is of this backend: what one of them writes the other reads.
        The cache lives until both are closed."""
        ...


@runtime_checkable
class RecordBuilder(Builder, Protocol):
    """Of a backend that reads GGUF's records from their files by itself."""

    def place_records(
        self, name: str, shape: tuple[int, int], records: StoredRecords, transform: Transform | None = None
    ) -> Weight | None:
        """Takes one quantized matrix, which is read by the time read_records is called, or some later one is placed.
        None for records that it does not read: then place_quantized takes their arrays. Raises WeightFileError, of
        this matrix or one before, for a file that is not what it was, or scales that are no numbers, and
        OutOfMemory."""
        ...

    def read_records(self) -> None:
        """Reads what was taken and is not read yet. Raises as place_records."""
        ...


@runtime_checkable
class PreparedBuilder(Builder, Protocol):
    """Of a backend whose matrices may lie in a file as its kernels read them."""

    def place_prepared(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        layout: str,
        memory: NDArray[np.uint8],
        transform: Transform | None = None,
    ) -> Weight:
        """Takes one matrix where it lies; `memory` is not written to. Raises WeightFileError for bytes that are no such
        matrix. The builder was not told of its format."""
        ...

    def leave_in_file(
        self,
        name: str,
        shape: tuple[int, int],
        format: str,
        layout: str,
        extent: Extent,
        room: int,
        transform: Transform | None = None,
    ) -> Weight:
        """Takes one matrix of an expert, which stays in its file but while it is used; `room` bytes of memory are there
        for all of them. Raises as place_prepared."""
        ...


class Backend(Protocol):
    """A machine that holds weights and runs decoders."""

    name: str  # "native" or "torch"
    device: str  # "cpu", "cuda:0", …
    block_size: int  # positions in a cache block: a power of two

    @property
    def layout_version(self) -> int | None:
        """Of the matrices that may lie in a file as its kernels read them; None where none may."""
        ...

    def builder(self, spec: Decoder, formats: Mapping[str, str], *, briefly: bool = False) -> Builder:
        """Makes room for all weights at once that will be placed; `formats` gives each one's format by its canonical
        name. Those of a model that is needed `briefly` are laid out as soon as can be. Raises OutOfMemory, or
        UnknownName for a format that is not known."""
        ...


@runtime_checkable
class ExpertReader(Executable, Protocol):
    """An executable whose experts may stay in their file."""

    def expert_reads(self) -> ExpertReads | None:
        """What was read of them; None where all are in memory. From any thread."""
        ...


@runtime_checkable
class EncodingBackend(Backend, Protocol):
    """A backend that quantizes faster than quant/encoders.py does."""

    def encoder(self, format: str) -> Encoder:
        """What quantizes to the format of this name, to the same last bit. Raises UnknownName."""
        ...


def encoders_of(backend: Backend) -> Callable[[str], Encoder]:
    """What quantizes to a format of a name, on the way into this backend."""
    return backend.encoder if isinstance(backend, EncodingBackend) else encoder_named


@dataclass(frozen=True)
class KernelMatrix:
    """A matrix as a backend's kernels read it: the name of its layout, and its bytes in pieces that follow each
    other."""

    layout: str
    pieces: Sequence[NDArray[np.uint8]]

    @property
    def nbytes(self) -> int:
        """Of all pieces."""
        return sum(piece.nbytes for piece in self.pieces)


@dataclass(frozen=True)
class KernelMatrices:
    """All matrices of a model as a backend's kernels read them, by canonical name."""

    backend: str
    version: int  # of its layouts
    matrices: Mapping[str, KernelMatrix]


@runtime_checkable
class Arranger(PreparedBuilder, Protocol):
    """A builder that gives each weight memory of its own, which is free again when nothing refers to the weight any
    more; so that a model larger than memory can be written to a file matrix by matrix."""

    def arranged_bytes(self, name: str, shape: tuple[int, int]) -> int | None:
        """Of a matrix as its kernels will read it; None where its numbers decide, so that it must be placed first."""
        ...

    def arranged(self, weight: Weight) -> KernelMatrix:
        """A matrix that it placed; views of its memory. Raises Unsupported for one that a file has no place for."""
        ...


@runtime_checkable
class PreparingBackend(Backend, Protocol):
    """A backend whose matrices can be written to a file without loading the model."""

    @property
    def layout_version(self) -> int:
        """Of these matrices."""
        ...

    def arranger(self, spec: Decoder, formats: Mapping[str, str]) -> Arranger:
        """As `builder`, but without room for any weight yet."""
        ...


@runtime_checkable
class PreparingExecutable(Executable, Protocol):
    """An executable whose matrices can be written to a file as they are."""

    def kernel_matrices(self) -> KernelMatrices:
        """They are views: valid until it is closed."""
        ...


@runtime_checkable
class HostingExecutable(Executable, Protocol):
    """An executable whose threads can run other models of its backend."""

    def host(self, other: Executable, forward: Forward, cache: CacheShape, max_tokens: int) -> Executable:
        """`other`'s weights, which they share, over a cache of their own. Raises OutOfMemory, EngineError for a model
        of another backend or one that was closed."""
        ...


@dataclass(frozen=True)
class Excerpt:
    """A decoder that is made of parts of another."""

    spec: Decoder
    names: Mapping[str, str]  # by its names of weights, those of the other
    layers: tuple[int, ...]  # for each of its own, the one of the other's blocks that keeps its keys and values


@runtime_checkable
class LendingExecutable(Executable, Protocol):
    """An executable beside which decoders can run that read some of its weights."""

    def lend(
        self,
        names: Sequence[str],
        spec: Decoder,
        weights: Weights,
        forward: Forward,
        cache: CacheShape,
        max_tokens: int,
    ) -> Executable:
        """A pass of `spec` over these weights, which a builder of the same backend has placed, and those of its own
        that have these names; on the same threads or device, with a cache of its own. Raises OutOfMemory, EngineError
        where it was closed."""
        ...


@runtime_checkable
class SharingExecutable(Executable, Protocol):
    """An executable over whose weights and cache other passes can run."""

    def beside(self, forward: Forward, max_tokens: int, excerpt: Excerpt | None = None) -> Executable:
        """Another pass of the same decoder, or of a part of it; what one of them writes to the cache the other reads.
        Raises OutOfMemory, Unsupported where there can be one pass alone, EngineError where it was closed."""
        ...


@runtime_checkable
class TouchingExecutable(Executable, Protocol):
    """An executable that takes its memory from the system when it first writes to it, or before."""

    def touch(self, cache_bytes: int) -> None:
        """Takes what a step's activations need and the first `cache_bytes` of the cache; before any step runs."""
        ...


class CacheMemory(Protocol):
    """What an executable keeps of the past, as bytes that may be read and written between two steps."""

    def block(self, group: int, number: int) -> NDArray[np.uint8]:
        """Of a block of a page group; a view, as long for each block of the group."""
        ...

    def slot_bytes(self, number: int) -> NDArray[np.uint8]:
        """Of a slot; a view."""
        ...


@runtime_checkable
class KeepingExecutable(Executable, Protocol):
    """An executable whose cache can be taken from memory and brought back."""

    @property
    def cache_memory(self) -> CacheMemory:
        """Raises EngineError where it was closed."""
        ...

    @property
    def arithmetic(self) -> str:
        """Names all by which the bytes of a cache may differ that another program fills with the same model and
        tokens: of equal names they are equal."""
        ...

"""A loaded model: its spec, its executable and its rotations. What the engine runs steps on; knows no request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import (
    CacheMemory,
    CacheShape,
    Executable,
    ExpertReader,
    ExpertReads,
    HostingExecutable,
    KeepingExecutable,
    KernelMatrices,
    PreparingExecutable,
    Rotations,
    SharingExecutable,
    StepOutput,
    TouchingExecutable,
)
from causerie.backends.step import Step
from causerie.errors import Unsupported
from causerie.models.decoder import forward, tapped
from causerie.models.draft_head import draft_forward, excerpt_of
from causerie.models.rope import RopeTable
from causerie.spec.decoder import Decoder

if TYPE_CHECKING:
    from causerie.backends.instruction_time import InstructionTime


class StepModel(Protocol):
    """What the engine needs of a model; a scripted one makes the engine testable without weights."""

    @property
    def vocab(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def cache(self) -> CacheShape: ...
    @property
    def max_tokens(self) -> int: ...
    @property
    def shared_length(self) -> int | None:
        """Dynamic rope: positions from here on depend on their request's own length, and in a request whose prompt is
        longer than this every position does; no other request may reuse such blocks. None: all may be shared."""
        ...

    @property
    def switch_length(self) -> int | None:
        """A sequence that grows beyond this length must be read again: all of its positions turn otherwise then. None
        where none does."""
        ...

    def run(self, step: Step) -> StepOutput:
        """Logits of the step's `rows` and hidden states of its `state_rows`."""
        ...


@runtime_checkable
class TappedModel(StepModel, Protocol):
    """A model that can tell what it makes of each token on its way."""

    @property
    def taps(self) -> tuple[int, ...]:
        """The places of which a tapped step tells, ascending: see models/decoder.py."""
        ...

    def tap(self, places: Sequence[int]) -> None:
        """Has tapped steps tell of these places too, from now on; between two steps. Raises OutOfMemory, Unsupported
        for a model of which that cannot be told."""
        ...


@runtime_checkable
class Profiled(Protocol):
    """An executable that can tell what each instruction of a step cost."""

    def profile(self, step: Step, rotations: Rotations) -> list[InstructionTime]: ...


@dataclass
class Model:
    """The real `StepModel`."""

    spec: Decoder
    executable: Executable
    cache: CacheShape
    max_tokens: int  # most tokens in one step
    format: str  # how it holds what is not quantized: "bfloat16", "float32", …
    device: str
    weight_bytes: int
    read_bytes: int  # of weights, by each token of an answer: of experts those that it goes to
    quantization: str | None = None  # the quantized format of most of its matrices
    expert_bytes: int = 0  # of weight_bytes
    shadow: Model | None = None  # its own weights in fewer bits, over the same cache; not counted above
    draft_head: Model | None = None  # over a part of its cache; its weights are counted among `weight_bytes`
    further_heads: list[Model] = field(default_factory=list, repr=False)  # of several, those that guess further
    guests: list[Model] = field(default_factory=list, repr=False)  # others that it runs
    taps: tuple[int, ...] = field(default=(), init=False)
    _tapped: Executable | None = field(default=None, init=False, repr=False)  # the pass with taps
    _rotations: RopeTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rotations = RopeTable(self.spec.ropes)

    @property
    def vocab(self) -> int:
        """Number of logits in a row."""
        return self.spec.vocab

    @property
    def context(self) -> int:
        """Longest sequence, in tokens."""
        return self.spec.context

    @property
    def shared_length(self) -> int | None:
        """See StepModel."""
        return self._rotations.shared_length

    @property
    def switch_length(self) -> int | None:
        """See StepModel."""
        return self._rotations.switch_length

    def run(self, step: Step) -> StepOutput:
        """Logits of the step's `rows` and hidden states of its `state_rows`, and what taps give where it is tapped."""
        executable = self.executable if self._tapped is None or not step.tapped else self._tapped
        return executable.run(step, self._rotations.rows(step.positions, step.rope_lengths))

    def tap(self, places: Sequence[int]) -> None:
        """See TappedModel."""
        taps = tuple(sorted({*self.taps, *places}))
        if taps == self.taps:
            return
        if not isinstance(self.executable, SharingExecutable) or self.spec.streams is not None:
            raise Unsupported(f"Nothing can be told of the way of tokens through this {self.spec.family} model.")
        made = self.executable.beside(tapped(taps), self.max_tokens)
        if self._tapped is not None:
            self._tapped.close()
        self._tapped, self.taps = made, taps

    def profile(self, step: Step) -> list[InstructionTime]:
        """Runs a step as `run` does and tells what each instruction cost. Raises Unsupported where the backend has no
        instructions to time."""
        if not isinstance(self.executable, Profiled):
            raise Unsupported(
                f"A step on {self.device} cannot be timed instruction by instruction; the native backend can do it."
            )
        return self.executable.profile(step, self._rotations.rows(step.positions, step.rope_lengths))

    def kernel_matrices(self) -> KernelMatrices:
        """Its matrices as its backend reads them. Raises Unsupported where they cannot be kept so."""
        if not isinstance(self.executable, PreparingExecutable):
            raise Unsupported(
                f"Only the native backend's weights can be prepared; this model is on {self.device} through torch. "
                "Load it with backend='native' (--backend native)."
            )
        return self.executable.kernel_matrices()

    def kept_cache(self) -> tuple[CacheMemory, str]:
        """Its cache, which may be taken to a disk and brought back, and by what its bytes may differ. Raises
        Unsupported where the backend's cannot be."""
        if not isinstance(self.executable, KeepingExecutable):
            raise Unsupported(
                f"Only the native backend's cache can be kept on the disk; this model is on {self.device} through "
                "torch. Leave keep_cache (--keep-cache) out, or load it with backend='native' (--backend native)."
            )
        return self.executable.cache_memory, self.executable.arithmetic

    def touch(self, cache_bytes: int) -> None:
        """Takes memory from the system that steps would else wait for: all for activations and the first `cache_bytes`
        of the cache. Before any step runs; without effect where the backend has all of it from the start."""
        executable = self._tapped or self.executable  # the one that steps will run; the cache is both one's
        if isinstance(executable, TouchingExecutable):
            executable.touch(cache_bytes)
        for model in filter(None, (self.shadow, self.draft_head, *self.further_heads)):
            model.touch(0)  # its cache is this one's

    def expert_choices(self) -> list[NDArray[np.int64]]:
        """How many tokens went to each expert so far, for each layer that has experts."""
        choices = self.executable.expert_choices()
        if self._tapped is None:
            return choices
        return [one + other for one, other in zip(choices, self._tapped.expert_choices(), strict=True)]

    def expert_reads(self) -> ExpertReads | None:
        """What was read of experts that stay in their file; None where none do."""
        return self.executable.expert_reads() if isinstance(self.executable, ExpertReader) else None

    def host(self, other: Model, cache: CacheShape, max_tokens: int) -> Model:
        """The other model on this one's threads, with a cache of its own; it is closed with this one. Raises
        OutOfMemory, Unsupported where models cannot be run so."""
        if not isinstance(self.executable, HostingExecutable) or not isinstance(other.executable, HostingExecutable):
            raise Unsupported(
                "Only the native backend runs one model beside another, and one of these two is there through torch. "
                "Load both with backend='native'."
            )
        executable = self.executable.host(other.executable, forward, cache, max_tokens)
        guest = replace(other, executable=executable, cache=cache, max_tokens=max_tokens, shadow=None, guests=[])
        guest.draft_head, guest.further_heads = None, []
        self.guests.append(guest)
        return guest

    def close(self) -> None:
        """Frees weights and cache, the shadow's and the guests' too."""
        for model in (*self.guests, *self.further_heads, *filter(None, (self.shadow, self.draft_head))):
            model.close()
        for executable in filter(None, (self._tapped, self.executable)):
            executable.close()


HEAD_TOKENS = 256  # in a step of a draft head, which reads prompts in such chunks


def give_heads(model: Model, weight_bytes: int) -> None:
    """Gives a model the draft heads that it holds, which have so many bytes of weights for themselves. Raises
    OutOfMemory, Unsupported where there can be no second pass over its weights."""
    head = model.spec.draft_head
    if head is not None:
        model.draft_head = head_of(model, weight_bytes)
        model.further_heads = [head_of(model, 0, number) for number in range(1, head.count)]


def head_of(model: Model, weight_bytes: int, number: int = 0) -> Model:
    """The draft head that a model holds, or one of several, which has so many bytes of weights for itself. Raises
    OutOfMemory, Unsupported where there can be no second pass over its weights."""
    excerpt = excerpt_of(model.spec, number)
    if not isinstance(model.executable, SharingExecutable):
        raise Unsupported(f"On {model.device} no draft head runs beside its model.")
    (group,) = (place for place, group in enumerate(model.spec.page_groups) if set(excerpt.layers) <= set(group.layers))
    cache = replace(model.cache, groups=(model.cache.groups[group],), slots=0)
    executable = model.executable.beside(draft_forward, HEAD_TOKENS, excerpt)
    return replace(
        model,
        spec=excerpt.spec,
        executable=executable,
        cache=cache,
        max_tokens=HEAD_TOKENS,
        weight_bytes=weight_bytes,
        read_bytes=weight_bytes,
        expert_bytes=0,
        shadow=None,
        draft_head=None,
        further_heads=[],
        guests=[],
    )

"""How large the inputs of a model's matrices are, measured before these are quantized: some tokens go through the model
as it is stored, a layer at a time, so that one layer more is in memory and no more.

Knows no format: what is done with the numbers, encoders know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from causerie.backends.ops import Backend, BlockCount, CacheShape, Executable, Forward, SharingBuilder, StepOutput
from causerie.backends.step import BlockTables, Int32, Step
from causerie.errors import Unsupported
from causerie.loading.quantize import MeasuredInputs
from causerie.loading.read_share import is_of_expert
from causerie.loading.sources import PlainSource, Transfer
from causerie.models.input_taps import ExpertPass, InputReading, LayerPass, Place
from causerie.models.rope import RopeTable
from causerie.quant.transform import Transform, evening
from causerie.quant.weight import Weight
from causerie.spec.alt_up import STREAMS
from causerie.spec.decoder import EMBEDDING, HEAD, NORM, Decoder
from causerie.spec.layer_input import LAYER_INPUTS

TEXTS, TEXT_TOKENS = 4, 128
"""Random tokens serve as well as written ones: how many texts of how many of them are read."""
EXPERT_ROWS = 32  # of a layer's inputs that all of its experts read, of which only a few would


def random_texts(vocab: int, context: int) -> list[Int32]:
    """Texts of tokens that are drawn from the vocabulary, the same ones each time."""
    drawn = np.random.default_rng(0).integers(0, vocab, (TEXTS, min(TEXT_TOKENS, context)))
    return list(drawn.astype(np.int32))


def measured_inputs(
    spec: Decoder,
    sources: Iterable[PlainSource],
    plain: Mapping[str, str],
    texts: Sequence[Int32],
    transfer: Transfer,
    backend: Backend,
) -> MeasuredInputs:
    """What each matrix of `spec` reads of these texts, its weights being held in `plain` formats for as long. Raises
    OutOfMemory; Unsupported for a backend whose models share no cache."""
    return _Measurement(spec, {each.weight.name: each for each in sources}, plain, texts, transfer, backend).inputs()


@dataclass
class _Measurement:
    spec: Decoder
    sources: Mapping[str, PlainSource]
    plain: Mapping[str, str]
    texts: Sequence[Int32]
    transfer: Transfer
    backend: Backend
    _first: Executable | None = field(default=None, init=False)  # whose cache all passes share
    _squares: dict[str, NDArray[np.float32]] = field(default_factory=dict, init=False)
    _pieces: set[str] = field(default_factory=set, init=False)  # matrices that read some columns of a row

    def __post_init__(self) -> None:
        """Tables that are read by rows are held with the rows of the texts alone, numbered anew."""
        own = replace(self.spec, draft_head=None)
        self._tokens = np.concatenate(self.texts)
        self._rotations = RopeTable(own.ropes)
        layer_input, count = own.layer_input, len(self._tokens)
        if layer_input is not None:
            own = own.each_layer(input=replace(layer_input, vocab=count))
        self._spec = replace(own, vocab=count, tied=False)

    def inputs(self) -> MeasuredInputs:
        """A pass after the other."""
        outside = [name for name in self._names if not name.startswith("layers.")]
        entry = LayerPass("entry")
        rows = self._run(entry, [name for name in outside if not name.startswith(NORM)], None)
        x = rows[:, entry.result, : self._width]
        extra = None if entry.extra is None else rows[:, entry.extra, : self._extra_width]
        del rows
        places: list[Place] = [*range(len(self._spec.layers)), "exit"]
        for place in places:
            begins = (NORM, STREAMS) if place == "exit" else (f"layers.{place}.",)
            names = [name for name in self._names if name.startswith(begins)]
            features = x if extra is None else np.concatenate((x, extra), 1)
            layer = LayerPass(place)
            rows = self._run(layer, names, np.ascontiguousarray(features))
            x = rows[:, layer.result, : self._width].copy()
        if self._first is not None:
            self._first.close()
        self._squares[HEAD] = self._squares[self.spec.head]  # a shadow has a head of its own
        looked_up = {weight.name for weight in self.spec.looked_up}
        return MeasuredInputs(self._squares, self._evened(self._squares.keys() - self._pieces - looked_up))

    def _evened(self, names: Set[str]) -> dict[str, Transform]:
        """What evens the inputs of each matrix, one for all that read the same; the last ones of experts share one, for
        theirs are rows of one array."""
        by_squares: dict[bytes, Transform | None] = {}
        transforms = {}
        for name in sorted(names):
            squares = self._squares[name]
            if is_of_expert(name) and name.endswith(".down"):
                squares = np.ones_like(squares)
            key = squares.tobytes()
            if key not in by_squares:
                by_squares[key] = evening(squares)
            transform = by_squares[key]
            if transform is not None:
                transforms[name] = transform
        return transforms

    @property
    def _names(self) -> list[str]:
        return [weight.name for weight in self._spec.weights() if not weight.name.startswith(HEAD)]

    @property
    def _width(self) -> int:
        streams = self._spec.streams
        return self._spec.width if streams is None else streams.count * streams.width

    @property
    def _extra_width(self) -> int:
        layer_input = self._spec.layer_input
        return 0 if layer_input is None else layer_input.width * len(self._spec.layers)

    def _run(self, layer: LayerPass, names: Sequence[str], features: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """What the taps of a pass give, [tokens, taps, width of the widest]; of its matrices the squares are noted."""
        builder = self.backend.builder(self._spec, {name: self.plain[name] for name in names}, briefly=True)
        if not isinstance(builder, SharingBuilder):
            raise Unsupported(f"On {self.backend.device} no passes share a cache; load it with calibrate='none'.")
        weights = {name: self._weight(name, builder) for name in names}
        executable = self._executable(builder, weights, layer, len(self._tokens))
        rows = _taps(executable.run(self._step(features), self._turns(np.concatenate(self._positions))))
        self._note(layer.readings, rows, weights)
        if isinstance(layer.place, int) and self._spec.layers[layer.place].experts is not None:
            self._note_experts(layer.place, layer.readings, rows, builder, weights)
        if executable is not self._first:
            executable.close()
        return rows

    def _executable(
        self, builder: SharingBuilder, weights: Mapping[str, Weight], forward: Forward, tokens: int
    ) -> Executable:
        if self._first is not None:
            return builder.compile_beside(self._first, weights, forward, tokens)
        blocks = len(self.texts) * self._text_blocks
        groups = tuple(BlockCount(blocks, group.window) for group in self._spec.page_groups)
        slots = len(self.texts) if self._spec.slot_layers else 0
        plain = next(iter(self.plain.values()))
        self._first = builder.compile(
            weights, forward, CacheShape(groups, self.backend.block_size, plain, slots), tokens
        )
        return self._first

    def _weight(self, name: str, builder: SharingBuilder) -> Weight:
        source = self.sources[name]
        if name in (EMBEDDING, f"{LAYER_INPUTS}table"):
            source = replace(source, weight=source.weight._replace(shape=(len(self._tokens), source.weight.shape[1])))
            return self._table_weight(source, builder)
        return source.place(replace(self.transfer, builder=builder), self.plain[name], _unreported)

    def _table_weight(self, source: PlainSource, builder: SharingBuilder) -> Weight:
        """A table of the rows that the texts' tokens name."""
        index, rows = self.transfer.index, self.sources[source.weight.name].weight.shape[0]
        numbers = [int(token) if token < rows else 0 for token in self._tokens]

        def read(start: int, stop: int) -> NDArray[np.float32]:
            parts = [source.expression.read(index, slice(number, number + 1)) for number in numbers[start:stop]]
            return np.concatenate(parts)

        return builder.place(source.weight.name, source.weight.shape, read, source.stored)

    def _note(self, readings: Sequence[InputReading], rows: NDArray[np.float32], weights: Mapping[str, Weight]) -> None:
        """The mean square of each column of each tap, shared by those that read the same."""
        means = np.einsum("nti,nti->ti", rows, rows) / np.float32(len(rows))
        for reading in readings:
            if reading.piece:
                self._pieces.update(reading.names)
            for name in reading.names:
                width = self._spec.width if name == HEAD else weights[name].shape[1]
                self._squares[self.spec.head if name == HEAD else name] = means[
                    reading.tap, reading.first : reading.first + width
                ]

    def _note_experts(
        self,
        layer: int,
        readings: Sequence[InputReading],
        rows: NDArray[np.float32],
        builder: SharingBuilder,
        weights: Mapping[str, Weight],
    ) -> None:
        """The same of the last matrices of experts."""
        up = f"layers.{layer}.ffn.experts.0.up"
        tap = next(reading.tap for reading in readings if up in reading.names)
        features = rows[:: -(-len(rows) // EXPERT_ROWS), tap, : weights[up].shape[1]]
        forward, count = ExpertPass(layer), len(features)
        executable = self._executable(builder, weights, forward, count)
        step = _step(
            [np.arange(count, dtype=np.int32)], len(self._spec.page_groups), self._text_blocks, features, self._slots
        )
        self._note(forward.readings, _taps(executable.run(step, self._turns(step.positions))), weights)
        executable.close()

    @property
    def _positions(self) -> list[Int32]:
        return [np.arange(len(text), dtype=np.int32) for text in self.texts]

    @property
    def _text_blocks(self) -> int:
        return -(-max(map(len, self.texts)) // self.backend.block_size)

    @property
    def _slots(self) -> bool:
        return bool(self._spec.slot_layers)

    def _step(self, features: NDArray[np.float32] | None) -> Step:
        return _step(self._positions, len(self._spec.page_groups), self._text_blocks, features, self._slots)

    def _turns(self, positions: Int32) -> tuple[NDArray[np.float32], ...]:
        return self._rotations.rows(positions, positions + np.int32(1))


def _step(
    positions: Sequence[Int32], groups: int, blocks: int, features: NDArray[np.float32] | None, slots: bool
) -> Step:
    """A step that reads whole texts, each in `blocks` blocks of its own and with a slot of its own; tokens are numbered
    as they come."""
    texts, count = len(positions), sum(map(len, positions))
    table = BlockTables(
        np.arange(texts * blocks, dtype=np.int32),
        np.arange(0, texts * blocks + 1, blocks, dtype=np.int32),
        np.zeros((0, 2), np.int32),
    )
    own = [[-1, i] for i in range(texts)] if slots else []
    joined = np.concatenate(positions)
    return Step(
        tokens=np.arange(count, dtype=np.int32),
        positions=joined,
        starts=np.array(list(accumulate(map(len, positions), initial=0)), np.int32),
        tables=(table,) * groups,
        slots=np.array(own, np.int32).reshape(-1, 2),
        rows=np.zeros(0, np.int32),
        rope_lengths=joined + np.int32(1),
        tapped=True,
        features=None if features is None else np.ascontiguousarray(features),
    )


def _taps(output: StepOutput) -> NDArray[np.float32]:
    assert output.taps is not None  # every pass has some
    return output.taps


def _unreported(rows: int) -> None:
    """What is read to be measured is read once more to be placed."""

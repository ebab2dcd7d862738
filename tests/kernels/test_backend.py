"""What the native backend refuses and how it says so; closing, forking, threads, memory."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from causerie.backends.native import arena, library
from causerie.backends.native.abi import Op
from causerie.backends.native.assembly import share_memory
from causerie.backends.native.backend import NativeBackend, usable_cores
from causerie.backends.native.line import WIDE, Value
from causerie.backends.native.program import number
from causerie.backends.ops import BlockCount, CacheShape
from causerie.backends.step import Step
from causerie.errors import BackendUnavailable, ConfigError, EngineError, OutOfMemory, UnknownName, UsageError
from causerie.models.decoder import forward
from causerie.models.model import Model
from causerie.models.rope import RopeTable
from causerie.spec.decoder import Decoder
from causerie.spec.ops import Linear, Ops, Weights
from tests.kernels.decoders import (
    BLOCKS,
    RUNNABLE,
    Shape,
    build,
    logits_only,
    make_step,
    random_weights,
    room_for,
    some_tokens,
)


def tiny(threads: int = 1, format: str = "bfloat16") -> Model:
    spec = Shape(layers=1).decoder()
    return build(spec, random_weights(spec, format), threads=threads, max_tokens=64)


@pytest.fixture(scope="module")
def model() -> Model:
    return tiny()


GOOD = make_step([([1, 2, 3], 0, [5]), ([4], 40, [6, 7])])


def changed(**parts: list[int]) -> Step:
    return replace(GOOD, **{name: np.array(part, np.int32) for name, part in parts.items()})


def test_a_cache_of_another_model() -> None:
    spec = Shape(windows=(None, 20), taps=3, layers=4).decoder()
    builder = NativeBackend(1).builder(spec, {})
    good = room_for(spec, 32, "float32")
    with pytest.raises(EngineError, match=r"groups of blocks for windows \[None\], and .* layers have \[20\]"):
        builder.compile({}, forward, replace(good, groups=(BlockCount(4),)), 4)
    with pytest.raises(EngineError, match="A cache has 0 slots, and 2 layers of this test model keep one"):
        builder.compile({}, forward, replace(good, slots=0), 4)
    plain = Shape().decoder()
    with pytest.raises(EngineError, match="A cache has 3 slots, and 0 layers"):
        NativeBackend(1).builder(plain, {}).compile({}, forward, CacheShape((BlockCount(4),), 32, "float32", 3), 4)


def test_any_number_of_matrices_is_one_instruction() -> None:
    """A program once had room for four."""
    spec = Shape(layers=0).decoder()

    def products(count: int) -> Callable[[Ops, Decoder, Weights], Any]:
        """The sum of as many times the same logits."""

        def forward(ops: Ops, spec: Decoder, weights: Weights) -> Any:
            first, *others = ops.linear(ops.select(ops.embed(weights["embed"])), *[Linear(weights["embed"])] * count)
            for each in others:
                first = ops.add(first, each)
            return first

        return forward

    stored = random_weights(spec, "bfloat16")
    several = build(spec, stored, forward=logits_only(products(9)), threads=2)
    step = replace(GOOD, tables=())
    once = total = build(spec, stored, forward=logits_only(products(1))).run(step).logits
    for _ in range(8):
        total = total + once
    np.testing.assert_array_equal(several.run(step).logits, total)
    instructions = several.executable.instructions  # type: ignore[attr-defined]
    (linear,) = instructions[instructions["op"] == number(Op.LINEAR)]
    assert linear["part_count"] == 9


def test_the_good_step_runs(model: Model) -> None:
    assert np.isfinite(model.run(GOOD).logits).all()


def test_the_logits_are_the_callers_own(model: Model) -> None:
    first = model.run(GOOD).logits
    before = first.copy()
    model.run(changed(tokens=[9, 9, 9, 9]))
    np.testing.assert_array_equal(first, before)


def test_touching_changes_no_logits(model: Model) -> None:
    touched = tiny()
    touched.touch(1 << 20)
    np.testing.assert_array_equal(touched.run(GOOD).logits, model.run(GOOD).logits)


def test_touching_takes_what_comes_first_of_everything_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Shape(windows=(None, None, None, 20), layers=6, taps=3).decoder()
    model = build(spec, random_weights(spec), cache="bfloat16")
    layers = model.executable._caches.layers  # type: ignore[attr-defined]
    slots = next(each for each in model.executable.instructions if each["slots"])["slots"]  # type: ignore[attr-defined]
    firsts = [*(layers[layers["tables"] == group]["address"].min() for group in range(2)), slots]
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(arena.Arena, "touch", lambda self, most, first=0: calls.append((first, most)))
    model.touch(1 << 19)
    (_, activations), *kept = calls
    assert activations > 0
    assert [first for first, _ in kept] == [first - firsts[0] for first in firsts]
    shares = [most for _, most in kept]
    assert (1 << 19) - 3 <= sum(shares) <= 1 << 19 and shares[0] > shares[1] > shares[2] > 0
    calls.clear()
    model.touch(1 << 40)
    strides = [int(layers[layers["tables"] == group]["block_stride"][0]) for group in range(2)]
    assert [most for _, most in calls[1:3]] == [BLOCKS * strides[0], (BLOCKS + 1) * strides[1]]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="only Linux tells what is resident")
def test_touched_memory_is_resident_and_no_more_than_was_asked() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    memory = arena.Arena(64 << 20, "a test")
    memory.take(64 << 20)
    before = resident()
    memory.touch(24 << 20)
    assert 24 << 20 <= resident() - before <= 32 << 20
    memory.touch(1 << 40)
    assert resident() - before >= 64 << 20


def test_closed(model: Model) -> None:
    mine = tiny()
    mine.close()
    matrices = mine.executable.kernel_matrices  # type: ignore[attr-defined]
    for use in (lambda: mine.run(GOOD), lambda: mine.touch(1), matrices):
        with pytest.raises(EngineError, match="closed"):
            use()
    mine.close()


def test_two_models_on_one_backend_from_many_threads() -> None:
    spec = Shape(layers=1).decoder()
    stored = random_weights(spec, "bfloat16")
    backend = NativeBackend(threads=2)
    models = []
    for _ in range(2):
        builder = backend.builder(spec, dict.fromkeys(stored, "bfloat16"))
        weights = {
            name: builder.place(name, shape, lambda a, b, name=name: stored[name][a:b], "bfloat16")
            for name, shape, _ in spec.weights()
        }
        room = room_for(spec, 32, "bfloat16")
        models.append(Model(spec, builder.compile(weights, forward, room, 64), room, 64, "bfloat16", "cpu", 1, 1))
    expected = models[0].run(GOOD).logits
    wrong: list[int] = []

    def work(mine: Model) -> None:
        for i in range(40):
            if not np.array_equal(mine.run(changed(positions=[0, 1, 2, 0], rows=[0, 1, 2])).logits, expected[:3]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(each,)) for each in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_runs_on_threads_of_its_own() -> None:
    mine = tiny(threads=3)
    expected = mine.run(GOOD).logits
    threads = Path("/proc/self/task")  # of Linux
    child = os.fork()
    if child == 0:
        before = len(list(threads.iterdir())) if threads.exists() else 0
        same = np.array_equal(mine.run(GOOD).logits, expected)
        started = len(list(threads.iterdir())) - before if threads.exists() else 2
        os._exit(0 if same and started == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(mine.run(GOOD).logits, expected)


def test_instruction_sets() -> None:
    names = [each.name for each in library.instruction_sets()]
    assert names == ["avx512_bf16", "avx512", "avx2_vnni", "avx2", "portable"]
    assert "portable" in RUNNABLE
    assert NativeBackend(1).machine.instruction_set.name == RUNNABLE[0]
    assert NativeBackend(1, "portable").machine.instruction_set.name == "portable"
    with pytest.raises(UnknownName, match=r"'avx1024'\. Known, nearest first: avx"):
        NativeBackend(1, "avx1024")


def test_an_instruction_set_that_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = (library.InstructionSet("avx2", 0, "the processor lacks avx2"), library.InstructionSet("portable", 1, None))
    monkeypatch.setattr(library, "instruction_sets", lambda: sets)
    assert library.choose().name == "portable"
    with pytest.raises(BackendUnavailable, match=r"'avx2' was asked .* lacks avx2\. These can: portable\."):
        library.choose("avx2")


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_threads_out_of_range(threads: int) -> None:
    with pytest.raises(UsageError, match="1 to 1024"):
        NativeBackend(threads)


def test_threads_that_the_system_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    library.instruction_sets()
    monkeypatch.setattr(library, "kernels", lambda: SimpleNamespace(causerie_pool_new=lambda threads: None))
    with pytest.raises(BackendUnavailable, match="The system refused 3 threads"):
        NativeBackend(3)


def test_threads_default_to_the_usable_cores() -> None:
    assert NativeBackend().machine.threads == usable_cores()


def test_no_library_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "package", SimpleNamespace(__path__=[str(tmp_path)]))
    with pytest.raises(BackendUnavailable, match="was not built"):
        library.kernels.__wrapped__()
    (tmp_path / library.FILES[0]).write_bytes(b"no library")
    with pytest.raises(BackendUnavailable, match="does not load"):
        library.kernels.__wrapped__()


def test_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Shape().decoder()
    huge = replace(spec, vocab=2**40)
    with pytest.raises(OutOfMemory, match=r"The model needs .* GB and .* are free"):
        NativeBackend(1).builder(huge, {name: "float32" for name, *_ in huge.weights()})
    monkeypatch.setattr(arena, "available_bytes", lambda: None)
    with pytest.raises(OutOfMemory, match="the system refused it"):
        NativeBackend(1).builder(replace(spec, vocab=2**55), {name: "float32" for name, *_ in spec.weights()})


def test_unknown_formats_and_weights_that_no_builder_was_told_of() -> None:
    spec = Shape().decoder()
    with pytest.raises(UnknownName, match="weight format 'int3'"):
        NativeBackend(1).builder(spec, {"embed": "int3"})
    builder = NativeBackend(1).builder(spec, {"norm": "float32"})
    with pytest.raises(EngineError, match="'embed' is placed, and the builder was not told of it"):
        builder.place("embed", (2, 2), lambda a, b: np.zeros((b - a, 2), np.float32), "float32")
    with pytest.raises(EngineError, match="'embed' is placed as int8, and the builder was not told of it"):
        builder.place_quantized("embed", (64, 64), "int8", lambda a, b: {})


@pytest.mark.parametrize(
    ("alter", "says"),
    [
        (lambda shape: replace(shape, head_dim=1024), "heads of 1024 elements"),
        (lambda shape: replace(shape, head_dim=7, dims=6), "heads of 7 elements"),
        (lambda shape: replace(shape, mixer={"own_value_dim": 1024}), "heads of 1024 elements"),
        (lambda shape: replace(shape, mixer={"own_value_dim": 9}), "heads of 9 elements"),
        (lambda shape: replace(shape, dims=22), "turns 22 of 20"),
    ],
)
def test_heads_the_kernels_cannot_hold(alter: Callable[[Shape], Shape], says: str) -> None:
    spec = alter(Shape()).decoder()
    with pytest.raises(ConfigError, match=says):
        build(spec, random_weights(spec))


def test_blocks_of_another_size() -> None:
    spec = Shape().decoder()
    builder = NativeBackend(1).builder(spec, {})
    with pytest.raises(EngineError, match="blocks of 32 positions, not 16"):
        builder.compile({}, forward, room_for(spec, 16, "float32"), 4)


def test_the_program_rounds_where_it_writes_and_reuses_memory() -> None:
    """A layer of bfloat16 has 12 lines: no rounding of its own, and few buffers however many layers."""
    spec = Shape(layers=9).decoder()
    model = build(spec, random_weights(spec, "bfloat16"), max_tokens=8)
    executable = model.executable
    operations = executable.instructions["op"]  # type: ignore[attr-defined]
    assert number(Op.ROUND) not in operations
    assert len(operations) == 1 + 12 * 9 + 3 + 2  # the last two are of the exit of states
    assert len(executable._traced.buffers) <= 9  # type: ignore[attr-defined]


def test_values_that_live_together_never_share_memory() -> None:
    """Replays every program over symbolic memory: each input still holds what its line computed."""
    from causerie.backends.native.assembly import fold_roundings
    from causerie.backends.native.cache import LayerCaches
    from causerie.backends.native.trace import NativeOps

    shapes = (
        Shape(),
        Shape(qk_norm=True, tied=False, bias=True, width=101),
        Shape(experts=4, active=3),
        Shape(taps=3, layers=3),
    )
    for shape in shapes:
        spec = shape.decoder()
        model = build(spec, random_weights(spec, "bfloat16"), max_tokens=8)
        ops = NativeOps(spec, LayerCaches(spec, model.cache))
        results = forward(ops, spec, model.executable._weights)  # type: ignore[attr-defined]
        lines = fold_roundings(ops.lines, results)
        memory = share_memory(lines, {result.number: 4 * result.width for result in results})
        holds: dict[int, Value] = {}
        for line in lines:
            assert all(holds[memory.buffer_of[value.number]].number == value.number for value in line.inputs)
            inputs = {memory.buffer_of[value.number] for value in line.inputs}
            for value in line.outputs:
                assert memory.buffer_of[value.number] not in inputs or value in line.inputs
                strides = memory.strides + memory.outer_strides
                assert [*memory.times, 1, 1][memory.buffer_of[value.number]] == value.times
                assert strides[memory.buffer_of[value.number]] >= value.width * (4 if value.form == WIDE else 2)
                holds[memory.buffer_of[value.number]] = value


def test_a_profile_times_every_instruction_and_counts_what_is_read() -> None:
    """The same logits; weights once, keys and values of the past per sequence."""
    spec = Shape(layers=2, window=40).decoder()
    model = build(spec, random_weights(spec, "bfloat16"), cache="bfloat16")
    step = make_step([(some_tokens(5, 203), 60, [0, 1, 2]), ([7], 3, [5])], rows=[4])
    expected = model.run(step).logits
    rotations = RopeTable(spec.ropes).rows(step.positions, step.rope_lengths)
    timings = model.executable.profile(step, rotations)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(model.run(step).logits, expected)
    assert [timing.operation for timing in timings[:4]] == ["copy", "embed", "norm", "linear"]
    assert len(timings) == 1 + len(model.executable.instructions)  # type: ignore[attr-defined]
    assert all(timing.seconds >= 0 for timing in timings)
    matrices = sum(timing.nbytes for timing in timings if timing.operation == "linear")
    weights = model.executable._weights.values()  # type: ignore[attr-defined]
    assert matrices == sum(weight.nbytes for weight in weights if len(weight.shape) == 2)
    past = [timing.nbytes for timing in timings if timing.operation == "attention"]
    position = model.executable._caches.layers[0]["block_bytes"] // 32  # type: ignore[attr-defined]
    assert past == [(65 - 21 + 4) * position] * 2
    assert timings[3].detail == "layers.0.mixer.q layers.0.mixer.k layers.0.mixer.v (bfloat16)"

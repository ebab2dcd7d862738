"""Experts that stay in their file: the same logits to the last bit from little memory, whatever is read when; what was
read is counted; and what cannot be read is an error of its request."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie import AutoModelForCausalLM
from causerie.backends.native.arena import aligned
from causerie.checkpoint.safetensors import SafetensorsIndex
from causerie.cli.conversation.expert_lines import reads_line
from causerie.errors import CauserieError, OutOfMemory, Unsupported, UsageError, WeightFileError
from causerie.loading.load import survey
from causerie.models.config import read_config
from causerie.plan.expert_memory import expert_memory
from tests.parity.cases import Case
from tests.parity.harness import prompt_logits, save_case, some_tokens

LAYERS, EXPERTS, ACTIVE, PAGE = 5, 16, 3, 4096
MANY = Case(
    "mixtral, many experts",
    "mixtral",
    {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": LAYERS,
        "num_local_experts": EXPERTS,
        "num_experts_per_tok": ACTIVE,
    },
)
PROMPTS = [some_tokens(length, length) for length in (40, 7, 1, 23)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared model in int8."""
    plain = save_case(MANY, tmp_path_factory.mktemp("plain") / "model")
    target = tmp_path_factory.mktemp("prepared") / "model"
    with opened(plain, quantization="int8") as model:
        model.save_pretrained(target, prepared=True, progress=False)
    return target


@pytest.fixture(scope="module")
def slot(folder: Path) -> int:
    """Bytes of memory that an expert takes: whole pages, wherever in the first it begins."""
    with SafetensorsIndex.open(folder) as index:
        names = [name for name in index.names() if ".experts.0.w" in name and ".layers.0." in name]
        size = sum(aligned(index.extent(name).nbytes) for name in names)
    return -(-size // PAGE) * PAGE + PAGE


def opened(folder: Path, **options: Any) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder, backend="native", progress=False, **options)


def logits(model: Any, prompts: list[list[int]]) -> list[NDArray[Any]]:
    return [np.asarray(model([prompt]).logits) for prompt in prompts]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layers", [1, 2, LAYERS])
def test_the_same_logits_from_room_for_some_layers(folder: Path, slot: int, layers: int, threads: int) -> None:
    with (
        opened(folder, threads=threads) as whole,
        opened(folder, threads=threads, expert_memory=layers * EXPERTS * slot) as model,
    ):
        for _ in range(2):  # anew, and with what the first round left
            for some, expected in zip(logits(model, PROMPTS), logits(whole, PROMPTS), strict=True):
                np.testing.assert_array_equal(some, expected)
        options = {"max_new_tokens": 12, "do_sample": False}
        assert model.generate(PROMPTS, **options) == whole.generate(PROMPTS, **options)
        assert whole.expert_reads() is None
        reads = model.expert_reads()
    assert (reads.experts, reads.slots) == (LAYERS * EXPERTS, layers * EXPERTS)
    assert reads.misses > 0 and (layers < LAYERS or reads.misses + reads.early <= LAYERS * EXPERTS)


def test_what_was_read_is_counted(folder: Path, slot: int) -> None:
    with opened(folder, expert_memory=LAYERS * EXPERTS * slot) as model:
        before = model.expert_reads()
        assert "memory holds 80 of 80" in reads_line(**vars(before))
        model([PROMPTS[0][:1]])
        first = model.expert_reads()
        model([PROMPTS[0][:1]])
        second = model.expert_reads()
    # A token goes to as many experts of each layer; the first layer's are never read ahead.
    assert (before.hits, before.misses, before.early, before.nbytes) == (0, 0, 0, 0)
    assert first.hits + first.misses + first.early == LAYERS * ACTIVE and first.misses >= ACTIVE
    assert first.nbytes >= (first.misses + first.early) * (slot - 2 * PAGE)
    assert second.misses == first.misses and second.hits + second.early == first.hits + first.early + LAYERS * ACTIVE
    assert "GB read" in reads_line(**vars(second))


def test_the_next_layer_is_read_ahead(folder: Path, slot: int) -> None:
    """By its router: of these random ones it guesses some, where chance would have guessed hardly any."""
    with opened(folder, expert_memory=2 * EXPERTS * slot) as model:
        for token in range(5, 45):
            model([[token]])
        reads = model.expert_reads()
    assert reads.early > 0.3 * (reads.early + reads.misses)


def test_experts_that_are_used_often_stay(folder: Path, slot: int) -> None:
    often, once = [[11]], range(20, 60)
    with opened(folder, expert_memory=3 * EXPERTS * slot) as model:
        for _ in range(30):
            model(often)
        for token in once:
            model([[token]])
        before = model.expert_reads()
        model(often)
        after = model.expert_reads()
    assert after.misses == before.misses


def test_room_that_is_too_small(folder: Path, slot: int) -> None:
    with pytest.raises(OutOfMemory, match=rf"the {EXPERTS} of one layer need"):
        opened(folder, expert_memory=EXPERTS * slot - 1)


@pytest.mark.parametrize("asked", [0, -5])
def test_room_that_is_none(folder: Path, asked: int) -> None:
    with pytest.raises(UsageError, match="a number of bytes"):
        opened(folder, expert_memory=asked)


def test_where_experts_cannot_stay_in_their_file(
    folder: Path, slot: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = save_case(MANY, tmp_path / "plain")
    with pytest.raises(UsageError, match="causerie prepare"):
        opened(plain, expert_memory=10**9)
    dense = save_case(Case("llama", "llama", {}), tmp_path / "dense")
    with pytest.raises(UsageError, match="no experts"):
        opened(dense, expert_memory=10**9)
    with opened(plain, dtype="bfloat16", packing="lossless") as model:
        model.save_pretrained(tmp_path / "packed", prepared=True, progress=False)
    with pytest.raises(Unsupported, match="--quantization"):
        opened(tmp_path / "packed", expert_memory=10**9)


def test_it_is_saved_as_it_was_prepared(folder: Path, slot: int, tmp_path: Path) -> None:
    with opened(folder, expert_memory=EXPERTS * slot) as model:
        model.save_pretrained(tmp_path / "again", prepared=True, progress=False)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Iterator[Path]:
    target = tmp_path / "copy"
    target.mkdir()
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    yield target


def test_a_file_that_is_cut_while_it_runs(copy: Path, slot: int) -> None:
    """A request that needs what is gone ends with an error that says so; what is in memory goes on."""
    with opened(copy, expert_memory=LAYERS * EXPERTS * slot) as model:
        before = np.asarray(model([PROMPTS[1]]).logits)
        os.truncate(copy / "model.safetensors", 8192)
        with pytest.raises(CauserieError, match=r"could not be read.*load the model again"):
            model([PROMPTS[0]])
        np.testing.assert_array_equal(np.asarray(model([PROMPTS[1]]).logits), before)


def test_a_file_that_is_another_one(copy: Path, slot: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = SafetensorsIndex.extent

    def changed(self: SafetensorsIndex, name: str) -> Any:
        extent = begin(self, name)
        os.utime(extent.path, ns=(1, 1))
        return extent

    monkeypatch.setattr(SafetensorsIndex, "extent", changed)
    with pytest.raises(WeightFileError, match="changed while it was loading"):
        opened(copy, expert_memory=EXPERTS * slot)


def _logits_of_child(model: Any, results: Any) -> None:
    results.put(prompt_logits(model.step_model, [PROMPTS[3]])[0])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_reads_by_itself(folder: Path, slot: int) -> None:
    with opened(folder, expert_memory=EXPERTS * slot) as model:
        expected = prompt_logits(model.step_model, [PROMPTS[3]])[0]
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=_logits_of_child, args=(model, results))
        child.start()
        try:
            np.testing.assert_array_equal(results.get(timeout=60), expected)
        finally:
            child.join(timeout=60)
            child.kill()


def test_how_much_memory_experts_get(folder: Path) -> None:
    with SafetensorsIndex.open(folder) as index:
        weights = survey(index, read_config(folder))
    others = weights.nbytes - weights.expert_bytes
    assert 0.5 * weights.nbytes < weights.expert_bytes < weights.nbytes
    assert expert_memory(weights, 100 * weights.nbytes, 32) is None
    some = expert_memory(weights, weights.nbytes, 32)
    more = expert_memory(weights, weights.nbytes + 80_000, 32)
    assert some is not None and more is not None
    assert some < more < weights.expert_bytes and some + others < weights.nbytes
    assert more - some == pytest.approx(70_000, abs=2)  # seven parts of eight
    assert expert_memory(weights, others // 2, 32) == 0
    assert expert_memory(weights, weights.nbytes, 32, tokens=10**6) == 0

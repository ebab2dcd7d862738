"""The cache on the disk, by a law under random traffic: after a restart every answer is the one that its request has
alone, whatever came back, was cut off or was damaged (the scripted model checks each row that it reads)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from causerie.backends.ops import BlockCount
from causerie.cache.disk import keeper, recall, text_pieces
from causerie.cache.disk.folder import PieceFolder
from causerie.cache.disk.piece import open_piece
from causerie.decoding.params import SamplingParams
from causerie.engine.engine import Engine
from causerie.engine.thread import EngineThread
from tests.engine.scripted import ScriptedModel
from tests.engine.test_traffic import alone

SHAPES: dict[str, dict[str, Any]] = {
    "pages": {},
    "window": {"full": False, "windows": (BlockCount(16, 13),)},
    "windows": {"windows": (BlockCount(14, 9), BlockCount(15, 22))},
    "slots": {"slots": 6},
    "slots alone": {"full": False, "slots": 6},
    "windows and slots": {"windows": (BlockCount(14, 9),), "slots": 6},
}


class Cells:
    """Pairs of numbers in memory that a file can be read to."""

    def __init__(self, memory: NDArray[np.uint64]) -> None:
        self.memory = memory

    def __getitem__(self, at: Any) -> Any:
        pairs = self.memory[at].tolist()
        return [tuple(pair) for pair in pairs] if isinstance(at, slice) else tuple(pairs)

    def __setitem__(self, at: Any, value: Any) -> None:
        self.memory[at] = value


class BytesModel(ScriptedModel):
    """A scripted model whose cache is bytes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cells = [Cells(np.zeros((len(each), 2), np.uint64)) for each in self.cells]  # type: ignore[misc]
        self.states = Cells(np.zeros((self.slots, 2), np.uint64))  # type: ignore[assignment]

    def block(self, group: int, number: int) -> NDArray[np.uint8]:
        size = self.block_size
        return self.cells[group].memory[number * size : (number + 1) * size].reshape(-1).view(np.uint8)  # type: ignore

    def slot_bytes(self, number: int) -> NDArray[np.uint8]:
        return self.states.memory[number].view(np.uint8)  # type: ignore[attr-defined, no-any-return]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts of some tokens are kept, in pieces of two blocks."""
    monkeypatch.setattr(text_pieces, "PIECE_BLOCKS", 2)
    monkeypatch.setattr(recall, "PIECE_BLOCKS", 2)
    monkeypatch.setattr(recall, "LEAST_GAIN", 1)
    monkeypatch.setattr(keeper, "LEAST_TOKENS", 1)


def folder(path: Path, notes: list[str] | None = None, most: int = 1 << 20) -> PieceFolder:
    return PieceFolder(path, "model", most, ([] if notes is None else notes).append)


def run(engine: Engine, model: ScriptedModel, prompts: Sequence[list[int]], draw: Random) -> list[list[int]]:
    """The texts of prompts that come at random times, each checked to be the one that it has alone."""
    texts: dict[int, list[int]] = {}
    waiting = [engine.request(prompt, SamplingParams(max_tokens=draw.randint(1, 8), eos=(5,))) for prompt in prompts]
    expected = {request.id: list(request.tokens) + alone(model, request).tokens for request in waiting}
    while waiting or engine.busy:
        if waiting and draw.random() < 0.5:
            request = waiting.pop(0)
            texts[request.id] = list(request.tokens)
            engine.submit(request)
        for event in engine.step():
            texts[event.request] += [] if event.token is None else [event.token]
        if draw.random() < 0.3:
            engine.keep()
        engine.check_integrity()
    assert texts == expected
    return list(texts.values())


def goes_on(texts: Sequence[list[int]], draw: Random) -> list[list[int]]:
    """Prompts that go on with texts, or branch off somewhere in them."""
    prompts = [[draw.randrange(32) for _ in range(draw.randint(1, 20))]]
    for text in texts:
        cut = draw.choice((len(text), len(text), draw.randint(1, len(text))))
        prompts.append((text[:cut] + [draw.randrange(32) for _ in range(draw.randint(1, 6))])[:55])
    return prompts


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_after_a_restart_are_those_that_requests_have_alone(shape: str, tmp_path: Path) -> None:
    recalled = 0
    for seed in range(6):
        draw, path, texts, notes = Random(seed), tmp_path / str(seed), [[1, 2, 3]], list[str]()
        for _ in range(4):
            model = BytesModel(**SHAPES[shape])
            engine = Engine(model, disk=(model, folder(path, notes, draw.choice((1 << 20, 30_000)))))
            texts = run(engine, model, goes_on(texts, draw), draw)
            engine.close()
            stats = engine.stats().disk
            assert stats is not None and stats.nbytes <= stats.most
            recalled += stats.recalled_tokens
        assert not notes
    assert recalled > 150


def chat(path: Path, model: BytesModel, prompt: list[int], notes: list[str] | None = None) -> tuple[list[int], int]:
    """The answer in a program of its own, and how many tokens came back from the disk for it."""
    engine = Engine(model, disk=(model, folder(path, notes)))
    (text,) = run(engine, model, [prompt], Random(0))
    engine.close()
    stats = engine.stats().disk
    assert stats is not None
    return text, stats.recalled_tokens


def pieces(path: Path) -> list[Path]:
    return sorted((path / "model").glob("*.piece"))


@pytest.mark.parametrize("fault", ["flipped", "cut", "longer", "header", "empty", "renamed", "other version"])
def test_a_damaged_file_is_passed_over_and_removed_with_one_notice(fault: str, tmp_path: Path) -> None:
    text, nothing = chat(tmp_path, BytesModel(), list(range(30)))
    assert nothing == 0
    for file in pieces(tmp_path):
        data = bytearray(file.read_bytes())
        if fault == "flipped":  # which is noticed when it is read
            data[-9] ^= open_piece(file).piece.begin == 0
        elif fault == "cut":
            del data[-1]
        elif fault == "longer":
            data.append(0)
        elif fault == "header":
            data[30] ^= 1
        elif fault == "other version":
            data[15:16] = b"0"
        file.write_bytes(b"" if fault == "empty" else data)
        if fault == "renamed":
            file.rename(file.with_name(f"0{file.name[1:]}" if file.name[0] != "0" else f"1{file.name[1:]}"))
    damaged, notes = pieces(tmp_path), list[str]()
    assert chat(tmp_path, BytesModel(), [*text, 7], notes)[1] < 30
    assert len(notes) == 1 and "passed over and removed" in notes[0]
    assert chat(tmp_path, BytesModel(), [*text, 7], notes)[1] >= 30 and len(notes) == 1  # written anew
    assert fault != "renamed" or not set(damaged) & set(pieces(tmp_path))


def test_the_least_recently_used_go_first_and_a_texts_end_before_its_beginning(tmp_path: Path) -> None:
    texts = {first: chat(tmp_path, BytesModel(), [first] * 24)[0] for first in (1, 2, 3)}
    assert all(recall_count(tmp_path, text, 1 << 20) >= 20 for text in texts.values())
    assert recall_count(tmp_path, texts[1], 1 << 20) >= 20  # which was used last
    size = max(file.stat().st_size for file in pieces(tmp_path))
    counts = {first: recall_count(tmp_path, texts[first], size * 5) for first in (1, 2, 3)}
    assert counts[1] >= 20 and counts[2] == 0, counts
    assert 0 < recall_count(tmp_path, texts[1], size * 2) <= 16 and len(pieces(tmp_path)) <= 2


def recall_count(path: Path, text: list[int], most: int) -> int:
    model = BytesModel()
    engine = Engine(model, disk=(model, folder(path, most=most)))
    engine.submit(engine.request([*text, 11], SamplingParams(max_tokens=1)))
    (event,) = [event for _ in range(9) if engine.busy for event in engine.step()]
    assert event.stats is not None
    return event.stats.cached_tokens


def test_two_programs_share_a_folder(tmp_path: Path) -> None:
    models = [BytesModel(), BytesModel()]
    engines = [Engine(model, disk=(model, folder(tmp_path))) for model in models]
    (text,) = run(engines[0], models[0], [list(range(30))], Random(0))
    engines[0].close()
    run(engines[1], models[1], [[*text, 3]], Random(0))  # which was written after it began
    stats = engines[1].stats().disk
    assert stats is not None and stats.recalled_tokens >= 30
    for file in pieces(tmp_path):
        file.unlink()  # as the other one may, where the folder is full
    run(engines[1], models[1], [list(range(29, 0, -1))], Random(0))
    engines[1].close()
    assert pieces(tmp_path)


def test_a_request_can_be_cancelled_while_its_beginning_comes_back(tmp_path: Path) -> None:
    text, _ = chat(tmp_path, BytesModel(), list(range(30)))
    model = BytesModel()
    engine = Engine(model, disk=(model, folder(tmp_path)))
    first = engine.submit(engine.request([7] * 9, SamplingParams(max_tokens=6)))
    second = engine.submit(engine.request([*text, 3], SamplingParams(max_tokens=6)))
    engine.step()
    engine.cancel(second)
    ends = {event.request: event.finish_reason for _ in range(20) if engine.busy for event in engine.step()}
    assert ends == {first: "length", second: "cancelled"}
    engine.check_integrity()


def test_the_last_texts_are_there_before_anybody_asks(tmp_path: Path) -> None:
    shape: dict[str, Any] = {"blocks": 80, "slots": 8}  # a quarter of it has room for two of these
    texts = [chat(tmp_path, BytesModel(**shape), [first] * 30)[0] for first in (9, 8, 7)]
    model = BytesModel(**shape)
    engine = Engine(model, disk=(model, folder(tmp_path)))
    while engine.rest == 0:
        engine.keep()
        engine.check_integrity()
    stats = engine.stats()
    assert engine.rest is None and stats.kept_blocks == sum(-(-(len(text) - 1) // 4) for text in texts[1:])
    runs = model.rows_run
    run(engine, model, [[*text, 3] for text in texts[1:]], Random(0))
    assert model.rows_run - runs < 30


def test_a_thread_keeps_while_it_rests_and_when_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "_PAUSE", 0.0)
    model = BytesModel()
    disk = folder(tmp_path)
    thread = EngineThread(Engine(model, disk=(model, disk)))
    list(thread.stream(list(range(30)), SamplingParams(max_tokens=4)))
    for _ in range(1000):
        if disk.nbytes:
            break
        time.sleep(0.01)
    assert disk.nbytes
    monkeypatch.setattr(keeper, "_PAUSE", 1e9)
    list(thread.stream(list(range(29, 0, -1)), SamplingParams(max_tokens=4)))
    before = len(pieces(tmp_path))
    thread.close()
    assert len(pieces(tmp_path)) > before


def test_a_disk_that_takes_nothing_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("causerie.cache.disk.piece.tempfile.mkstemp", full)
    notes: list[str] = []
    for prompt in (list(range(30)), [3] * 30):
        chat(tmp_path, BytesModel(), prompt, notes)
    assert [note.split(":")[0] for note in notes] == ["Nothing of this chat's cache was kept on the disk"] * 2


def test_of_a_text_that_is_too_large_its_beginning_is_kept(tmp_path: Path) -> None:
    model = BytesModel()
    engine = Engine(model, disk=(model, folder(tmp_path, most=20_000)))
    (text,) = run(engine, model, [list(range(31)) + list(range(24))], Random(0))
    engine.close()
    assert recall_count(tmp_path, text[:40], 20_000) >= 8

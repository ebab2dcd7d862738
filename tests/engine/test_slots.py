"""What convolutions and recurrences remember: a chat's next turn, an edit and a branch read only what is new, within a
bound of snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from causerie.engine.message_ends import message_ends
from tests.engine.scripted import ScriptedModel
from tests.engine.test_drafting import Drafted
from tests.engine.test_scheduler import Watched, text, text_of

EOS = 9


def hybrid(**settings: Any) -> ScriptedModel:
    return ScriptedModel(**{"context": 1000, "blocks": 400, "max_tokens": 64, "slots": 8} | settings)


def message(token: int, length: int = 70) -> list[int]:
    return [token] * (length - 1) + [EOS]


def rows(engine: Watched, number: int) -> list[int]:
    """How many rows a request had in each of its steps."""
    return [counts[number] for counts in engine.counts() if number in counts]


def snapshots(engine: Watched) -> int:
    return len(engine._cache.index.snapshots)


def test_the_ends_of_messages() -> None:
    assert message_ends([*message(1), *message(2), 3, 4], {EOS}, 4) == (70, 140)
    assert message_ends([*message(1, 10), *message(2, 60), *message(3, 30), 4], {EOS}, 4) == (10, 100)
    assert message_ends([*message(1, 10), *message(2, 64), *message(3, 3)], {EOS}, 4) == (10, 74, 77)  # the last always
    assert message_ends([*message(1), *[2] * 4], {EOS}, 4) == (70,)
    assert message_ends([*message(1), *[2] * 5], {EOS}, 4) == (70, 72)  # no chat: the last whole block before its end
    assert message_ends([1] * 40, {EOS}, 16) == (32,)
    assert message_ends([1] * 33, {EOS}, 16) == (32,)
    assert message_ends([1] * 32, {EOS}, 16) == (16,)
    assert message_ends([1] * 16, {EOS}, 16) == ()
    assert message_ends([1] * 9, set(), 16) == ()


def test_the_next_turn_reads_only_what_is_new() -> None:
    engine = Watched(hybrid())
    chat = [*message(1), 2, 3]
    first = engine.start(chat, max_tokens=7, eos=(EOS,), ignore_eos=True)
    chat += text(engine.finish()[first])
    second = engine.start([*chat, 4, 5, 6], max_tokens=1, eos=(EOS,))
    last = engine.finish()[second][-1]
    assert sum(rows(engine, second)) == 4  # the last token of the answer was never fed
    assert last.stats is not None and last.stats.cached_tokens == 78


def test_an_edit_and_a_branch_read_from_the_end_of_a_message() -> None:
    engine = Watched(hybrid())
    start = [*message(1), *message(2), 3, 3]
    engine.start(start, max_tokens=20, eos=(EOS,), ignore_eos=True)
    engine.finish()
    edited = engine.start([*message(1), *message(4), 3, 3], max_tokens=2, eos=(EOS,))
    engine.finish()
    assert sum(rows(engine, edited)) == 72 + 1
    branch = engine.start([*start[:-1], 5], max_tokens=2, eos=(EOS,))
    answer = text(engine.finish()[branch])
    assert sum(rows(engine, branch)) == 2 + 1
    assert answer == text_of(engine._model, [*start[:-1], 5], 2)  # type: ignore[arg-type]


def test_reading_stops_at_the_ends_where_there_are_slots() -> None:
    prompt = [*message(1, 30), *message(2, 90), 3, 3]
    for slots, chunks in ((8, [30, 64, 26, 2]), (0, [64, 58])):
        engine = Watched(hybrid(slots=slots))
        number = engine.start(prompt, max_tokens=1, eos=(EOS,))
        engine.finish()
        assert rows(engine, number) == chunks
        assert snapshots(engine) == (3 if slots else 0)  # after each message, and after the whole


def test_a_prompt_that_is_no_chat_is_found_again() -> None:
    engine = Watched(hybrid())
    prompt = [1, 2, 3] * 20
    for _ in range(2):
        number = engine.start(prompt, max_tokens=1)
        engine.finish()
    assert rows(engine, number) == [4]


def test_equal_prompts_are_read_once() -> None:
    """Those that follow wait until the leader has read to the end of its last message."""
    engine = Watched(hybrid())
    prompt = [*message(1), *message(2, 31), 3, 3, 3, 3]
    for _ in range(4):
        engine.start(prompt, max_tokens=1, eos=(EOS,))
    events = engine.finish()
    assert len({tuple(text(found)) for found in events.values()}) == 1
    assert engine.counts() == [{0: 64}, {0: 6}, {0: 31}, {0: 4, 1: 4, 2: 4, 3: 4}]


def test_other_prompts_do_not_wait() -> None:
    engine = Watched(hybrid())
    for start in (1, 2):
        engine.start([*message(start, 40), 3], max_tokens=1, eos=(EOS,))
    engine.finish()
    assert len(engine.counts()[0]) == 2


def test_a_client_without_a_slot_gets_one_of_who_has_more() -> None:
    engine = Watched(hybrid(slots=3))
    for start in range(3):
        engine.start([start] * 5, max_tokens=60, client="many")
    for _ in range(5):
        engine.step()
    single = engine.start([7] * 5, max_tokens=2, client="one")
    engine.step()
    assert single in engine.counts()[-1] and len(engine.counts()[-1]) == 3
    events = engine.finish()
    assert [len(text(events[start])) for start in (0, 1)] == [55, 55]  # of 60, five of which came before


def test_snapshots_are_as_many_as_slots_and_the_oldest_goes_first() -> None:
    engine = Watched(hybrid(slots=5))
    texts = [[*message(start, 65), 1] for start in range(1, 4)]
    for prompt in texts[:2]:
        engine.start(prompt, max_tokens=1, eos=(EOS,))
        engine.finish()
    assert snapshots(engine) == 4
    asked = []
    for at, last in (
        (0, 2),
        (2, 1),
        (0, 3),
        (2, 2),
        (1, 2),
    ):  # the first is not the oldest any more when room is needed
        asked.append(engine.start([*texts[at][:-1], last], max_tokens=1, eos=(EOS,)))
        engine.finish()
        assert snapshots(engine) <= 5
    assert [sum(rows(engine, number)) for number in asked] == [1, 66, 1, 1, 66]


def test_no_more_run_than_there_are_slots() -> None:
    engine = Watched(hybrid(slots=3))
    for start in range(6):
        engine.start([start] * 5, max_tokens=4)
    events = engine.finish()
    assert max(len(counts) for counts in engine.counts()) == 3
    for start, found in events.items():
        assert text(found) == text_of(engine._model, [start] * 5, 4)  # type: ignore[arg-type]


def test_a_draft_that_is_not_wholly_right_is_read_again() -> None:
    engine = Drafted(hybrid(max_tokens=16), right=0.0, longest=4)
    engine.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    number = engine.start([1, 2], max_tokens=9)
    events = engine.finish()[number]
    assert rows(engine, number) == [2, 5, 2, 5, 2, 4, 2, 2, 2]
    assert text(events) == text_of(engine._model, [1, 2], 9)  # type: ignore[arg-type]
    right = Drafted(hybrid(max_tokens=16), longest=4)
    right.drafter._random.randint = lambda low, high: high  # type: ignore[method-assign]
    number = right.start([1, 2], max_tokens=9)
    right.finish()
    assert rows(right, number) == [2, 5, 3]


@pytest.mark.parametrize(("slots", "drafted"), [(2, True), (1, False)])
def test_without_a_second_slot_there_is_no_draft(slots: int, drafted: bool) -> None:
    engine = Drafted(hybrid(slots=slots), right=0.0, longest=4)
    number = engine.start([1, 2], max_tokens=6)
    engine.finish()
    assert (max(rows(engine, number)) > 2) == drafted


def test_after_a_failed_step_all_slots_are_free() -> None:
    engine = Watched(hybrid(fail_at=frozenset({2})))
    for _ in range(2):
        engine.start([*message(1), 2], max_tokens=3, eos=(EOS,))
    engine.finish()
    stats = engine.stats().slots
    assert (stats.total, stats.busy) == (8, 0)
    engine = Watched(hybrid(fail_at=frozenset({2})))
    engine.start([*message(1), 2], max_tokens=30, eos=(EOS,))
    for _ in range(3):
        engine.step()
    assert engine.stats().slots.free == 8 and snapshots(engine) == 0
